import { setImmediate as nextTurn } from 'node:timers/promises';
import { failpoint } from '../base/failpoint.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { aborted, type Service } from '../base/service.ts';
import { ClaimLost, type Claim, type Log } from '../log/log.ts';
import { partitionOf } from '../log/murmur2.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { topics } from '../topics.ts';
import { EffectsWriter } from './effects-writer.ts';
import { evaluateMeters, type EvaluateMeters } from './evaluate-meters.ts';
import type { PartitionEvaluator } from './partition-evaluator.ts';
import { restore } from './restore.ts';
import { SeriesBudget } from './series-budget.ts';
import { Windows } from './windows.ts';

export interface EvaluateOptions {
  readonly log: Log;
  readonly rules: RuleFeed;
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Series that this instance may hold at the most. */
  readonly seriesMax?: number;
}

/** The name of the group that shares the partitions of `metrics`. */
export const evaluateGroup = 'ssrms-evaluate';

/** How often series are asked whether they owe a sample. */
const silenceEveryMs = 250;
/** Heard from the log within this time, the head is where it was said to be. */
const headFreshMsMax = 2_000;

/**
 * The evaluator: samples in, notifications and states out. Each claimed partition is a loop of its own: restore, then judge
 * batch after batch, writing what follows from one while the next is judged.
 */
export function createEvaluate(options: EvaluateOptions): Service {
  const budget = new SeriesBudget(options.seriesMax);
  const meters = evaluateMeters(options.meter, options.health, budget);
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
        (claim) => evaluatePartition(claim, { ...options, budget }, meters),
        signal,
      );
    },
  };
}

async function evaluatePartition(
  claim: Claim,
  options: EvaluateOptions & { readonly budget: SeriesBudget },
  meters: EvaluateMeters,
): Promise<void> {
  const { log, rules, logger, budget } = options;
  const beganMs = performance.now();
  const partitions = await log.partitionCount(topics.metrics.name);
  const { evaluator, start } = await restore(claim, { log, book: rules.book, logger, budget });
  const windows = new Windows(rules.book, claim.partition);
  const writer = new EffectsWriter(claim);
  const progress = meters.begin(claim, start, evaluator);
  logger.debug(
    {
      partition: claim.partition,
      start,
      series: evaluator.seriesCount(),
      tookMs: Math.round(performance.now() - beganMs),
    },
    'partition restored',
  );

  // What a restore or a change of a rule ended is written at the position that has been reached.
  const flush = (): void => {
    const effects = evaluator.drain();
    if (effects.notifications.length + effects.states.length > 0) writer.write(effects, progress.position);
  };
  const unsubscribe = rules.subscribe((change) => {
    evaluator.ruleChanged(change);
    windows.ruleChanged(change, evaluator);
    flush();
  });
  const silence = setInterval(() => {
    evaluator.judgeSilence(clockOf(claim, evaluator, progress.position));
    flush();
  }, silenceEveryMs);
  try {
    flush();
    for await (const chunk of untilFailure(claim.read(start), writer)) {
      failpoint('evaluate.after-poll');
      await windows.fill(evaluator, log, progress.position);
      evaluator.evaluateChunk(chunk, meters.count);
      meters.delayOf(chunk);
      warnOfMisrouted(evaluator.takeNewMetrics(), claim.partition, { meters, logger, partitions });
      progress.position = chunk.nextOffset;
      writer.write(evaluator.drain(), chunk.nextOffset);
      await writer.room();
      // What is buffered would else be judged without a turn for heartbeats and sockets.
      await nextTurn();
    }
  } finally {
    clearInterval(silence);
    unsubscribe();
    progress.end();
    evaluator.close();
  }
  await writer.close().catch((error: unknown) => {
    // Losing the partition is no fault: the next owner begins where ours is known to have come.
    if (!(error instanceof ClaimLost)) throw error;
  });
}

/** Warns of metrics that stand in another partition than their name leads to: their writer places keys another way. */
function warnOfMisrouted(
  metrics: readonly string[],
  partition: number,
  { meters, logger, partitions }: { meters: EvaluateMeters; logger: Logger; partitions: number },
): void {
  for (const metric of metrics) {
    const expected = partitionOf(Buffer.from(metric), partitions);
    if (expected === partition) continue;
    meters.misrouted();
    const hint =
      'a metric stands in another partition than its name leads to: its writer needs partitioner=murmur2_random';
    logger.warn({ metric, partition, expected }, hint);
  }
}

/** At the head of the log silence is measured by the wall clock; behind it, by the newest timestamp read. */
function clockOf(claim: Claim, evaluator: PartitionEvaluator, position: number): number {
  const { offset, heardAtMs } = claim.head();
  const atHead = position >= offset && performance.now() - heardAtMs < headFreshMsMax;
  return atHead ? Date.now() : evaluator.newestMs;
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
