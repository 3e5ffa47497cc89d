import { encodeBatch, setBaseOffset } from '../../../src/log/batch.ts';
import type { Bounds, Place, TopicSettings } from '../../../src/log/log.ts';
import type { NewRecord, RecordChunk } from '../../../src/log/record.ts';
import { partitionOf } from '../../../src/log/murmur2.ts';
import type { Random } from './random.ts';

/** A record as anybody may write it: foreign producers leave keys out. */
export type AnyRecord = Omit<NewRecord, 'key'> & { readonly key: Uint8Array | null };

export interface StoredRecord {
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
}

interface StoredPartition {
  readonly records: StoredRecord[];
  first: number;
  next: number;
}

interface StoredTopic {
  readonly settings: TopicSettings;
  readonly partitions: readonly StoredPartition[];
}

/** Few records a chunk, so that a history of a hundred has many places where something may happen. */
const chunkRecordsMax = 8;

/** What stands in the simulated log, whoever dies: its topics, and the positions of its groups. */
export class SimStore {
  readonly random: Random;
  readonly #topics = new Map<string, StoredTopic>();
  readonly #positions = new Map<string, number>();
  readonly #waiting = new Set<() => void>();

  constructor(random: Random) {
    this.random = random;
  }

  addTopic(settings: TopicSettings): void {
    if (this.#topics.has(settings.name)) return;
    const partitions = Array.from({ length: settings.partitions }, () => ({ records: [], first: 0, next: 0 }));
    this.#topics.set(settings.name, { settings, partitions });
  }

  topic(name: string): StoredTopic | undefined {
    return this.#topics.get(name);
  }

  partition(topic: string, partition: number): StoredPartition {
    const found = this.#topics.get(topic)?.partitions[partition];
    if (found === undefined) throw new RangeError(`topic ${topic} has no partition ${partition}`);
    return found;
  }

  bounds(topic: string, partition: number): Bounds {
    const { first, next } = this.partition(topic, partition);
    return { first, next };
  }

  /** Which partition a record belongs to. */
  partitionFor(topic: string, { key, partition }: AnyRecord): number {
    return partition ?? partitionOf(key ?? new Uint8Array(), this.#topics.get(topic)!.partitions.length);
  }

  append(topic: string, record: AnyRecord): Place {
    const partition = this.partitionFor(topic, record);
    const stored = this.partition(topic, partition);
    const { key, value, timestampMs } = record;
    const copy = (bytes: Uint8Array | null): Uint8Array | null => (bytes === null ? null : Uint8Array.from(bytes));
    stored.records.push({ offset: stored.next, key: copy(key), value: copy(value), timestampMs });
    stored.next += 1;
    this.wake();
    return { partition, offset: stored.next - 1 };
  }

  /** All records of a partition as they stand. */
  records(topic: string, partition: number): readonly StoredRecord[] {
    return this.partition(topic, partition).records;
  }

  offsetSince(topic: string, partition: number, timestampMs: number): number {
    const { records, next } = this.partition(topic, partition);
    return records.find((record) => record.timestampMs >= timestampMs)?.offset ?? next;
  }

  /** Some records from an offset on. The first batch may begin before it, and the last go beyond the chunk's end. */
  chunk(topic: string, partition: number, from: number, to: number): RecordChunk {
    const { records, next } = this.partition(topic, partition);
    const held = records.filter((record) => record.offset >= from && record.offset < to);
    const some = held.slice(0, 1 + this.random.below(chunkRecordsMax));
    const nextOffset = some.length < held.length ? some.at(-1)!.offset + 1 : Math.min(to, next);
    const first = records.findIndex((record) => record.offset >= from);
    const around = records.slice(Math.max(0, first - this.random.below(3)), first + some.length + this.random.below(3));
    const batches = some.length === 0 ? [] : this.#batchesOf(around);
    return { partition, batches, firstOffset: from, nextOffset, headOffset: next };
  }

  /** Cut wherever chance will have it, and where offsets are missing. */
  #batchesOf(records: readonly StoredRecord[]): Uint8Array[] {
    const batches: StoredRecord[][] = [];
    for (const record of records) {
      const last = batches.at(-1);
      const follows = last !== undefined && last.at(-1)!.offset === record.offset - 1;
      if (follows && this.random.chance(0.7)) last.push(record);
      else batches.push([record]);
    }
    return batches.map((batch) => {
      const bytes = encodeBatch(batch);
      setBaseOffset(bytes, batch[0]!.offset);
      return bytes;
    });
  }

  position(group: string, partition: number): number | undefined {
    return this.#positions.get(`${group}/${partition}`);
  }

  setPosition(group: string, partition: number, offset: number): void {
    this.#positions.set(`${group}/${partition}`, offset);
  }

  /**
   * Drops the records that a newer one of their key replaces, as Kafka does: both must stand before `before`, which is how
   * a topic's compaction lag is kept. Tombstones go when they are so old themselves.
   */
  compact(topic: string, partition: number, before: number): void {
    const stored = this.partition(topic, partition);
    const keyOf = (record: StoredRecord): string => Buffer.from(record.key ?? []).toString('latin1');
    const old = stored.records.filter((record) => record.offset < before);
    const newest = new Map(old.map((record) => [keyOf(record), record.offset]));
    const kept = stored.records.filter((record) => {
      if (record.offset >= before) return true;
      return newest.get(keyOf(record)) === record.offset && record.value !== null;
    });
    stored.records.splice(0, stored.records.length, ...kept);
  }

  /** Removes the records before an offset, as retention does. */
  deleteBefore(topic: string, partition: number, offset: number): void {
    const stored = this.partition(topic, partition);
    const kept = stored.records.filter((record) => record.offset >= offset);
    stored.records.splice(0, stored.records.length, ...kept);
    stored.first = Math.max(stored.first, offset);
    this.wake();
  }

  /** Loses the records from an offset on, as a broker does that lost power. */
  rewind(topic: string, partition: number, next: number): void {
    const stored = this.partition(topic, partition);
    const kept = stored.records.filter((record) => record.offset < next);
    stored.records.splice(0, stored.records.length, ...kept);
    stored.next = next;
    stored.first = Math.min(stored.first, next);
  }

  /** Whoever waits for records looks again. */
  wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Resolves when the partition has, or lost, a record at an offset, or the signal aborts. */
  async grown(topic: string, partition: number, offset: number, signal: AbortSignal): Promise<void> {
    while (this.partition(topic, partition).next === offset && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener('abort', done);
          this.#waiting.delete(done);
          resolve();
        };
        this.#waiting.add(done);
        signal.addEventListener('abort', done);
      });
    }
  }
}
