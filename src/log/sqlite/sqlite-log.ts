import { setImmediate as nextTurn } from 'node:timers/promises';
import { assert } from '../../base/assert.ts';
import { pause } from '../../base/backoff.ts';
import { Failure } from '../../base/failure.ts';
import type { Logger } from '../../base/logger.ts';
import {
  ClaimLost,
  LogUnavailable,
  type Bounds,
  type Claim,
  type Log,
  type Place,
  type ReadRange,
  type LogProblem,
  type TopicDeviation,
  type TopicSettings,
  type View,
} from '../log.ts';
import type { NewRecord, RecordChunk } from '../record.ts';
import { slicesOf, type PackedRecords } from '../packed-records.ts';
import { Appender } from './appender.ts';
import { Group } from './group.ts';
import { compact, defaultLimits, retain, type HousekeepingLimits } from './housekeeping.ts';
import { Partition, takeBack } from './partitions.ts';
import { Store, type StoredTopic } from './store.ts';
import { followAll } from './view.ts';

export interface SqliteLogOptions {
  readonly dataDir: string;
  readonly logger: Logger;
  readonly limits?: HousekeepingLimits;
  /** Milliseconds since the epoch: what retention goes by. A clock that jumps ahead would remove everything. */
  readonly now?: () => number;
}

interface OpenTopic {
  readonly stored: StoredTopic;
  readonly partitions: readonly Partition[];
  /** Set by the settings of this process: it limits new records only, not those already stored. */
  timestampAheadMsMax: number | undefined;
}

const firstClaimBackMs = 10 * 60 * 1000;
const housekeepingEveryMs = 60_000;
/** How long `close` waits for handlers that are to settle. */
const closeMsMax = 20_000;

function closedError(): LogUnavailable {
  return new LogUnavailable('the log is closed');
}

/** Opens the embedded log in a folder, as its only owner. Rejects with LogUnavailable, saying who holds it or what is wrong. */
export async function openSqliteLog(options: SqliteLogOptions): Promise<SqliteLog> {
  return new SqliteLog(options);
}

/**
 * The embedded log: SQLite's rows are Kafka's record batches, one process owns them, and readers in it wake as soon as an
 * append is durable. Members of a group are loops of this process, so nothing outlives it that could act on a partition:
 * after a kill -9 the lock is free, and everything begins at its committed position.
 */
export class SqliteLog implements Log {
  readonly #store: Store;
  readonly #dataDir: string;
  readonly #appender: Appender;
  readonly #logger: Logger;
  readonly #limits: HousekeepingLimits;
  readonly #now: () => number;
  readonly #topics = new Map<string, OpenTopic>();
  readonly #groups = new Map<string, Group>();
  readonly #memberships = new Set<Promise<void>>();
  readonly #closed = new AbortController();
  readonly #housekeeping: NodeJS.Timeout;
  #isKeepingHouse = false;

  constructor({ dataDir, logger, limits, now }: SqliteLogOptions) {
    this.#logger = logger;
    this.#limits = limits ?? defaultLimits;
    this.#now = now ?? Date.now;
    this.#dataDir = dataDir;
    this.#store = new Store(dataDir);
    warnOfOpenFolder(dataDir, this.#store.openFolderMode, logger);
    this.#appender = new Appender(this.#store);
    for (const stored of this.#store.topics()) this.#open(stored);
    this.#housekeeping = setInterval(() => void this.keepHouse(this.#now()), housekeepingEveryMs);
    this.#housekeeping.unref();
  }

  async ensureTopics(topics: readonly TopicSettings[]): Promise<void> {
    for (const settings of topics) {
      const there = this.#topics.get(settings.name)?.stored.settings;
      if (there === undefined) this.#open(this.#store.transaction(() => this.#store.addTopic(settings)));
      else if (there.partitions < settings.partitions) {
        throw new Failure(
          'conflict',
          `topic ${settings.name} has ${there.partitions} partitions, and needs ${settings.partitions}`,
        );
      }
      this.#topic(settings.name).timestampAheadMsMax = settings.timestampAheadMsMax;
    }
  }

  /** This log has one owner, who says how topics are. */
  async topicDeviations(): Promise<readonly TopicDeviation[]> {
    return [];
  }

  async problems(): Promise<readonly LogProblem[]> {
    const { failure } = this.#appender;
    if (failure === undefined) return [];
    const detail = `the embedded log in ${this.#dataDir} cannot be written: ${failure}`;
    return [{ detail, remedy: 'make room on its disk, and let this user write there; work goes on by itself then' }];
  }

  async partitionCount(topic: string): Promise<number> {
    return this.#topic(topic).partitions.length;
  }

  async bounds(topic: string, partition: number): Promise<Bounds> {
    return this.#partition(topic, partition).bounds();
  }

  async append(topic: string, records: readonly NewRecord[]): Promise<Place[]> {
    const open = this.#topic(topic);
    const { partitions } = open;
    this.#refuseAhead(
      open,
      records.map(({ timestampMs }) => timestampMs),
    );
    const wrong = records.find(
      (record) => record.partition !== undefined && partitions[record.partition] === undefined,
    );
    if (wrong !== undefined) throw new RangeError(`topic ${topic} has no partition ${wrong.partition}`);
    return this.#appender.append(partitions, records);
  }

  async appendPacked(topic: string, records: PackedRecords): Promise<void> {
    const open = this.#topic(topic);
    const { partitions } = open;
    this.#refuseAhead(open, records.timestampMs.subarray(0, records.count));
    await this.#appender.appendSlices(partitions, slicesOf(records, partitions.length));
  }

  view(topic: string, apply: (chunk: RecordChunk) => void, signal: AbortSignal, fromMs?: number): View {
    const all = AbortSignal.any([signal, this.#closed.signal]);
    const { partitions } = this.#topic(topic);
    return followAll(partitions, {
      starts: partitions.map((one) => (fromMs === undefined ? one.first : one.offsetSince(fromMs))),
      follow: (partition, fromOffset) => this.#follow(partition, fromOffset, { signal: all, lends: false }),
      apply,
      isCutShort: () => this.#isCutShort(signal),
    });
  }

  async process(
    topic: string,
    group: string,
    handle: (claim: Claim) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { partitions } = this.#topic(topic);
    const name = `${topic}/${group}`;
    let members = this.#groups.get(name);
    if (members === undefined)
      this.#groups.set(name, (members = new Group(partitions.length, this.#logger.child({ group, topic }))));
    const membership = members.join(
      (partition, lost) => this.#handle(partitions[partition]!, { group, handle, signal: lost }),
      AbortSignal.any([signal, this.#closed.signal]),
    );
    this.#memberships.add(membership);
    await membership.finally(() => this.#memberships.delete(membership));
    if (this.#isCutShort(signal)) throw closedError();
  }

  async *read(topic: string, partition: number, range: ReadRange): AsyncIterable<RecordChunk> {
    const source = this.#partition(topic, partition);
    const to = Math.min(range.to ?? source.next, source.next);
    let offset = 'offset' in range.from ? range.from.offset : source.offsetSince(range.from.timestampMs);
    offset = Math.max(offset, source.first);
    while (offset < to) {
      const chunk = source.chunk(offset, to);
      yield chunk;
      offset = chunk.nextOffset;
      if (range.lends === true) takeBack(chunk.batches);
      await nextTurn();
    }
  }

  /**
   * Retention and compaction, as of a time, in steps of some milliseconds with turns for others in between. Called each minute;
   * failures are logged and tried again the next. While it is under way, another call does nothing.
   */
  async keepHouse(nowMs: number): Promise<void> {
    if (this.#isKeepingHouse) return;
    this.#isKeepingHouse = true;
    try {
      for (const { partitions } of this.#topics.values())
        for (const partition of partitions) await this.#keepPartition(partition, nowMs);
    } finally {
      this.#isKeepingHouse = false;
    }
  }

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    clearInterval(this.#housekeeping);
    this.#closed.abort(closedError());
    // What handlers still append and commit is written; readers that were waiting end in a turn of their own.
    const settled = new AbortController();
    await Promise.race([Promise.allSettled(this.#memberships), pause(closeMsMax, settled.signal)]);
    settled.abort();
    this.#appender.close();
    await nextTurn();
    this.#topics.clear();
    this.#store.close();
  }

  async #keepPartition(partition: Partition, nowMs: number): Promise<void> {
    const keep = partition.topic.cleanup === 'delete' ? retain : compact;
    const steps = keep(this.#store, partition, this.#limits, nowMs);
    try {
      do {
        await nextTurn();
        if (this.#closed.signal.aborted) return;
      } while (steps.next().done !== true);
    } catch (error) {
      this.#logger.error(
        { err: error, topic: partition.topic.name, partition: partition.id.partition },
        'housekeeping failed',
      );
    }
  }

  /** Whether the log was closed under somebody who had not asked for an end. */
  #isCutShort(signal: AbortSignal): boolean {
    return this.#closed.signal.aborted && !signal.aborted;
  }

  #open(stored: StoredTopic): void {
    const partitions = this.#store
      .bounds(stored.id)
      .map((bounds, index) => new Partition(this.#store, stored, index, { bounds, now: this.#now }));
    this.#topics.set(stored.settings.name, { stored, partitions, timestampAheadMsMax: undefined });
  }

  #refuseAhead({ stored, timestampAheadMsMax }: OpenTopic, timestamps: Iterable<number>): void {
    if (timestampAheadMsMax === undefined) return;
    const nowMs = this.#now();
    for (const timestampMs of timestamps) {
      if (timestampMs <= nowMs + timestampAheadMsMax) continue;
      const aheadSeconds = Math.round((timestampMs - nowMs) / 1_000);
      const refusal = `topic ${stored.settings.name} takes records up to ${timestampAheadMsMax / 1_000} s ahead of its clock, and one is ${aheadSeconds} s ahead`;
      throw new Failure('invalid_field', refusal);
    }
  }

  #topic(name: string): OpenTopic {
    const topic = this.#topics.get(name);
    if (topic === undefined)
      throw this.#closed.signal.aborted ? closedError() : new LogUnavailable(`there is no topic ${name}`);
    return topic;
  }

  #partition(topic: string, partition: number): Partition {
    const found = this.#topic(topic).partitions[partition];
    assert(found, `${topic} has a partition ${partition}`);
    return found;
  }

  async *#follow(
    partition: Partition,
    fromOffset: number,
    { signal, lends }: { readonly signal: AbortSignal; readonly lends: boolean },
  ): AsyncGenerator<RecordChunk, void, undefined> {
    let offset = fromOffset;
    while (!signal.aborted) {
      if (offset === partition.next) {
        await partition.grown(offset, signal);
        continue;
      }
      const chunk = partition.chunk(offset, partition.next);
      yield chunk;
      offset = chunk.nextOffset;
      if (lends) takeBack(chunk.batches);
      // Reading is synchronous here: without this turn a reader that is behind would keep the sockets waiting.
      await nextTurn();
    }
  }

  async #handle(
    partition: Partition,
    { group, handle, signal }: { group: string; handle: (claim: Claim) => Promise<void>; signal: AbortSignal },
  ): Promise<void> {
    const { topic, partition: number } = partition.id;
    const committed = this.#store.position(topic, group, number);
    let held = true;
    const refuseLost = (): void => {
      if (!held) throw new ClaimLost(`partition ${number} of ${partition.topic.name} was given up`);
    };
    try {
      await handle({
        partition: number,
        committed,
        start: committed ?? partition.offsetSince(this.#now() - firstClaimBackMs),
        signal,
        isHeld: () => held,
        head: () => ({ offset: partition.next, heardAtMs: performance.now() }),
        read: (fromOffset) => this.#follow(partition, fromOffset, { signal, lends: true }),
        append: async (to, records) => {
          refuseLost();
          return this.append(to, records);
        },
        commit: async (nextOffset) => {
          refuseLost();
          this.#store.transaction(() => this.#store.setPosition(topic, group, number, nextOffset));
        },
      });
    } finally {
      held = false;
    }
  }
}

function warnOfOpenFolder(dataDir: string, mode: number | undefined, logger: Logger): void {
  if (mode === undefined) return;
  const fields = { dataDir, mode: mode.toString(8) };
  logger.warn(fields, `others may read the data folder, which holds webhook URLs: chmod 700 ${dataDir}`);
}
