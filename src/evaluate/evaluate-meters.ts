import type { Clock } from '../base/clock.ts';
import type { Health, HealthReport } from '../base/health.ts';
import type { Meter } from '../base/meter.ts';
import type { Vitals } from '../instance/instance-record.ts';
import { maxTimestamp } from '../log/batch.ts';
import type { Claim } from '../log/log.ts';
import type { RecordChunk } from '../log/record.ts';
import type { SeriesBudget } from './series-budget.ts';
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
  /** A metric was seen in a partition that its name does not lead to. */
  misrouted(): void;
}

const delayBucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const readable: ReadonlySet<string> = new Set<Outcome>(['evaluated', 'late', 'too_many_series']);

/** The evaluator's counters, gauges and health: every record read is counted by what became of it. */
export function evaluateMeters(
  {
    clock,
    meter,
    health,
    vitals = {},
  }: { readonly clock: Clock; readonly meter: Meter; readonly health: Health; readonly vitals?: Vitals },
  budget: SeriesBudget,
): EvaluateMeters {
  const running = new Map<number, { claim: Claim; progress: Progress; evaluator: PartitionEvaluator }>();
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
  meter.gauge('evaluate_partitions', 'Partitions of metrics that this instance owns', [], (gauge) =>
    gauge.set(running.size),
  );
  meter.gauge('evaluate_series', 'Series held', [], (gauge) => gauge.set(budget.held));
  meter.gauge('evaluate_lag_records', 'Records not evaluated yet', ['partition'], (gauge) => {
    gauge.reset();
    for (const [partition, { claim, progress }] of running) {
      gauge.set({ partition: String(partition) }, Math.max(0, claim.head().offset - progress.position));
    }
  });
  const counts: Partial<Record<Outcome, number>> = {};
  let misroutedMetrics = 0;
  vitals.evaluate = () => ({
    partitions: [...running].map(
      ([
        partition,
        {
          claim,
          progress: { position },
        },
      ]) => {
        return [partition, position, Math.max(0, claim.head().offset - position)] as const;
      },
    ),
    series: budget.held,
    samples: { ...counts },
    misrouted: misroutedMetrics,
  });
  health.add('evaluate', () => reportOf(counts, running.size, budget));
  return {
    begin(claim, start, evaluator) {
      const progress: Progress = { position: start, end: () => running.delete(claim.partition) };
      running.set(claim.partition, { claim, progress, evaluator });
      return progress;
    },
    misrouted() {
      misroutedMetrics++;
      misrouted.inc();
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

function reportOf(counts: Partial<Record<Outcome, number>>, partitions: number, budget: SeriesBudget): HealthReport {
  const refused = counts.too_many_series ?? 0;
  const unreadable = Object.entries(counts).reduce(
    (sum, [outcome, count]) => sum + (readable.has(outcome) ? 0 : count),
    0,
  );
  const skipped = unreadable === 0 ? '' : `; ${unreadable} samples could not be read and were skipped`;
  const detail = `${partitions} partitions, ${budget.held} series${skipped}`;
  if (refused === 0) return { status: 'pass', detail };
  const limits = `${budget.seriesMax} in an instance, ${budget.seriesPerMetricMax} of a metric`;
  return {
    status: 'warn',
    detail: `${detail}; ${refused} samples of new series were refused: there may be ${limits}`,
  };
}
