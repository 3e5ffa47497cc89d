import { setBaseOffset } from '../batch.ts';
import { LogUnavailable, type Place } from '../log.ts';
import type { NewRecord } from '../record.ts';
import { partitionOf } from '../murmur2.ts';
import {
  encodePacked,
  lengthOf,
  packedBytesMax,
  packRecords,
  type PackedPart,
  type PackedSlice,
} from '../packed-records.ts';
import type { Partition } from './partitions.ts';
import type { Store } from './store.ts';

/** A batch is closed at this size, so that a reader never has to hold a larger one for a small record. */
const batchBytesMax = 262_144;

interface Waiting {
  readonly partitions: readonly Partition[];
  readonly slices: readonly PackedSlice[];
  /** Gets the offset of each partition's first record; the others follow it. */
  readonly resolve: (firstOffsets: ReadonlyMap<number, number>) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Gathers what is appended in one turn of the event loop and writes it in one durable transaction: the cost of a commit is
 * shared by all who wait for it.
 */
export class Appender {
  readonly #store: Store;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #closed = false;
  /** Why the last write failed; undefined when it did not. */
  failure: string | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  async append(partitions: readonly Partition[], records: readonly NewRecord[]): Promise<Place[]> {
    const chosen = records.map((record) => record.partition ?? partitionOf(record.key, partitions.length));
    const groups = Map.groupBy(records, (_, index) => chosen[index]!);
    const slices = [...groups].map(([partition, own]): PackedSlice => ({ ...packRecords(own), partition }));
    const offsets = new Map(await this.appendSlices(partitions, slices));
    return chosen.map((partition) => {
      const offset = offsets.get(partition)!;
      offsets.set(partition, offset + 1);
      return { partition, offset };
    });
  }

  /** Resolves to the offset of each slice's first record. */
  appendSlices(partitions: readonly Partition[], slices: readonly PackedSlice[]): Promise<ReadonlyMap<number, number>> {
    if (this.#closed) return Promise.reject(new LogUnavailable('the log is closed'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ partitions, slices, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => this.flush());
    });
  }

  close(): void {
    this.flush();
    this.#closed = true;
  }

  flush(): void {
    this.#scheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    try {
      const { places, heads } = this.#store.transaction(() => write(waiting));
      this.failure = undefined;
      for (const [partition, next] of heads) {
        partition.next = next;
        partition.wake();
      }
      for (const [index, one] of waiting.entries()) one.resolve(places[index]!);
    } catch (error) {
      // The transaction was undone: none of these records is in the log.
      this.failure = error instanceof Error ? error.message : String(error);
      const reason = new LogUnavailable(`the log could not be written (${this.failure})`);
      for (const one of waiting) one.reject(reason);
    }
  }
}

function write(waiting: readonly Waiting[]): { places: Map<number, number>[]; heads: Map<Partition, number> } {
  const heads = new Map<Partition, number>();
  const gathered = new Map<Partition, PackedSlice[]>();
  const places = waiting.map((one) => {
    const firstOffsets = new Map<number, number>();
    for (const slice of one.slices) {
      const partition = one.partitions[slice.partition]!;
      const offset = heads.get(partition) ?? partition.next;
      firstOffsets.set(slice.partition, offset);
      heads.set(partition, offset + lengthOf(slice));
      const list = gathered.get(partition);
      if (list === undefined) gathered.set(partition, [slice]);
      else list.push(slice);
    }
    return firstOffsets;
  });
  for (const [partition, slices] of gathered) {
    let offset = partition.next;
    for (const parts of batchesOf(slices)) {
      const batch = encodePacked(parts);
      setBaseOffset(batch, offset);
      partition.store(batch);
      offset += parts.reduce((sum, part) => sum + part.to - part.from, 0);
    }
  }
  return { places, heads };
}

function batchesOf(slices: readonly PackedSlice[]): PackedPart[][] {
  const batches: PackedPart[][] = [[]];
  let bytes = 0;
  for (const slice of slices) {
    const length = lengthOf(slice);
    let from = 0;
    for (let index = 0; index < length; index++) {
      const size = packedBytesMax(slice, index);
      if (bytes > 0 && bytes + size > batchBytesMax) {
        if (index > from) batches.at(-1)!.push({ slice, from, to: index });
        batches.push([]);
        from = index;
        bytes = 0;
      }
      bytes += size;
    }
    if (length > from) batches.at(-1)!.push({ slice, from, to: length });
  }
  return batches.filter((parts) => parts.length > 0);
}
