/**
 * A log in memory, for tests that must see every crash: it keeps the promises of src/log/log.ts (log.contract.ts is run
 * against it), and leaves the moment of each act to a conductor, who may as well let the process die there.
 *
 *   SimLog (one a process) ──ask──> conductor ──effects──> SimStore (survives) ──> other processes
 *                          <─answer─┘
 */
import type { Clock } from '../../../src/base/clock.ts';
import {
  LogUnavailable,
  type Bounds,
  type Log,
  type Place,
  type ReadRange,
  type LogProblem,
  type TopicDeviation,
  type TopicSettings,
  type View,
} from '../../../src/log/log.ts';
import type { NewRecord, RecordChunk } from '../../../src/log/record.ts';
import { unpackRecords, type PackedRecords } from '../../../src/log/packed-records.ts';
import { SimGroup, type Handle } from './sim-group.ts';
import { SimProcess } from './sim-process.ts';
import type { SimStore } from './sim-store.ts';

/** The groups of one store, shared by all processes. */
export class SimGroups {
  readonly #store: SimStore;
  readonly #groups = new Map<string, SimGroup>();
  readonly clock: Clock;

  constructor(store: SimStore, clock: Clock) {
    this.#store = store;
    this.clock = clock;
  }

  get store(): SimStore {
    return this.#store;
  }

  group(topic: string, name: string): SimGroup {
    const key = `${topic}/${name}`;
    let group = this.#groups.get(key);
    if (group === undefined)
      this.#groups.set(key, (group = new SimGroup({ store: this.#store, clock: this.clock }, topic, key)));
    return group;
  }
}

export class SimLog implements Log {
  readonly #store: SimStore;
  readonly #groups: SimGroups;
  readonly #process: SimProcess;
  readonly #closed = new AbortController();
  readonly #memberships = new Set<Promise<void>>();
  #isClosed = false;

  constructor(groups: SimGroups, process = new SimProcess('the only process')) {
    this.#store = groups.store;
    this.#groups = groups;
    this.#process = process;
  }

  async ensureTopics(topics: readonly TopicSettings[]): Promise<void> {
    for (const settings of topics) {
      const there = this.#store.topic(settings.name)?.partitions.length ?? settings.partitions;
      if (there < settings.partitions) throw new LogUnavailable(`the topic ${settings.name} has ${there} partitions`);
      this.#store.addTopic(settings);
    }
  }

  async topicDeviations(): Promise<readonly TopicDeviation[]> {
    return [];
  }

  async problems(): Promise<readonly LogProblem[]> {
    return [];
  }

  async partitionCount(topic: string): Promise<number> {
    this.#refuseWhenClosed();
    const found = this.#store.topic(topic);
    if (found === undefined) throw new LogUnavailable(`there is no topic ${topic}`);
    return found.partitions.length;
  }

  async bounds(topic: string, partition: number): Promise<Bounds> {
    this.#refuseWhenClosed();
    return this.#process.ask(`bounds of ${topic}`, [], () => this.#store.bounds(topic, partition));
  }

  /** Each partition's records land in order, in one or two pieces; the partitions in any order. */
  async append(topic: string, records: readonly NewRecord[]): Promise<Place[]> {
    this.#refuseWhenClosed();
    const indexes = new Map<number, number[]>();
    for (const [index, record] of records.entries()) {
      const partition = this.#store.partitionFor(topic, record);
      this.#store.partition(topic, partition);
      indexes.set(partition, [...(indexes.get(partition) ?? []), index]);
    }
    const places: Place[] = [];
    const { random } = this.#store;
    const effects = random.shuffled([...indexes.values()]).flatMap((ofPartition) => {
      const cut = 1 + random.below(ofPartition.length);
      return [ofPartition.slice(0, cut), ofPartition.slice(cut)].map((some) => () => {
        for (const index of some) places[index] = this.#store.append(topic, records[index]!);
      });
    });
    return this.#process.ask(`append ${records.length} to ${topic}`, effects, () => places);
  }

  async appendPacked(topic: string, records: PackedRecords): Promise<void> {
    await this.append(topic, unpackRecords(records));
  }

  async *read(topic: string, partition: number, range: ReadRange): AsyncGenerator<RecordChunk, void, undefined> {
    this.#refuseWhenClosed();
    const store = this.#store;
    let ends = { offset: 0, to: 0 };
    const findEnds = (): void => {
      const { first, next } = store.bounds(topic, partition);
      const from =
        'offset' in range.from ? range.from.offset : store.offsetSince(topic, partition, range.from.timestampMs);
      ends = { offset: Math.max(from, first), to: Math.min(range.to ?? next, next) };
    };
    await this.#process.ask(`ends of ${topic}`, [findEnds], () => {});
    const { to } = ends;
    for (let { offset } = ends; offset < to;) {
      let chunk: RecordChunk | undefined;
      const readChunk = (): void => void (chunk = store.chunk(topic, partition, offset, to));
      const read = await this.#process.ask(`read a range of ${topic}`, [readChunk], () => chunk!);
      yield read;
      offset = read.nextOffset;
    }
  }

  view(topic: string, apply: (chunk: RecordChunk) => void, signal: AbortSignal, fromMs?: number): View {
    return viewOf({ store: this.#store, topic, apply, signal, fromMs, closed: this.#closed.signal });
  }

  async process(topic: string, group: string, handle: Handle, signal: AbortSignal): Promise<void> {
    this.#refuseWhenClosed();
    const member = { log: this, process: this.#process, handle };
    const either = AbortSignal.any([signal, this.#closed.signal, this.#process.end]);
    const membership = this.#groups.group(topic, group).join(member, either);
    this.#memberships.add(membership);
    await membership.finally(() => this.#memberships.delete(membership));
    if (this.#closed.signal.aborted && !signal.aborted) throw new LogUnavailable('the log is closed');
  }

  async close(): Promise<void> {
    const memberships = [...this.#memberships];
    this.#closed.abort();
    // What handlers still have under way is done.
    await Promise.allSettled(memberships);
    this.#isClosed = true;
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new LogUnavailable('the log is closed');
  }
}

interface ViewOf {
  readonly store: SimStore;
  readonly topic: string;
  readonly apply: (chunk: RecordChunk) => void;
  readonly signal: AbortSignal;
  readonly fromMs: number | undefined;
  readonly closed: AbortSignal;
}

/** Follows all partitions at once; nothing is asked of the conductor, as a view harms nobody. */
function viewOf({ store, topic, apply, signal, fromMs, closed }: ViewOf): View {
  const either = AbortSignal.any([signal, closed]);
  const count = store.topic(topic)!.partitions.length;
  const applied = Array.from({ length: count }, (_, partition) =>
    fromMs === undefined ? store.bounds(topic, partition).first : store.offsetSince(topic, partition, fromMs),
  );
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => {});
  const changed = new Set<() => void>();
  const reached = async (partition: number, offset: number): Promise<void> => {
    while (applied[partition]! <= offset) {
      const { promise, resolve } = Promise.withResolvers<void>();
      changed.add(resolve);
      await Promise.race([promise, over.promise]);
    }
  };
  const heads = Array.from({ length: count }, (_, partition) => store.bounds(topic, partition).next);
  const caughtUp = Promise.all(heads.map((next, partition) => reached(partition, next - 1))).then(() => {});
  caughtUp.catch(() => {});
  const follow = async (partition: number): Promise<void> => {
    while (!either.aborted) {
      const { next } = store.bounds(topic, partition);
      if (applied[partition] === next) {
        await store.grown(topic, partition, next, either);
        continue;
      }
      const chunk = store.chunk(topic, partition, applied[partition]!, next);
      apply(chunk);
      applied[partition] = chunk.nextOffset;
      for (const resolve of changed) resolve();
      changed.clear();
    }
  };
  const ended = Promise.all(heads.map((_, partition) => follow(partition))).then(
    () => {
      over.reject(new LogUnavailable('the view has ended'));
      if (!signal.aborted) throw new LogUnavailable('the log is closed');
    },
    (error: unknown) => {
      over.reject(error);
      throw error;
    },
  );
  ended.catch(() => {});
  return { caughtUp, ended, applied: (place) => reached(place.partition, place.offset) };
}
