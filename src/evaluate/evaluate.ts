import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { failpoint } from '../base/failpoint.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { aborted, type Service } from '../base/service.ts';
import type { Vitals } from '../instance/instance-record.ts';
import { ClaimLost, type Claim, type Log } from '../log/log.ts';
import type { RuleChange, RulesInForce } from '../rule/rule-book.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { topics } from '../topics.ts';
import { EffectsWriter } from './effects-writer.ts';
import { evaluateMeters, type EvaluateMeters, type Progress } from './evaluate-meters.ts';
import { futureMsMax, HeadClock } from './head-clock.ts';
import { LateStates } from './late-states.ts';
import { MisplacedMetrics } from './misplaced-metrics.ts';
import { MeasureFill } from './measure-fill.ts';
import { MetricPartitions } from './metric-partitions.ts';
import { PartitionClock } from './partition-clock.ts';
import type { PartitionEvaluator } from './partition-evaluator.ts';
import { restore } from './restore.ts';
import { SeriesBudget } from './series-budget.ts';

export interface EvaluateOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly rules: Omit<RuleFeed, 'book'> & { readonly book: RulesInForce };
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Where what is told of this instance is left. */
  readonly vitals?: Vitals;
  /** For a simulation, in which time passes in jumps or not at all; see PartitionClock and HeadClock. */
  readonly waits?: { readonly pauseMsMin: number; readonly graceMs: number };
  /** Series that this instance may hold at the most. */
  readonly seriesMax?: number;
  /** Bytes that its windows may take. */
  readonly windowBytesMax?: number;
}

/** The name of the group that shares the partitions of `metrics`. */
export const evaluateGroup = 'ssrms-evaluate';

/** How often the evaluator is told what the clocks say. */
const timeEveryMs = 250;
/** How often it is looked whether a former owner wrote after this one began: long before compaction could drop what it hides. */
const lateStatesEveryMs = 5_000;
/** How often it is looked whether metrics of another partition are received there. */
const misplacedEveryMs = 5_000;
/** How often the records of alarms that are long over are deleted. */
const deleteEveryMs = 60_000;

/**
 * The evaluator: samples in, notifications and states out. Each claimed partition is a loop of its own: restore, then judge
 * batch after batch, writing what follows from one while the next is judged.
 */
export function createEvaluate(options: EvaluateOptions): Service {
  const budget = new SeriesBudget(options.seriesMax, undefined, options.windowBytesMax);
  const meters = evaluateMeters(options, budget);
  const headClock = new HeadClock(options.clock.monotonicMs(), options.waits?.graceMs);
  const partitions = new MetricPartitions(options.log, options.logger);
  const ready = options.health.awaitReady('evaluate');
  return {
    name: 'evaluate',
    async run(signal) {
      await Promise.race([options.rules.caughtUp, aborted(signal)]);
      if (signal.aborted) return;
      ready();
      await options.log.process(
        topics.metrics.name,
        evaluateGroup,
        (claim) => evaluatePartition(claim, { ...options, budget, headClock, partitions }, meters),
        signal,
      );
    },
  };
}

async function evaluatePartition(
  claim: Claim,
  options: EvaluateOptions & {
    readonly budget: SeriesBudget;
    readonly headClock: HeadClock;
    readonly partitions: MetricPartitions;
  },
  meters: EvaluateMeters,
): Promise<void> {
  const { log, clock, rules, logger, budget, partitions } = options;
  const beganMs = clock.monotonicMs();
  await partitions.refresh();
  const changes = new BufferedChanges(rules);
  const owns = partitions.ownedBy(claim.partition);
  const restoring = restore(claim, { log, clock, book: rules.book, logger, budget, owns });
  restoring.catch(() => changes.end());
  const restored = await restoring;
  const { evaluator, start } = restored;
  const measureFill = new MeasureFill(rules.book, claim.partition, clock);
  const lateStates = new LateStates(claim, { log, clock, logger }, restored.statesNext);
  const misplaced = new MisplacedMetrics({ partition: claim.partition, partitions }, { log, clock });
  const writer = new EffectsWriter(claim, clock, (records) => lateStates.append(records));
  const partitionClock = new PartitionClock(claim, clock, options.headClock, options.waits?.pauseMsMin);
  const progress = meters.begin(claim, start, evaluator);
  const tookMs = Math.round(clock.monotonicMs() - beganMs);
  logger.debug({ partition: claim.partition, start, series: evaluator.seriesCount(), tookMs }, 'partition restored');

  // Effects of timers and rule edits are written with the current position.
  const flush = (): void => {
    const effects = evaluator.drain();
    if (effects.ahead.length + effects.notifications.length + effects.states.length > 0)
      writer.write(effects, progress.position);
  };
  const sawNewMetrics = (): void => {
    const newMetrics = evaluator.takeNewMetrics();
    meters.sawMetrics(newMetrics, claim.partition, partitions);
    misplaced.saw(newMetrics);
  };
  const stopTimers = watchTime({ evaluator, clock, partitionClock, progress, writer, lateStates, misplaced, flush });
  try {
    flush();
    // Those of the alarms that were restored: of a metric that has moved no sample comes any more.
    sawNewMetrics();
    changes.begin((change, atMs) => {
      const isConcerned = evaluator.ruleChanged(change, atMs);
      measureFill.ruleChanged(change, evaluator, atMs);
      if (isConcerned) flush();
    });
    for await (const chunk of untilFailure(claim.read(start), writer)) {
      failpoint('evaluate.after-poll');
      measureFill.retry(evaluator, budget.windows);
      await measureFill.fill(evaluator, log, progress.position);
      evaluator.latestMs = clock.wallMs() + futureMsMax;
      evaluator.monotonicMs = clock.monotonicMs();
      evaluator.evaluateChunk(chunk, meters.count);
      meters.delayOf(chunk);
      partitionClock.took(chunk);
      sawNewMetrics();
      progress.position = chunk.nextOffset;
      writer.write(evaluator.drain(), chunk.nextOffset);
      await writer.room();
      // Yield, so that heartbeats and sockets are served.
      await nextTurn();
    }
  } finally {
    stopTimers();
    changes.end();
    progress.end();
    evaluator.close();
  }
  await writer.close().catch((error: unknown) => {
    // Losing the partition is no fault: the next owner begins where ours is known to have come.
    if (!(error instanceof ClaimLost)) throw error;
  });
}

/** Starts the timers for what follows from the clocks, deletions and late states. Returns how to stop them. */
function watchTime(partition: {
  readonly evaluator: PartitionEvaluator;
  readonly clock: Clock;
  readonly partitionClock: PartitionClock;
  readonly progress: Progress;
  readonly writer: EffectsWriter;
  readonly lateStates: LateStates;
  readonly misplaced: MisplacedMetrics;
  readonly flush: () => void;
}): () => void {
  const { evaluator, clock, partitionClock, progress, writer, lateStates, misplaced, flush } = partition;
  const timers = [
    clock.every(timeEveryMs, () => {
      if (partitionClock.hasPaused(timeEveryMs)) evaluator.beganAt(clock.monotonicMs());
      const reading = partitionClock.read(progress.position, evaluator.newestMs);
      if (reading === undefined) return;
      evaluator.passTime(reading);
      flush();
    }),
    clock.every(deleteEveryMs, () => {
      evaluator.deleteFinished(writer.committed ?? 0, clock.monotonicMs());
      flush();
    }),
    clock.every(lateStatesEveryMs, () => {
      const looked = lateStates.look(evaluator, () => progress.position);
      looked.then(flush).catch((error: unknown) => writer.fail(error));
    }),
    clock.every(misplacedEveryMs, () => {
      const looked = misplaced.look(evaluator);
      looked.then(flush).catch((error: unknown) => writer.fail(error));
    }),
  ];
  return () => timers.forEach((end) => end());
}

type ChangeListener = (change: RuleChange, atMs: number) => void;

/** Buffers rule changes while a partition is restored, and replays them afterwards. */
class BufferedChanges {
  readonly #early: Parameters<ChangeListener>[] = [];
  #listener: ChangeListener | undefined;
  readonly end: () => void;

  constructor(rules: Pick<RuleFeed, 'subscribe'>) {
    this.end = rules.subscribe((change, { timestampMs }) => {
      if (this.#listener === undefined) this.#early.push([change, timestampMs]);
      else this.#listener(change, timestampMs);
    });
  }

  begin(listener: ChangeListener): void {
    for (const early of this.#early) listener(...early);
    this.#listener = listener;
  }
}

/** What the source gives, until it ends; rejects as soon as the writer fails, also while the source waits. */
async function* untilFailure<Value>(
  source: AsyncIterable<Value>,
  writer: EffectsWriter,
): AsyncGenerator<Value, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    while (true) {
      const result = await new Promise<IteratorResult<Value>>((resolve, reject) => {
        writer.onFailure = reject;
        // It may have failed while nobody listened, and a source without records would then wait for ever.
        if (writer.failure !== undefined) reject(writer.failure);
        iterator.next().then(resolve, reject);
      });
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    writer.onFailure = () => {};
    // Not awaited: a source that waits for records ends when the claim does.
    void iterator.return?.();
  }
}
