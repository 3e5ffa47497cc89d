// Reads partitions from their leaders. A reader fetches one answer ahead: while its records are processed, the next ones
// are fetched, and no more, so that memory is bounded by the number of readers.
//
//            want                       pump: one Fetch for all waiting readers
//   reader ────────> waiting at the leader ───────────────────────────> in flight ──> delivered, or nothing new: want again
//                         ^                                                │
//                         └── reassign: refresh, with pauses <─ unassigned <─┘ not the leader, connection lost
//
// A long poll cannot be cancelled, and a reader that starts to wait after it was sent would wait for its end. So each broker
// has one connection for long polls, and further connections for short polls of readers that come while it is in flight.
// When all of these have been answered, the readers share one long poll again.
import { LogUnavailable } from '../log.ts';
import { pause } from '../../base/backoff.ts';
import { endOfBatches, type FetchedRecords } from './chunks.ts';
import type { Cluster } from './cluster.ts';
import type { ConnectionPurpose, Leader } from './connections.ts';
import type { PartitionAnswer } from './fetch-request.ts';
import { openFetchSocket } from './fetch-socket.ts';
import { FetchWire } from './fetch-wire.ts';
import { readCommitted } from './offsets.ts';
import { errorName, errors } from './protocol.ts';
import { RecordMemory, slabBytes } from './record-memory.ts';
import { backoffFor, type FailureReporter } from './retry.ts';

const helpersPerBroker = 2;
/** How long a broker may wait for something new. Also the age that a head may have, see Claim.head. */
const longPollMs = 500;
const shortPollMs = 10;
/** Well above a long poll: a broker that takes longer is gone or stands still. */
const answerTimeoutMs = 10_000;
/** Records are copied, checked and evaluated in turn: what one partition returns should fit into the processor's cache. */
const partitionBytesMax = slabBytes;
const requestBytesMax = 8 * 1024 * 1024;
const partitionsPerRequestMax = 200;

interface Broker {
  readonly leader: Leader;
  readonly waiting: Set<PartitionReader>;
  /** How long each connection's request in flight polls; undefined where there is none. The first one may be a long poll. */
  readonly flights: (number | undefined)[];
  pumping: boolean;
}

export interface FetcherSettings {
  readonly cluster: Cluster;
  /** Names the connections, which the readers of one fetcher share. */
  readonly purpose: string;
  readonly failureReporter: FailureReporter;
}

export class Fetcher {
  readonly #cluster: Cluster;
  readonly #purpose: string;
  readonly #failureReporter: FailureReporter;
  readonly #brokers = new Map<number, Broker>();
  readonly #readers = new Set<PartitionReader>();
  readonly #unassigned = new Set<PartitionReader>();
  readonly #closing = new AbortController();
  /** A reader that is done with an answer's records gives them back. */
  readonly memory = new RecordMemory();
  /** By purpose and address. */
  readonly #wires = new Map<string, FetchWire>();
  #reassigning = false;

  constructor({ cluster, purpose, failureReporter }: FetcherSettings) {
    this.#cluster = cluster;
    this.#purpose = purpose;
    this.#failureReporter = failureReporter;
  }

  /** A reader of one partition from an offset on. It must be closed. */
  open(place: ReaderPlace): PartitionReader {
    const reader = new PartitionReader(place, (wanting) => this.#want(wanting));
    this.#readers.add(reader);
    reader.whenClosed = () => {
      this.#readers.delete(reader);
      this.#unassigned.delete(reader);
      for (const broker of this.#brokers.values()) broker.waiting.delete(reader);
    };
    this.#want(reader);
    return reader;
  }

  close(): void {
    this.#closing.abort();
    for (const reader of this.#readers) reader.fail(new LogUnavailable('the log is closed'));
    for (const wire of this.#wires.values()) wire.close();
  }

  #want(reader: PartitionReader): void {
    if (reader.closed || this.#closing.signal.aborted) return;
    const leader = this.#cluster.leader(reader.topic, reader.partition);
    if (!leader) {
      this.#unassigned.add(reader);
      this.#reassign().catch((error: unknown) => this.#failAll(error));
      return;
    }
    const broker = this.#brokerOf(leader);
    broker.waiting.add(reader);
    this.#pumpLater(broker);
  }

  /** At the end of the turn, so that all who want something in it go into one request. */
  #pumpLater(broker: Broker): void {
    if (broker.pumping) return;
    broker.pumping = true;
    setImmediate(() => {
      broker.pumping = false;
      this.#pump(broker);
    });
  }

  #brokerOf(leader: Leader): Broker {
    const known = this.#brokers.get(leader.brokerId);
    if (known?.leader.host === leader.host && known.leader.port === leader.port) return known;
    const flights = Array<undefined>(1 + helpersPerBroker).fill(undefined);
    const broker: Broker = { leader, waiting: new Set(), flights, pumping: false };
    this.#brokers.set(leader.brokerId, broker);
    // Those who wait at its old address find the new one.
    for (const reader of known?.waiting ?? []) this.#want(reader);
    known?.waiting.clear();
    return broker;
  }

  #pump(broker: Broker): void {
    const { flights, waiting } = broker;
    while (waiting.size > 0 && !this.#closing.signal.aborted) {
      const slot = flights.indexOf(undefined);
      if (slot < 0) return;
      let readers = [...waiting];
      // The first connection's short poll ends soon and all readers can join the next one; only readers that likely have more go now.
      if (slot > 0 && flights[0] === shortPollMs) readers = readers.filter((reader) => reader.isProductive);
      if (readers.length === 0) return;
      const isAlone = flights.every((flight) => flight === undefined);
      this.#launch(broker, slot, { readers, maxWaitMs: slot === 0 && isAlone ? longPollMs : shortPollMs });
    }
  }

  #launch(broker: Broker, slot: number, load: { readers: PartitionReader[]; maxWaitMs: number }): void {
    const readers = load.readers.slice(0, partitionsPerRequestMax);
    for (const reader of readers) {
      broker.waiting.delete(reader);
      reader.inFlight = true;
    }
    broker.flights[slot] = load.maxWaitMs;
    const purpose = { name: `${this.#purpose}-${slot}`, answerTimeoutMs };
    this.#send(broker, readers, { purpose, maxWaitMs: load.maxWaitMs })
      .catch((error: unknown) => this.#failAll(error))
      .finally(() => {
        broker.flights[slot] = undefined;
        this.#pumpLater(broker);
      })
      .catch(() => {});
  }

  /** Sends one request and handles the answer. Rejects only by a bug. */
  async #send(
    broker: Broker,
    readers: PartitionReader[],
    how: { purpose: ConnectionPurpose; maxWaitMs: number },
  ): Promise<void> {
    const byPlace = new Map<string, PartitionReader[]>();
    for (const reader of readers) {
      const place = `${this.#cluster.topicId(reader.topic)}/${reader.partition}`;
      byPlace.set(place, [...(byPlace.get(place) ?? []), reader]);
    }
    // A request may contain a partition once; further readers of it wait for the next request.
    const first = [...byPlace.values()].map((group) => group[0]!);
    const others = [...byPlace.values()].flatMap((group) => group.slice(1));
    let answers: readonly PartitionAnswer[];
    try {
      for (const other of others) this.#land(other);
      answers = await this.#ask(broker, first, how);
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      if (!this.#closing.signal.aborted) this.#failureReporter.failed(error);
      for (const reader of first) this.#requeue(reader);
      return;
    }
    const heardAtMs = performance.now();
    for (const answer of answers) {
      const group = byPlace.get(`${answer.topicId}/${answer.partition}`);
      if (group) this.#deliver(group[0]!, answer, heardAtMs);
    }
    // Partitions that the answer does not mention are asked for again.
    for (const reader of first) if (reader.inFlight) this.#requeue(reader);
    if ([...this.#readers].every((reader) => reader.failures === 0)) this.#failureReporter.recovered();
  }

  async #ask(
    broker: Broker,
    readers: PartitionReader[],
    how: { purpose: ConnectionPurpose; maxWaitMs: number },
  ): Promise<readonly PartitionAnswer[]> {
    const topics = new Map<string, { topicId: string; partitions: ReturnType<typeof requestPartition>[] }>();
    for (const reader of readers) {
      const topicId = this.#cluster.topicId(reader.topic);
      if (topicId === undefined) continue;
      const topic = topics.get(topicId) ?? { topicId, partitions: [] };
      topic.partitions.push(requestPartition(reader));
      topics.set(topicId, topic);
    }
    const wire = await this.#wire(broker, how.purpose);
    const answer = await wire.ask(
      how.maxWaitMs,
      1, // At least so many bytes, or the broker waits.
      requestBytesMax,
      readCommitted,
      0, // No session,
      -1, // nor an epoch of one.
      [...topics.values()],
      [],
      '',
    );
    if (answer.errorCode !== errors.none) throw new LogUnavailable(`no records: ${errorName(answer.errorCode)}`);
    return answer.partitions;
  }

  /** The open connection to a broker for this purpose. One caller at a time. Rejects with LogUnavailable. */
  async #wire({ leader }: Broker, purpose: ConnectionPurpose): Promise<FetchWire> {
    const key = `${purpose.name} ${leader.host}:${leader.port}`;
    const known = this.#wires.get(key);
    if (known?.isClosed === false) return known;
    const { connections } = this.#cluster;
    const open = await openFetchSocket(connections, leader, purpose);
    const wire = new FetchWire(open, { clientId: connections.clientId, answerTimeoutMs, memory: this.memory });
    if (this.#closing.signal.aborted) wire.close();
    this.#wires.set(key, wire);
    return wire;
  }

  #deliver(reader: PartitionReader, answer: PartitionAnswer, heardAtMs: number): void {
    if (answer.errorCode === errors.offsetOutOfRange) {
      reader.inFlight = false;
      reader.deliverOutOfRange();
    } else if (answer.errorCode !== errors.none) {
      const place = `partition ${reader.partition} of topic ${reader.topic}`;
      this.#failureReporter.failed(new LogUnavailable(`no records of ${place}: ${errorName(answer.errorCode)}`));
      this.#requeue(reader);
    } else {
      reader.failures = 0;
      reader.inFlight = false;
      reader.head = { offset: answer.lastStableOffset, heardAtMs };
      reader.isProductive = reader.deliver(answer);
      if (!reader.isProductive) this.#want(reader);
    }
  }

  /** Waits for the next request, without a pause. */
  #land(reader: PartitionReader): void {
    reader.inFlight = false;
    this.#want(reader);
  }

  /** Asks again, at the leader of that moment. */
  #requeue(reader: PartitionReader): void {
    reader.inFlight = false;
    reader.failures++;
    if (reader.closed) return;
    this.#unassigned.add(reader);
    this.#reassign().catch((error: unknown) => this.#failAll(error));
  }

  /** Looks up leaders until no reader is unassigned. Runs once at a time. */
  async #reassign(): Promise<void> {
    if (this.#reassigning) return;
    this.#reassigning = true;
    try {
      while (this.#unassigned.size > 0) {
        const failures = Math.max(...[...this.#unassigned].map((reader) => reader.failures));
        if (failures > 0) await pause(backoffFor(failures), this.#closing.signal);
        if (this.#closing.signal.aborted) return;
        const readers = [...this.#unassigned];
        try {
          await this.#cluster.refresh(readers.map((reader) => reader.topic));
        } catch (error) {
          if (!(error instanceof LogUnavailable)) throw error;
          this.#failureReporter.failed(error);
        }
        for (const reader of readers) {
          if (this.#cluster.leader(reader.topic, reader.partition)) {
            this.#unassigned.delete(reader);
            this.#want(reader);
          } else {
            reader.failures++;
          }
        }
      }
    } finally {
      this.#reassigning = false;
    }
  }

  #failAll(error: unknown): void {
    for (const reader of this.#readers) reader.fail(error);
  }
}

function requestPartition(reader: PartitionReader) {
  return {
    partition: reader.partition,
    currentLeaderEpoch: -1,
    fetchOffset: BigInt(reader.position),
    lastFetchedEpoch: -1,
    partitionMaxBytes: partitionBytesMax,
  };
}

/** The result of `take`: records; that the requested offset does not exist; or nothing, when the signal has aborted. */
export type Taken = FetchedRecords | 'outOfRange' | undefined;

export interface ReaderPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Records from here on are not requested, so a bounded reader leaves no poll in flight. */
  readonly end: number;
}

export class PartitionReader {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to ask for. */
  position: number;
  /** The end of what can be read by the last answer, and its time by performance.now(). */
  head: { readonly offset: number; readonly heardAtMs: number } | undefined;
  inFlight = false;
  /** Whether the last answer had records: then there likely are more. */
  isProductive = true;
  closed = false;
  failures = 0;
  whenClosed: (() => void) | undefined;
  readonly #end: number;
  readonly #want: (reader: PartitionReader) => void;
  #ready: FetchedRecords | 'outOfRange' | undefined;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(place: ReaderPlace, want: (reader: PartitionReader) => void) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.position = place.offset;
    this.#end = place.end;
    this.#want = want;
  }

  /** Whether there was something in it. */
  deliver(answer: PartitionAnswer): boolean {
    const next = endOfBatches(answer.records, this.position);
    if (next <= this.position || this.closed) return false;
    this.#ready = {
      partition: this.partition,
      firstOffset: this.position,
      headOffset: answer.lastStableOffset,
      aborted: answer.aborted,
      records: answer.records,
    };
    this.position = next;
    this.#wake?.();
    return true;
  }

  deliverOutOfRange(): void {
    this.#ready = 'outOfRange';
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#failure ??= error;
    this.close();
  }

  /** The next records, as soon as there are some; the ones after them are fetched meanwhile. One caller at a time. */
  async take(signal: AbortSignal): Promise<Taken> {
    while (!this.#ready && !this.closed && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
      await promise;
      signal.removeEventListener('abort', wake);
      this.#wake = undefined;
    }
    if (signal.aborted) return undefined;
    if (this.#failure !== undefined) throw this.#failure;
    const taken = this.#ready;
    this.#ready = undefined;
    if (taken !== undefined && taken !== 'outOfRange' && this.position < this.#end) this.#want(this);
    return taken;
  }

  close(): void {
    this.closed = true;
    this.#ready = undefined;
    this.#wake?.();
    this.whenClosed?.();
  }
}
