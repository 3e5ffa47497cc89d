import { pause } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import { baseOffset, baseSequence, producerEpoch, producerId } from '../batch.ts';
import {
  LogUnavailable,
  type Bounds,
  type Claim,
  type Log,
  type LogProblem,
  type Place,
  type ReadRange,
  type TopicDeviation,
  type TopicSettings,
  type TopicUse,
  type View,
} from '../log.ts';
import type { NewRecord, RecordChunk } from '../record.ts';
import type { PackedRecords } from '../packed-records.ts';
import type { StreamSource } from './chunk-stream.ts';
import { processTopic } from './claims.ts';
import { Cluster, parseAddresses } from './cluster.ts';
import { Connections, type Security } from './connections.ts';
import { Fetcher } from './fetcher.ts';
import { findBounds } from './offsets.ts';
import type { Batch, PartitionProducer } from './partition-producer.ts';
import { Producer } from './producer.ts';
import { reasonOf } from './protocol.ts';
import { readRange } from './range-read.ts';
import { FailureReporter, persist } from './retry.ts';
import { addPairedPartitions, ensureTopics, topicDeviations } from './topics.ts';
import { failing, findProblems } from './problems.ts';
import { KafkaView } from './view.ts';

export interface KafkaLogOptions extends Security {
  /** Brokers to begin with, `host:port` with commas between; the others are found through them. */
  readonly bootstrap: string;
  readonly clientId: string;
  readonly logger: Logger;
  /** A member without a heartbeat for this long counts as dead, and its partitions are assigned to others. */
  readonly sessionTimeoutMs?: number;
  /** An append without a certain answer fails after this time. */
  readonly deliveryTimeoutMs?: number;
}

const sessionTimeoutDefaultMs = 10_000;
const deliveryTimeoutDefaultMs = 30_000;
const openTimeoutMs = 10_000;
/** What fails for less than this is mostly a leader that moves. */
const failingMsMin = 5_000;
/** How long short questions are repeated while the brokers do not answer. */
const answerTimeoutMs = 30_000;
/** How often the cluster is asked whether partitions were added. */
const partitionsEveryMs = 5_000;
/** How long `close` waits for appends that are under way. */
const closeWaitMs = 5_000;

/**
 * The log on a Kafka cluster, 3.2 or later. Rejects within about ten seconds with LogUnavailable, which names the servers
 * and the reason, when none of them answers; with RangeError when `bootstrap` is no list of addresses.
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<Log> {
  const addresses = parseAddresses(options.bootstrap);
  const { tls, sasl } = options;
  const connections = new Connections(options.clientId, { ...(tls && { tls }), ...(sasl && { sasl }) });
  const cluster = new Cluster(addresses, connections);
  try {
    await persist(() => cluster.refresh(), { signal: new AbortController().signal, timeoutMs: openTimeoutMs });
  } catch (error) {
    connections.close();
    if (!(error instanceof LogUnavailable)) throw error;
    throw new LogUnavailable(`Kafka at ${options.bootstrap} does not answer: ${reasonOf(error)}`, { cause: error });
  }
  return new KafkaLog(cluster, options);
}

class KafkaLog implements Log {
  readonly #cluster: Cluster;
  readonly #bootstrap: string;
  readonly #logger: Logger;
  readonly #sessionTimeoutMs: number;
  readonly #closing = new AbortController();
  readonly #producer: Producer;
  /** Separate connections, so that restores and queries of the past do not delay live reading. */
  readonly #fetchers: { readonly live: Fetcher; readonly views: Fetcher; readonly ranges: Fetcher };
  readonly #running = new Set<Promise<void>>();
  /** Of what goes on for as long as the log is open. */
  readonly #failureReporters = new Set<FailureReporter>();
  /** By name: the topics that were ensured. */
  readonly #ensured = new Map<string, TopicSettings>();

  constructor(cluster: Cluster, options: KafkaLogOptions) {
    this.#cluster = cluster;
    this.#bootstrap = options.bootstrap;
    this.#logger = options.logger;
    this.#sessionTimeoutMs = options.sessionTimeoutMs ?? sessionTimeoutDefaultMs;
    const fetcher = (purpose: string) => {
      return new Fetcher({
        cluster,
        purpose,
        failureReporter: new FailureReporter(this.#logger, `reading (${purpose})`, this.#failureReporters),
      });
    };
    this.#fetchers = { live: fetcher('live'), views: fetcher('views'), ranges: fetcher('ranges') };
    this.#producer = new Producer({
      cluster,
      failureReporter: new FailureReporter(this.#logger, 'writing', this.#failureReporters),
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? deliveryTimeoutDefaultMs,
      locate: (partition, batch) => this.#locate(partition, batch),
    });
    void this.#followPartitions();
  }

  ensureTopics(topics: readonly TopicSettings[]): Promise<void> {
    for (const topic of topics) this.#ensured.set(topic.name, topic);
    return this.#patiently(() => ensureTopics(this.#cluster, topics, this.#bootstrap), 'creating topics');
  }

  topicDeviations(topics: readonly TopicSettings[]): Promise<readonly TopicDeviation[]> {
    return this.#patiently(() => topicDeviations(this.#cluster, topics, this.#bootstrap), 'reading topics');
  }

  async problems(uses: readonly TopicUse[]): Promise<readonly LogProblem[]> {
    const found = await findProblems(this.#cluster, uses, this.#bootstrap);
    // A cluster that does not answer is the reason for all else.
    if (found.length > 0) return found;
    return [...this.#failureReporters].flatMap((failureReporter) => failing(failureReporter.failingFor(failingMsMin)));
  }

  partitionCount(topic: string): Promise<number> {
    return this.#patiently(() => this.#cluster.findPartitionCount(topic), `finding topic ${topic}`);
  }

  bounds(topic: string, partition: number): Promise<Bounds> {
    return this.#patiently(() => findBounds(this.#cluster, topic, partition), `finding bounds of topic ${topic}`);
  }

  append(topic: string, records: readonly NewRecord[]): Promise<Place[]> {
    return this.#producer.append(topic, records);
  }

  appendPacked(topic: string, records: PackedRecords): Promise<void> {
    return this.#producer.appendPacked(topic, records);
  }

  view(topic: string, apply: (chunk: RecordChunk) => void, signal: AbortSignal, fromMs?: number): View {
    const view = new KafkaView({
      cluster: this.#cluster,
      fetcher: this.#fetchers.views,
      logger: this.#logger,
      topic,
      apply,
      signal,
      fromMs,
      closing: this.#closing.signal,
    });
    this.#track(view.ended);
    return view;
  }

  process(topic: string, group: string, handle: (claim: Claim) => Promise<void>, signal: AbortSignal): Promise<void> {
    const settings = {
      cluster: this.#cluster,
      fetcher: this.#fetchers.live,
      producer: this.#producer,
      logger: this.#logger,
      sessionTimeoutMs: this.#sessionTimeoutMs,
      topic,
      group,
      handle,
      closing: this.#closing.signal,
      failureReporters: this.#failureReporters,
    };
    const running = processTopic(settings, signal);
    this.#track(running);
    return running;
  }

  read(topic: string, partition: number, range: ReadRange): AsyncIterable<RecordChunk> {
    const source = { ...this.#source(topic, partition), lends: range.lends === true };
    return readRange(source, range, this.#closing.signal);
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await Promise.allSettled(this.#running);
    await this.#producer.close(closeWaitMs);
    for (const fetcher of Object.values(this.#fetchers)) fetcher.close();
    this.#cluster.connections.close();
  }

  #patiently<T>(work: () => Promise<T>, what: string): Promise<T> {
    const failureReporter = new FailureReporter(this.#logger, what);
    return persist(work, { signal: this.#closing.signal, timeoutMs: answerTimeoutMs, failureReporter });
  }

  #source(topic: string, partition: number): StreamSource {
    return { cluster: this.#cluster, fetcher: this.#fetchers.ranges, logger: this.#logger, topic, partition };
  }

  /** Until the log is closed: partitions that somebody adds become known, and topics that have as many get theirs. */
  async #followPartitions(): Promise<void> {
    const failureReporter = new FailureReporter(this.#logger, 'adding partitions', this.#failureReporters);
    while (await pause(partitionsEveryMs, this.#closing.signal)) {
      try {
        await this.#cluster.refresh();
        await addPairedPartitions(this.#cluster, [...this.#ensured.values()]);
        failureReporter.recovered();
      } catch (error) {
        // What cannot be added is named by topicDeviations.
        if (!(error instanceof LogUnavailable)) throw error;
        failureReporter.failed(error);
      }
    }
  }

  /** `close` waits for what runs. */
  #track(running: Promise<void>): void {
    const settled = running.catch(() => {}).finally(() => this.#running.delete(settled));
    this.#running.add(settled);
  }

  /** Producer's question where a batch of ours stands that the broker has and does not know the place of. */
  async #locate({ topic, partition, lastKnownOffset }: PartitionProducer, batch: Batch): Promise<number | undefined> {
    const range = { from: { offset: lastKnownOffset } };
    for await (const chunk of this.read(topic, partition, range)) {
      for (const bytes of chunk.batches) {
        const isOurs = producerId(bytes) === batch.identity.id && producerEpoch(bytes) === batch.identity.epoch;
        if (isOurs && baseSequence(bytes) === batch.sequence) return baseOffset(bytes);
      }
    }
    return undefined;
  }
}
