// Writes records: durable, in order, each once. The library's Producer is not used: with several requests to a partition
// in flight it acknowledged records that were never written when its broker was killed.
// - One request a partition is in flight. What comes meanwhile waits, and goes together in the next: under load batches
//   grow by themselves, and an append to an idle partition goes out in the same turn of the event loop.
// - A batch is repeated, byte for byte, until an answer says what became of it. The broker knows a repeat by the producer's
//   id and sequence number, and answers as it did the first time.
// - A batch given up may still land. What follows is written under a fresh producer id, so no numbers are in doubt.
import { initProducerIdV4 } from '@platformatic/kafka';
import { pause } from '../../base/backoff.ts';
import { unreachable } from '../../base/assert.ts';
import { Failure } from '../../base/failure.ts';
import { LogUnavailable, type Place } from '../log.ts';
import type { NewRecord } from '../record.ts';
import { partitionOf } from '../murmur2.ts';
import { packRecords, slicesOf, type PackedRecords, type PackedSlice } from '../packed-records.ts';
import type { Cluster } from './cluster.ts';
import type { ConnectionPurpose, Leader } from './connections.ts';
import { Append, Piece, PartitionProducer, type Batch, type Identity } from './partition-producer.ts';
import { fateOf } from './produce-fate.ts';
import { produceApi, type ProduceOutcome } from './produce-request.ts';
import { ask, errorName, errors } from './protocol.ts';
import { backoffFor, persist, type FailureReporter } from './retry.ts';

/** How long a broker may wait for its replicas before it answers "not yet"; the connection waits a little longer. */
const replicationTimeoutMs = 8_000;
const producePurpose: ConnectionPurpose = { name: 'produce', answerTimeoutMs: 10_000 };
const requestsInFlightMax = 5;
const requestBytesMax = 8 * 1024 * 1024;
/** What may wait to be written. Callers bound what they admit; this bounds what they forgot. */
const pendingBytesMax = 256 * 1024 * 1024;
const sweepMs = 250;

interface Broker {
  readonly leader: Leader;
  readonly waiting: Set<PartitionProducer>;
  inFlight: number;
  pumping: boolean;
}

interface Unplaced {
  readonly place: (partitions: number) => Promise<Place[]>;
  readonly resolve: (places: Promise<Place[]>) => void;
  readonly reject: (error: unknown) => void;
}

export interface ProducerSettings {
  readonly cluster: Cluster;
  readonly failureReporter: FailureReporter;
  /** An append without a certain answer fails after this time. */
  readonly deliveryTimeoutMs: number;
  /** Looks in a producer's partition for a batch of ours. Resolves to its offset, or undefined. */
  readonly locate: (producer: PartitionProducer, batch: Batch) => Promise<number | undefined>;
}

export class Producer {
  readonly #settings: ProducerSettings;
  readonly #cluster: Cluster;
  readonly #failureReporter: FailureReporter;
  readonly #producers = new Map<string, PartitionProducer[]>();
  readonly #brokers = new Map<number, Broker>();
  readonly #unassigned = new Set<PartitionProducer>();
  /** Appends to topics whose number of partitions is not known yet, in order. */
  readonly #unplaced = new Map<string, Unplaced[]>();
  readonly #closing = new AbortController();
  #identity: Identity | undefined;
  #identifying: Promise<void> | undefined;
  #reassigning = false;
  #pendingBytes = 0;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(settings: ProducerSettings) {
    this.#settings = settings;
    this.#cluster = settings.cluster;
    this.#failureReporter = settings.failureReporter;
  }

  /** Log.append. */
  append(topic: string, records: readonly NewRecord[]): Promise<Place[]> {
    if (records.length === 0) return Promise.resolve([]);
    return this.#whenKnown(topic, (count) => this.#place(topic, records, count));
  }

  /** Log.appendPacked. */
  async appendPacked(topic: string, records: PackedRecords): Promise<void> {
    if (records.count === 0) return;
    await this.#whenKnown(topic, async (count) => {
      await this.#write(topic, slicesOf(records, count), false);
      return [];
    });
  }

  #whenKnown(topic: string, place: Unplaced['place']): Promise<Place[]> {
    if (this.#closing.signal.aborted) return Promise.reject(new LogUnavailable('the log is closed'));
    const count = this.#cluster.partitionCount(topic);
    const waiting = this.#unplaced.get(topic);
    if (count > 0 && !waiting) return place(count);
    const { promise, resolve, reject } = Promise.withResolvers<Place[]>();
    const unplaced: Unplaced = { place, resolve, reject };
    if (waiting) waiting.push(unplaced);
    else {
      this.#unplaced.set(topic, [unplaced]);
      void this.#findPartitions(topic);
    }
    return promise;
  }

  /** Appends that came before the topic was known are placed in their order, and before any later one. */
  async #findPartitions(topic: string): Promise<void> {
    try {
      const patience = {
        signal: this.#closing.signal,
        timeoutMs: this.#settings.deliveryTimeoutMs,
        failureReporter: this.#failureReporter,
      };
      const count = await persist(() => this.#cluster.findPartitionCount(topic), patience);
      for (const { place, resolve } of this.#unplaced.get(topic)!) resolve(place(count));
    } catch (error) {
      for (const { reject } of this.#unplaced.get(topic)!) reject(error);
    } finally {
      this.#unplaced.delete(topic);
    }
  }

  async #place(topic: string, records: readonly NewRecord[], count: number): Promise<Place[]> {
    const partitions = records.map((record) => record.partition ?? partitionOf(record.key, count));
    const { records: packed } = packRecords(records, partitions);
    const pieces = await this.#write(topic, slicesOf(packed, count), true);
    const offsets = new Map(pieces.map(({ slice, offsets: own = [] }) => [slice.partition, own.values()]));
    return partitions.map((partition) => ({ partition, offset: offsets.get(partition)!.next().value as number }));
  }

  /** Resolves when all slices are written, to the pieces with their offsets. */
  async #write(topic: string, slices: readonly PackedSlice[], keepsOffsets: boolean): Promise<Piece[]> {
    const pending = this.#pendingBytes;
    if (pending > pendingBytesMax) throw new LogUnavailable(`${pending} bytes wait to be written already`);
    const append = new Append(slices.length, performance.now() + this.#settings.deliveryTimeoutMs);
    let bytes = 0;
    const pieces = slices.map((slice) => {
      const piece = new Piece(append, slice, keepsOffsets);
      bytes += piece.bytes;
      const producer = this.#producerOf(topic, slice.partition);
      producer.push(piece);
      if (!producer.inFlight) this.#want(producer);
      return piece;
    });
    this.#pendingBytes += bytes;
    this.#sweepLater();
    await append.done.finally(() => void (this.#pendingBytes -= bytes));
    return pieces;
  }

  #producerOf(topic: string, partition: number): PartitionProducer {
    let producers = this.#producers.get(topic);
    if (!producers) this.#producers.set(topic, (producers = []));
    return (producers[partition] ??= new PartitionProducer(topic, partition));
  }

  #want(producer: PartitionProducer): void {
    if (producer.idle || this.#closing.signal.aborted) return;
    const leader = this.#cluster.leader(producer.topic, producer.partition);
    producer.identity ??= this.#identity;
    if (!leader || !producer.identity) {
      this.#unassigned.add(producer);
      void this.#reassign();
      return;
    }
    const broker = this.#brokerOf(leader);
    broker.waiting.add(producer);
    if (broker.pumping) return;
    broker.pumping = true;
    // In the next event-loop phase, so that appends of this one share a request.
    setImmediate(() => {
      broker.pumping = false;
      this.#pump(broker);
    });
  }

  #brokerOf(leader: Leader): Broker {
    const known = this.#brokers.get(leader.brokerId);
    if (known?.leader.host === leader.host && known.leader.port === leader.port) return known;
    const broker: Broker = { leader, waiting: new Set(known?.waiting), inFlight: 0, pumping: false };
    known?.waiting.clear();
    this.#brokers.set(leader.brokerId, broker);
    return broker;
  }

  #pump(broker: Broker): void {
    while (broker.waiting.size > 0 && broker.inFlight < requestsInFlightMax) {
      const load = new Map<PartitionProducer, Batch>();
      let bytes = 0;
      for (const producer of broker.waiting) {
        if (bytes > requestBytesMax) break;
        broker.waiting.delete(producer);
        const batch = producer.inFlight ? undefined : producer.take();
        if (!batch) continue;
        load.set(producer, batch);
        producer.inFlight = true;
        bytes += batch.bytes.length;
      }
      if (load.size === 0) return;
      broker.inFlight++;
      void this.#send(broker, load).finally(() => {
        broker.inFlight--;
        this.#pump(broker);
      });
    }
  }

  async #send(broker: Broker, load: ReadonlyMap<PartitionProducer, Batch>): Promise<void> {
    let outcomes: ProduceOutcome[];
    try {
      const connection = await this.#cluster.connections.open(broker.leader, producePurpose);
      for (const batch of load.values()) batch.sent++;
      const parts = [...load].map(([{ topic, partition }, { bytes }]) => ({ topic, partition, batch: bytes }));
      outcomes = await ask(connection, produceApi, parts, replicationTimeoutMs);
    } catch (error) {
      this.#failureReporter.failed(error);
      for (const [producer, batch] of load) this.#requeue(producer, batch);
      return;
    }
    const found = new Map(outcomes.map((outcome) => [`${outcome.topic}/${outcome.partition}`, outcome]));
    for (const [producer, batch] of load) {
      const outcome = found.get(`${producer.topic}/${producer.partition}`);
      // The batch may have failed by its deadline meanwhile.
      if (producer.batch !== batch) continue;
      if (outcome) this.#settleBatch(producer, batch, outcome);
      else this.#requeue(producer, batch);
    }
  }

  #settleBatch(producer: PartitionProducer, batch: Batch, outcome: ProduceOutcome): void {
    const reason = `topic ${producer.topic}, partition ${producer.partition}: ${errorName(outcome.errorCode)} ${outcome.message}`;
    const fate = fateOf(outcome.errorCode, batch.sent);
    switch (fate) {
      case 'written':
        this.#failureReporter.recovered();
        producer.written(batch, outcome.baseOffset);
        break;
      case 'locate':
        void this.#locate(producer, batch);
        return;
      case 'again':
        this.#failureReporter.failed(new LogUnavailable(reason));
        this.#requeue(producer, batch);
        return;
      case 'split': {
        const refusal = `a record of ${batch.bytes.length} bytes is larger than topic ${producer.topic} takes`;
        if (batch.count === 1) producer.failBatch(batch, new Failure('too_large', refusal));
        else producer.putBack(batch);
        producer.shrink(batch);
        break;
      }
      case 'blame':
        this.#refuseRecords(producer, batch, outcome);
        break;
      case 'restamp':
        producer.putBack(batch);
        this.#resetIdentity(producer, batch);
        break;
      case 'giveUp':
        producer.failBatch(batch, new LogUnavailable(reason));
        this.#resetIdentity(producer, batch);
        break;
      default:
        unreachable(fate);
    }
    producer.inFlight = false;
    this.#want(producer);
  }

  /** The broker refuses a whole batch because of one record. The other records are sent again without it. */
  #refuseRecords(producer: PartitionProducer, batch: Batch, outcome: ProduceOutcome): void {
    const reason = outcome.message || errorName(outcome.errorCode);
    const refusal = new Failure('invalid_field', `topic ${producer.topic} refuses a record: ${reason}`);
    let from = 0;
    for (const { piece, count } of batch.parts) {
      const to = from + count;
      const isBlamed = outcome.blamed.some((index) => index >= from && index < to);
      if (isBlamed || outcome.blamed.length === 0) piece.fail(refusal);
      from = to;
    }
    producer.putBack(batch);
  }

  /** The broker has the batch and no longer knows its offset: look for it. */
  async #locate(producer: PartitionProducer, batch: Batch): Promise<void> {
    let offset: number | undefined;
    try {
      offset = await this.#settings.locate(producer, batch);
    } catch (error) {
      this.#failureReporter.failed(error);
    }
    if (producer.batch !== batch) return;
    if (offset === undefined) {
      producer.failBatch(batch, new LogUnavailable(`written to topic ${producer.topic}, but the place is not known`));
      this.#resetIdentity(producer, batch);
    } else {
      producer.written(batch, offset);
    }
    producer.inFlight = false;
    this.#want(producer);
  }

  #resetIdentity(producer: PartitionProducer, batch: Batch): void {
    if (this.#identity === batch.identity) this.#identity = undefined;
    producer.resetIdentity();
  }

  /** Sends again, to the leader of that moment. */
  #requeue(producer: PartitionProducer, batch: Batch): void {
    if (producer.batch !== batch) return;
    producer.inFlight = false;
    producer.failures++;
    this.#unassigned.add(producer);
    void this.#reassign();
  }

  /** Looks up leaders and an identity until no partition is unassigned. Runs once at a time. */
  async #reassign(): Promise<void> {
    if (this.#reassigning) return;
    this.#reassigning = true;
    try {
      while (this.#unassigned.size > 0 && !this.#closing.signal.aborted) {
        const failures = Math.max(...[...this.#unassigned].map((producer) => producer.failures));
        if (failures > 0) await pause(backoffFor(failures), this.#closing.signal);
        const producers = [...this.#unassigned];
        try {
          if (!this.#identity && producers.some((producer) => !producer.identity)) await this.#identify();
          const lost = producers.some((producer) => !this.#cluster.leader(producer.topic, producer.partition));
          if (failures > 0 || lost) await this.#cluster.refresh(producers.map((producer) => producer.topic));
        } catch (error) {
          this.#failureReporter.failed(error);
        }
        for (const producer of producers) {
          producer.identity ??= this.#identity;
          const isAssigned = this.#cluster.leader(producer.topic, producer.partition) && producer.identity;
          if (!isAssigned) producer.failures++;
          if (!isAssigned && !producer.idle) continue;
          this.#unassigned.delete(producer);
          if (!producer.inFlight) this.#want(producer);
        }
      }
    } finally {
      this.#reassigning = false;
    }
  }

  #identify(): Promise<void> {
    this.#identifying ??= this.#askIdentity().finally(() => {
      this.#identifying = undefined;
    });
    return this.#identifying;
  }

  async #askIdentity(): Promise<void> {
    const answer = await this.#cluster.askAny((connection) => ask(connection, initProducerIdV4.api, null, 0));
    if (answer.errorCode !== errors.none) throw new LogUnavailable(`no producer id: ${errorName(answer.errorCode)}`);
    this.#identity = { id: Number(answer.producerId), epoch: answer.producerEpoch };
  }

  /** Fails appends past their deadline, while there are any. */
  #sweepLater(): void {
    this.#sweeper ??= setTimeout(() => {
      this.#sweeper = undefined;
      const now = performance.now();
      let pending = false;
      for (const producer of [...this.#producers.values()].flat()) {
        this.#expire(producer, now);
        pending ||= !producer.idle;
      }
      if (pending) this.#sweepLater();
    }, sweepMs);
  }

  #expire(producer: PartitionProducer, nowMs: number): void {
    const late = () =>
      new LogUnavailable(`topic ${producer.topic} did not take records within ${this.#settings.deliveryTimeoutMs} ms`);
    const batch = producer.batch;
    if (batch?.parts.some(({ piece }) => piece.append.deadlineMs <= nowMs)) {
      producer.failBatch(batch, late());
      if (batch.sent > 0) this.#resetIdentity(producer, batch);
      producer.inFlight = false;
    }
    producer.failQueue(late(), nowMs);
    if (batch && !producer.batch) this.#want(producer);
  }

  /** Waits up to `waitMs` for pending appends, then rejects the rest. */
  async close(waitMs: number): Promise<void> {
    const deadline = performance.now() + waitMs;
    while (this.#pendingBytes > 0 && performance.now() < deadline) await pause(10, this.#closing.signal);
    this.#closing.abort();
    clearTimeout(this.#sweeper);
    const closed = new LogUnavailable('the log is closed');
    for (const producer of [...this.#producers.values()].flat()) {
      if (producer.batch) producer.failBatch(producer.batch, closed);
      producer.failQueue(closed);
    }
  }
}
