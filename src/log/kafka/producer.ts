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
import type { Lane, Leader } from './connections.ts';
import { Append, Piece, ProduceLane, type Batch, type Identity } from './produce-lane.ts';
import { fateOf } from './produce-fate.ts';
import { produceApi, type ProduceOutcome } from './produce-request.ts';
import { ask, errorName, errors } from './protocol.ts';
import { backoffFor, persist, type Complaints } from './retry.ts';

/** How long a broker may wait for its replicas before it answers "not yet"; the connection waits a little longer. */
const replicationTimeoutMs = 8_000;
const produceLane: Lane = { name: 'produce', answerTimeoutMs: 10_000 };
const requestsInFlightMax = 5;
const requestBytesMax = 8 * 1024 * 1024;
/** What may wait to be written. Callers bound what they admit; this bounds what they forgot. */
const pendingBytesMax = 256 * 1024 * 1024;
const sweepMs = 250;

interface Broker {
  readonly leader: Leader;
  readonly waiting: Set<ProduceLane>;
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
  readonly complaints: Complaints;
  /** After so long without a certain answer an append is given up. */
  readonly deliveryTimeoutMs: number;
  /** Looks in a lane's partition for a batch of ours. Resolves to its offset, or undefined. */
  readonly locate: (lane: ProduceLane, batch: Batch) => Promise<number | undefined>;
}

export class Producer {
  readonly #settings: ProducerSettings;
  readonly #cluster: Cluster;
  readonly #complaints: Complaints;
  readonly #lanes = new Map<string, ProduceLane[]>();
  readonly #brokers = new Map<number, Broker>();
  readonly #homeless = new Set<ProduceLane>();
  /** Appends to topics whose number of partitions is not known yet, in order. */
  readonly #unplaced = new Map<string, Unplaced[]>();
  readonly #closing = new AbortController();
  #identity: Identity | undefined;
  #identifying: Promise<void> | undefined;
  #settling = false;
  #pendingBytes = 0;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(settings: ProducerSettings) {
    this.#settings = settings;
    this.#cluster = settings.cluster;
    this.#complaints = settings.complaints;
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
        complaints: this.#complaints,
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

  /** Resolves when all slices are written, to what became of each. */
  async #write(topic: string, slices: readonly PackedSlice[], keepsOffsets: boolean): Promise<Piece[]> {
    const pending = this.#pendingBytes;
    if (pending > pendingBytesMax) throw new LogUnavailable(`${pending} bytes wait to be written already`);
    const append = new Append(slices.length, performance.now() + this.#settings.deliveryTimeoutMs);
    let bytes = 0;
    const pieces = slices.map((slice) => {
      const piece = new Piece(append, slice, keepsOffsets);
      bytes += piece.bytes;
      const lane = this.#laneOf(topic, slice.partition);
      lane.push(piece);
      if (!lane.flying) this.#want(lane);
      return piece;
    });
    this.#pendingBytes += bytes;
    this.#sweepLater();
    await append.done.finally(() => void (this.#pendingBytes -= bytes));
    return pieces;
  }

  #laneOf(topic: string, partition: number): ProduceLane {
    let lanes = this.#lanes.get(topic);
    if (!lanes) this.#lanes.set(topic, (lanes = []));
    return (lanes[partition] ??= new ProduceLane(topic, partition));
  }

  #want(lane: ProduceLane): void {
    if (lane.idle || this.#closing.signal.aborted) return;
    const leader = this.#cluster.leader(lane.topic, lane.partition);
    lane.identity ??= this.#identity;
    if (!leader || !lane.identity) {
      this.#homeless.add(lane);
      void this.#settle();
      return;
    }
    const broker = this.#brokerOf(leader);
    broker.waiting.add(lane);
    if (broker.pumping) return;
    broker.pumping = true;
    // At the end of the turn, so that all that is appended in it goes into one request.
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
      const load = new Map<ProduceLane, Batch>();
      let bytes = 0;
      for (const lane of broker.waiting) {
        if (bytes > requestBytesMax) break;
        broker.waiting.delete(lane);
        const batch = lane.flying ? undefined : lane.take();
        if (!batch) continue;
        load.set(lane, batch);
        lane.flying = true;
        bytes += batch.bytes.length;
      }
      if (load.size === 0) return;
      broker.inFlight++;
      void this.#fly(broker, load).finally(() => {
        broker.inFlight--;
        this.#pump(broker);
      });
    }
  }

  async #fly(broker: Broker, load: ReadonlyMap<ProduceLane, Batch>): Promise<void> {
    let outcomes: ProduceOutcome[];
    try {
      const connection = await this.#cluster.connections.open(broker.leader, produceLane);
      for (const batch of load.values()) batch.sent++;
      const parts = [...load].map(([{ topic, partition }, { bytes }]) => ({ topic, partition, batch: bytes }));
      outcomes = await ask(connection, produceApi, parts, replicationTimeoutMs);
    } catch (error) {
      this.#complaints.failed(error);
      for (const [lane, batch] of load) this.#strand(lane, batch);
      return;
    }
    const found = new Map(outcomes.map((outcome) => [`${outcome.topic}/${outcome.partition}`, outcome]));
    for (const [lane, batch] of load) {
      const outcome = found.get(`${lane.topic}/${lane.partition}`);
      // A batch that was given up meanwhile is nobody's any more.
      if (lane.batch !== batch) continue;
      if (outcome) this.#settleBatch(lane, batch, outcome);
      else this.#strand(lane, batch);
    }
  }

  #settleBatch(lane: ProduceLane, batch: Batch, outcome: ProduceOutcome): void {
    const told = `topic ${lane.topic}, partition ${lane.partition}: ${errorName(outcome.errorCode)} ${outcome.message}`;
    const fate = fateOf(outcome.errorCode, batch.sent);
    switch (fate) {
      case 'written':
        this.#complaints.recovered();
        lane.written(batch, outcome.baseOffset);
        break;
      case 'locate':
        void this.#locate(lane, batch);
        return;
      case 'again':
        this.#complaints.failed(new LogUnavailable(told));
        this.#strand(lane, batch);
        return;
      case 'split': {
        const refusal = `a record of ${batch.bytes.length} bytes is larger than topic ${lane.topic} takes`;
        if (batch.count === 1) lane.failBatch(batch, new Failure('too_large', refusal));
        else lane.putBack(batch);
        lane.shrink(batch);
        break;
      }
      case 'blame':
        this.#refuseRecords(lane, batch, outcome);
        break;
      case 'restamp':
        lane.putBack(batch);
        this.#burn(lane, batch);
        break;
      case 'giveUp':
        lane.failBatch(batch, new LogUnavailable(told));
        this.#burn(lane, batch);
        break;
      default:
        unreachable(fate);
    }
    lane.flying = false;
    this.#want(lane);
  }

  /** The broker refuses a whole batch for one record of it. The others are not to suffer. */
  #refuseRecords(lane: ProduceLane, batch: Batch, outcome: ProduceOutcome): void {
    const reason = outcome.message || errorName(outcome.errorCode);
    const refusal = new Failure('invalid_field', `topic ${lane.topic} refuses a record: ${reason}`);
    let from = 0;
    for (const { piece, count } of batch.parts) {
      const to = from + count;
      const isBlamed = outcome.blamed.some((index) => index >= from && index < to);
      if (isBlamed || outcome.blamed.length === 0) piece.fail(refusal);
      from = to;
    }
    lane.putBack(batch);
  }

  /** The broker has the batch and does not know any more where: look for it. */
  async #locate(lane: ProduceLane, batch: Batch): Promise<void> {
    let offset: number | undefined;
    try {
      offset = await this.#settings.locate(lane, batch);
    } catch (error) {
      this.#complaints.failed(error);
    }
    if (lane.batch !== batch) return;
    if (offset === undefined) {
      lane.failBatch(batch, new LogUnavailable(`written to topic ${lane.topic}, but the place is not known`));
      this.#burn(lane, batch);
    } else {
      lane.written(batch, offset);
    }
    lane.flying = false;
    this.#want(lane);
  }

  #burn(lane: ProduceLane, batch: Batch): void {
    if (this.#identity === batch.identity) this.#identity = undefined;
    lane.burnIdentity();
  }

  /** To be sent again, to whoever leads by then. */
  #strand(lane: ProduceLane, batch: Batch): void {
    if (lane.batch !== batch) return;
    lane.flying = false;
    lane.failures++;
    this.#homeless.add(lane);
    void this.#settle();
  }

  /** Finds leaders and an identity for the homeless. One at a time, for as long as there are some. */
  async #settle(): Promise<void> {
    if (this.#settling) return;
    this.#settling = true;
    try {
      while (this.#homeless.size > 0 && !this.#closing.signal.aborted) {
        const failures = Math.max(...[...this.#homeless].map((lane) => lane.failures));
        if (failures > 0) await pause(backoffFor(failures), this.#closing.signal);
        const lanes = [...this.#homeless];
        try {
          if (!this.#identity && lanes.some((lane) => !lane.identity)) await this.#identify();
          const lost = lanes.some((lane) => !this.#cluster.leader(lane.topic, lane.partition));
          if (failures > 0 || lost) await this.#cluster.refresh(lanes.map((lane) => lane.topic));
        } catch (error) {
          this.#complaints.failed(error);
        }
        for (const lane of lanes) {
          lane.identity ??= this.#identity;
          const isHome = this.#cluster.leader(lane.topic, lane.partition) && lane.identity;
          if (!isHome) lane.failures++;
          if (!isHome && !lane.idle) continue;
          this.#homeless.delete(lane);
          if (!lane.flying) this.#want(lane);
        }
      }
    } finally {
      this.#settling = false;
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

  /** Looks for appends past their deadline, as long as there are any. */
  #sweepLater(): void {
    this.#sweeper ??= setTimeout(() => {
      this.#sweeper = undefined;
      const now = performance.now();
      let pending = false;
      for (const lane of [...this.#lanes.values()].flat()) {
        this.#expire(lane, now);
        pending ||= !lane.idle;
      }
      if (pending) this.#sweepLater();
    }, sweepMs);
  }

  #expire(lane: ProduceLane, nowMs: number): void {
    const late = () =>
      new LogUnavailable(`topic ${lane.topic} did not take records within ${this.#settings.deliveryTimeoutMs} ms`);
    const batch = lane.batch;
    if (batch?.parts.some(({ piece }) => piece.append.deadlineMs <= nowMs)) {
      lane.failBatch(batch, late());
      if (batch.sent > 0) this.#burn(lane, batch);
      lane.flying = false;
    }
    lane.failQueue(late(), nowMs);
    if (batch && !lane.batch) this.#want(lane);
  }

  /** Waits a moment for what is under way, then rejects the rest. */
  async close(waitMs: number): Promise<void> {
    const deadline = performance.now() + waitMs;
    while (this.#pendingBytes > 0 && performance.now() < deadline) await pause(10, this.#closing.signal);
    this.#closing.abort();
    clearTimeout(this.#sweeper);
    const closed = new LogUnavailable('the log is closed');
    for (const lane of [...this.#lanes.values()].flat()) {
      if (lane.batch) lane.failBatch(lane.batch, closed);
      lane.failQueue(closed);
    }
  }
}
