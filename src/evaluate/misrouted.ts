import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { MetricPartitions } from './metric-partitions.ts';

/**
 * How a client is told to place keys as Java's does, by murmur2. The others of the same names: librdkafka's default is
 * CRC32, sarama's FNV-1a, kafka-go's round robin; KafkaJS' legacy partitioner has a murmur2 of its own.
 */
export const partitionerSettings: Readonly<Record<string, string>> = {
  librdkafka: 'partitioner=murmur2_random',
  'kafka-go': 'Balancer: kafka.Murmur2Balancer{}',
  sarama:
    'Producer.Partitioner = sarama.NewCustomPartitioner(sarama.WithAbsFirst(), sarama.WithCustomHashFunction(murmur2))',
  KafkaJS: 'createPartitioner: Partitioners.DefaultPartitioner',
};

/** Metrics that the warning names. */
const namedMax = 10;
/** After a warning, further metrics are gathered for so long. */
const againMsMin = 10 * 60_000;

/**
 * Metrics seen in another partition than their name leads to: their writer places keys another way, so that a rule has two
 * alarms where it should have one. A producer with the wrong setting misplaces all its metrics: one line says so for all.
 */
export class MisroutedMetrics {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #names: string[] = [];
  #count = 0;
  #warnedOf = 0;
  #warnedMs = -Infinity;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Since the process began; a metric in two wrong partitions counts twice. */
  get count(): number {
    return this.#count;
  }

  /** Takes metrics first seen in a partition. Returns how many of them no right producer has written there. */
  saw(metrics: readonly string[], partition: number, partitions: MetricPartitions): number {
    const wrong = metrics.filter((metric) => !partitions.mayStandIn(partition, metric));
    this.#count += wrong.length;
    for (const metric of wrong)
      if (this.#names.length < namedMax && !this.#names.includes(metric)) this.#names.push(metric);
    return wrong.length;
  }

  /** Warns of what came since the last warning; to be called every few seconds. */
  warn(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#count === this.#warnedOf || nowMs - this.#warnedMs < againMsMin) return;
    this.#warnedOf = this.#count;
    this.#warnedMs = nowMs;
    const fields = { count: this.#count, first: this.#names, settings: partitionerSettings };
    this.#logger.warn(
      fields,
      'metrics are in other partitions than their names lead to: their writer must use murmur2',
    );
  }
}
