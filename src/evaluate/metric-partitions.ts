import type { Logger } from '../base/logger.ts';
import type { Log } from '../log/log.ts';
import { partitionOf } from '../log/murmur2.ts';
import { topics } from '../topics.ts';

/**
 * The partition of `metrics` that a metric belongs to, by the hash that producers place keys with. When somebody adds partitions to
 * the topic, most metrics belong to another one from then on, and what was written before stays where it is.
 */
export class MetricPartitions {
  readonly #log: Pick<Log, 'partitionCount'>;
  readonly #logger: Logger;
  /** What the topic is created with, and what this process has seen: records may have been placed by these. */
  readonly #earlierCounts = new Set<number>([topics.metrics.partitions]);
  #count = 0;

  constructor(log: Pick<Log, 'partitionCount'>, logger: Logger) {
    this.#log = log;
    this.#logger = logger;
  }

  /** 0 before the first refresh. */
  get count(): number {
    return this.#count;
  }

  /** Asks the log how many partitions there are now. Rejects with LogUnavailable. */
  async refresh(): Promise<void> {
    const count = await this.#log.partitionCount(topics.metrics.name);
    const before = this.#count;
    if (count === before) return;
    this.#count = count;
    if (before === 0) return;
    this.#earlierCounts.add(before);
    this.#logger.warn(
      { from: before, to: count },
      'partitions were added to topic metrics: alarms of metrics that belong to another partition now begin there anew',
    );
  }

  /** Where a producer places the metric now. */
  rightOf(metric: string): number {
    return partitionOf(Buffer.from(metric), this.#count);
  }

  /** Whether a producer places a metric in this partition now. */
  ownedBy(partition: number): (metric: string) => boolean {
    return (metric) => this.rightOf(metric) === partition;
  }

  /** Whether a producer that places keys rightly may have written the metric there, now or before partitions were added. */
  mayStandIn(partition: number, metric: string): boolean {
    const key = Buffer.from(metric);
    if (partitionOf(key, this.#count) === partition) return true;
    return this.#earlierCounts.values().some((count) => partitionOf(key, count) === partition);
  }
}
