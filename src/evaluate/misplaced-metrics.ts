/**
 * The metrics of a partition that their names lead to another one: their producer places keys another way, or partitions were
 * added. As long as they are nowhere else they are evaluated where they stand. Once such a metric appears in the partition that it
 * belongs to (its producer was repaired, or another one writes it, too, or it has moved), two partitions would evaluate halves of it:
 * wrong windows, cooldowns that count apart, data missing where it is no longer sent. So the wrong partition drops what it knows of
 * it, without a message, and takes no more of its samples while the right one receives some.
 *
 *   wrong partition: first seen ──look at the right one──> found there ──> dropped, refused ──not found for ten minutes──> taken again
 */
import type { Clock } from '../base/clock.ts';
import { recordsOf } from '../log/batch.ts';
import { LogUnavailable, type Log } from '../log/log.ts';
import { topics } from '../topics.ts';
import type { MetricPartitions } from './metric-partitions.ts';
import type { PartitionEvaluator } from './partition-evaluator.ts';

/** So far back the right partition is looked at first: what was written there before is of a producer that is gone. */
const lookBackMs = 60_000;
/** A metric that the right partition has not received for so long is taken in the wrong one again. */
const refusedMs = 10 * 60_000;
/** Metrics that are looked for; of more the rest is evaluated where it stands. */
const misplacedMax = 10_000;

const decoder = new TextDecoder();

export class MisplacedMetrics {
  readonly #partition: number;
  readonly #partitions: MetricPartitions;
  /** How many partitions there were when the metrics of this one were last looked through. */
  #knownCount: number;
  readonly #log: Log;
  readonly #clock: Clock;
  /** By the partition that they belong to. */
  readonly #names = new Map<number, Set<string>>();
  /** How far the partitions that they belong to were looked at. */
  readonly #looked = new Map<number, number>();
  /** When the right partition last received those that are refused, by the monotonic clock. */
  readonly #refused = new Map<string, number>();
  #count = 0;
  #isLooking = false;

  constructor(
    { partition, partitions }: { readonly partition: number; readonly partitions: MetricPartitions },
    { log, clock }: { readonly log: Log; readonly clock: Clock },
  ) {
    this.#partition = partition;
    this.#partitions = partitions;
    this.#knownCount = partitions.count;
    this.#log = log;
    this.#clock = clock;
  }

  /** Takes metrics first seen in this partition. */
  saw(metrics: Iterable<string>): void {
    for (const name of metrics) {
      const right = this.#partitions.rightOf(name);
      if (right === this.#partition || this.#count >= misplacedMax) continue;
      const names = this.#names.get(right) ?? new Set();
      this.#names.set(right, names);
      if (!names.has(name)) this.#count++;
      names.add(name);
    }
  }

  /** Looks whether they are where they belong now; to be called every few seconds. */
  async look(evaluator: PartitionEvaluator): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#followPartitions(evaluator);
      for (const [right, names] of this.#names) await this.#lookAt(right, names, evaluator);
      this.#takeAgain(evaluator);
    } catch (error) {
      // The next look will tell.
      if (!(error instanceof LogUnavailable)) throw error;
    } finally {
      this.#isLooking = false;
    }
  }

  /** When partitions were added, most metrics belong elsewhere: also those that are not received here any more. */
  async #followPartitions(evaluator: PartitionEvaluator): Promise<void> {
    await this.#partitions.refresh();
    if (this.#partitions.count === this.#knownCount) return;
    this.#knownCount = this.#partitions.count;
    this.#names.clear();
    this.#count = 0;
    this.saw(evaluator.metrics.values().map(({ name }) => name));
    // What is refused is received where it belonged before, and no longer.
    for (const name of this.#refused.keys())
      if (this.#partitions.rightOf(name) === this.#partition) this.#take(name, evaluator);
  }

  async #lookAt(right: number, names: ReadonlySet<string>, evaluator: PartitionEvaluator): Promise<void> {
    const offset = this.#looked.get(right);
    const from = offset === undefined ? { timestampMs: this.#clock.wallMs() - lookBackMs } : { offset };
    const found = new Set<string>();
    const { next } = await this.#log.bounds(topics.metrics.name, right);
    for await (const chunk of this.#log.read(topics.metrics.name, right, { from, to: next, lends: true })) {
      for (const { key } of recordsOf(chunk)) {
        const name = key === null ? undefined : decoder.decode(key);
        if (name !== undefined && names.has(name)) found.add(name);
      }
    }
    this.#looked.set(right, next);
    for (const name of found) {
      this.#refused.set(name, this.#clock.monotonicMs());
      evaluator.refuseMetric(name);
    }
  }

  #takeAgain(evaluator: PartitionEvaluator): void {
    for (const [name, seenMs] of this.#refused) {
      if (this.#clock.monotonicMs() - seenMs < refusedMs) continue;
      this.#take(name, evaluator);
    }
  }

  #take(name: string, evaluator: PartitionEvaluator): void {
    this.#refused.delete(name);
    evaluator.takeMetric(name);
  }
}
