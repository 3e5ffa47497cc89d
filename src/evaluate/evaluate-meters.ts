import type { Clock } from '../base/clock.ts';
import type { Health, HealthReport } from '../base/health.ts';
import type { Meter } from '../base/meter.ts';
import type { Logger } from '../base/logger.ts';
import {
  allSkewed,
  refusedWindowsMax,
  type EvaluatedPartition,
  type SkewedSeries,
  type Vitals,
} from '../instance/instance-record.ts';
import { maxTimestamp } from '../log/batch.ts';
import type { Claim } from '../log/log.ts';
import type { RecordChunk } from '../log/record.ts';
import type { MetricPartitions } from './metric-partitions.ts';
import { MisroutedMetrics } from './misrouted.ts';
import type { SeriesBudget } from './series-budget.ts';
import type { WindowBudget } from './window-budget.ts';
import { SeriesClocks, type HeadSeen } from './series-clocks.ts';
import { Standstill } from './standstill.ts';
import type { Outcome, PartitionEvaluator } from './partition-evaluator.ts';

/** How far one partition has come. */
export interface Progress {
  /** The first offset not judged yet. */
  position: number;
  end(): void;
}

export interface EvaluateMeters {
  begin(claim: Claim, start: number, evaluator: PartitionEvaluator): Progress;
  readonly count: (outcome: Outcome, records: number) => void;
  /** How old the newest record of a chunk was when it had been evaluated. */
  delayOf(chunk: RecordChunk): void;
  /** Takes metrics first seen in a partition, of which some may not belong there. */
  sawMetrics(metrics: readonly string[], partition: number, partitions: MetricPartitions): void;
}

/** Every ten seconds the clocks of a partition's series are compared with this server's, and misrouted metrics warned of. */
const turns = 10;
const turnMs = 1_000;
/** A position that has not moved for so long, with records behind it, is no slow batch. */
const standstillMs = 8_000;
const delayBucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const readable: ReadonlySet<string> = new Set<Outcome>(['evaluated', 'late', 'too_many_series', 'misplaced']);

interface EvaluateMetersOptions {
  readonly clock: Clock;
  readonly meter: Meter;
  readonly health: Health;
  readonly logger: Logger;
  readonly vitals?: Vitals;
}

/** A partition that this instance owns. */
interface RunningPartition {
  readonly claim: Claim;
  readonly progress: Progress;
  readonly clocks: SeriesClocks;
  readonly standstill: Standstill;
}

/** The evaluator's counters, gauges and health: every record read is counted by what became of it. */
export function evaluateMeters(
  { clock, meter, health, logger, vitals = {} }: EvaluateMetersOptions,
  budget: SeriesBudget,
): EvaluateMeters {
  const running = new Map<number, RunningPartition>();
  const misroutedMetrics = new MisroutedMetrics(clock, logger);
  gaugePartitions(meter, running, budget);
  const samples = meter.counter('evaluate_samples_total', 'Samples read, by what became of them', ['outcome']);
  const misrouted = meter.counter(
    'evaluate_misrouted_metrics_total',
    'Metrics seen in a partition that their name does not lead to',
  );
  const delay = meter.histogram(
    'evaluate_delay_seconds',
    'Age of the newest sample of a batch when it had been evaluated',
    delayBucketsSeconds,
  );
  const counts: Partial<Record<Outcome, number>> = {};
  vitals.evaluate = () => ({
    partitions: [...running].map(evaluatedPartition),
    series: budget.held,
    samples: { ...counts },
    misrouted: misroutedMetrics.count,
    ...skewedOf(running),
    refusedWindows: budget.windows
      .refused()
      .slice(0, refusedWindowsMax)
      .map(({ metricName, request, series }) => [metricName, request.key, series] as const),
  });
  const refusals = new RecentRefusals(clock, budget);
  health.add('evaluate', () => {
    const stopped = standstillText(running);
    if (stopped !== undefined) return { status: 'fail', detail: stopped };
    return reportOf({ counts, running, budget, isRefusing: refusals.areRecent() });
  });
  return {
    begin(claim, start, evaluator) {
      const [clocks, standstill] = [new SeriesClocks(), new Standstill()];
      // The partitions take turns: at a million series all of them together would hold up what is live for 50 ms.
      let turn = claim.partition;
      const stop = clock.every(turnMs, () => {
        refusals.look();
        standstill.look(progress.position, claim.head().offset, clock.monotonicMs());
        if (turn++ % turns !== 0) return;
        clocks.look(evaluator.metrics.values(), headOf(claim, clock), clock.wallMs());
        misroutedMetrics.warn();
      });
      const end = (): void => {
        stop();
        running.delete(claim.partition);
      };
      const progress: Progress = { position: start, end };
      running.set(claim.partition, { claim, progress, clocks, standstill });
      return progress;
    },
    sawMetrics(metrics, partition, partitions) {
      misrouted.inc(misroutedMetrics.saw(metrics, partition, partitions));
    },
    count(outcome, records) {
      samples.inc({ outcome }, records);
      counts[outcome] = (counts[outcome] ?? 0) + records;
    },
    delayOf({ batches }) {
      const newest = batches.at(-1);
      if (newest !== undefined) delay.observe(Math.max(0, clock.wallMs() - maxTimestamp(newest)) / 1_000);
    },
  };
}

function evaluatedPartition([partition, { claim, progress }]: readonly [number, RunningPartition]): EvaluatedPartition {
  const { position } = progress;
  return [partition, position, Math.max(0, claim.head().offset - position)];
}

function gaugePartitions(meter: Meter, running: ReadonlyMap<number, RunningPartition>, budget: SeriesBudget): void {
  meter.gauge('evaluate_partitions', 'Partitions of metrics that this instance owns', [], (gauge) =>
    gauge.set(running.size),
  );
  meter.gauge('evaluate_series', 'Series held', [], (gauge) => gauge.set(budget.held));
  meter.gauge('evaluate_series_refused', 'Samples refused although a rule matches their series', [], (gauge) =>
    gauge.set(budget.watchedRefused),
  );
  meter.gauge('evaluate_window_bytes', 'Memory that windows take', [], (gauge) => gauge.set(budget.windows.held));
  meter.gauge('evaluate_windows_refused', 'Series without a window, for want of memory', [], (gauge) =>
    gauge.set(budget.windows.refusedSeries),
  );
  meter.gauge('evaluate_series_evicted', 'Series that made room for others', [], (gauge) => gauge.set(budget.evicted));
  meter.gauge('evaluate_lag_records', 'Records not evaluated yet', ['partition'], (gauge) => {
    gauge.reset();
    for (const [partition, { claim, progress }] of running) {
      gauge.set({ partition: String(partition) }, Math.max(0, claim.head().offset - progress.position));
    }
  });
  meter.gauge('evaluate_series_ahead', "Series whose time is ahead of this server's clock", [], (gauge) =>
    gauge.set(skewedOf(running).ahead.count),
  );
  meter.gauge('evaluate_series_behind', 'Series whose samples arrive more than 60 s late', [], (gauge) =>
    gauge.set(skewedOf(running).behind.count),
  );
}

function skewedOf(running: ReadonlyMap<number, RunningPartition>): Record<'ahead' | 'behind', SkewedSeries> {
  const clocks = [...running.values()].map((partition) => partition.clocks);
  return { ahead: allSkewed(clocks.map(({ ahead }) => ahead)), behind: allSkewed(clocks.map(({ behind }) => behind)) };
}

/** The head as last heard of, and when that was. */
function headOf(claim: Claim, clock: Clock): HeadSeen {
  const { offset, heardAtMs } = claim.head();
  return { offset, atMs: clock.wallMs() - (clock.monotonicMs() - heardAtMs) };
}

/** Undefined when every partition that has records to evaluate goes on. */
function standstillText(running: ReadonlyMap<number, RunningPartition>): string | undefined {
  const stopped = [...running].filter(([, { standstill }]) => standstill.forMs >= standstillMs);
  if (stopped.length === 0) return undefined;
  const longestMs = Math.max(...stopped.map(([, { standstill }]) => standstill.forMs));
  const records = stopped.reduce((sum, [, { claim, progress }]) => sum + claim.head().offset - progress.position, 0);
  const partitions = stopped.map(([partition]) => partition).join(', ');
  return `evaluation of partitions ${partitions} stands still for ${Math.round(longestMs / 1_000)} s, with ${records} records to evaluate. Repair: see the check of the log, and this process's log; restart it when neither says more`;
}

/** Whether samples that a rule is about were refused lately. */
class RecentRefusals {
  readonly #clock: Clock;
  readonly #budget: SeriesBudget;
  #seen = 0;
  #seenAtMs = -Infinity;

  constructor(clock: Clock, budget: SeriesBudget) {
    this.#clock = clock;
    this.#budget = budget;
  }

  look(): void {
    if (this.#budget.watchedRefused === this.#seen) return;
    this.#seen = this.#budget.watchedRefused;
    this.#seenAtMs = this.#clock.monotonicMs();
  }

  areRecent(): boolean {
    this.look();
    return this.#clock.monotonicMs() - this.#seenAtMs < refusalIsRecentMs;
  }
}

/** After this time without a refusal health is no longer bad: senders repeat themselves much sooner. */
const refusalIsRecentMs = 5 * 60_000;

interface Reported {
  readonly counts: Partial<Record<Outcome, number>>;
  readonly running: ReadonlyMap<number, RunningPartition>;
  readonly budget: SeriesBudget;
  readonly isRefusing: boolean;
}

function reportOf({ counts, running, budget, isRefusing }: Reported): HealthReport {
  const refused = counts.too_many_series ?? 0;
  const unreadable = Object.entries(counts).reduce(
    (sum, [outcome, count]) => sum + (readable.has(outcome) ? 0 : count),
    0,
  );
  const skipped = unreadable === 0 ? '' : `; ${unreadable} samples could not be read and were skipped`;
  const { ahead, behind } = skewedOf(running);
  const clocks =
    skewedText(ahead, "is ahead of this server's clock", "are ahead of this server's clock") +
    skewedText(behind, 'arrives late', 'arrive late');
  const { misplaced = 0 } = counts;
  const wrong =
    misplaced === 0
      ? ''
      : `; ${misplaced} samples stand in a wrong partition and were skipped, as the right one receives their metrics`;
  const windows = refusedWindowsText(budget.windows);
  const detail = `${running.size} partitions, ${budget.held} series${skipped}${wrong}${clocks}${windows}`;
  if (windows !== '') return { status: 'fail', detail };
  if (refused === 0) return { status: clocks + wrong === '' ? 'pass' : 'warn', detail };
  const limits = `${budget.seriesMax} in an instance, ${budget.seriesPerMetricMax} of a metric`;
  const told = `${detail}; ${refused} samples of new series were refused: there may be ${limits}`;
  if (budget.watchedRefused === 0) return { status: 'warn', detail: told };
  const lost = `; of ${budget.watchedRefused} of them rules are watching the metric, and cannot fire: raise SERIES_MAX, add instances, or find who sends so many series`;
  return { status: isRefusing ? 'fail' : 'warn', detail: told + lost };
}

/** Empty when there are none. */
function refusedWindowsText(windows: WindowBudget): string {
  const [most] = windows.refused();
  if (most === undefined) return '';
  const megabytes = Math.round(windows.bytesMax / 2 ** 20);
  return `; ${windows.refusedSeries} series have no window, most of them of ${most.metricName}, since windows may take ${megabytes} MB: rules are not evaluated there, and cannot fire: raise WINDOW_MEMORY_MB, add instances, shorten windows, or find who sends so many series`;
}

/** Empty when there are none. */
function skewedText({ count, first }: SkewedSeries, one: string, many: string): string {
  if (count === 0) return '';
  const names = first.map(([series, seconds]) => `${series} by ${seconds} s`).join(', ');
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  return `; ${count} series ${count === 1 ? one : many}: ${names}${more}`;
}
