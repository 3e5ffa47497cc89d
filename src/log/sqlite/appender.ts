import { encodeBatch, recordBytesMax, setBaseOffset } from '../batch.ts';
import { LogUnavailable, type NewRecord, type Place } from '../log.ts';
import { partitionOf } from '../murmur2.ts';
import type { Partition } from './partitions.ts';
import type { Store } from './store.ts';

/** A batch is closed at this size, so that a reader never has to hold a larger one for a small record. */
const batchBytesMax = 262_144;

interface Waiting {
  readonly partitions: readonly Partition[];
  readonly records: readonly NewRecord[];
  readonly resolve: (places: Place[]) => void;
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

  constructor(store: Store) {
    this.#store = store;
  }

  append(partitions: readonly Partition[], records: readonly NewRecord[]): Promise<Place[]> {
    if (this.#closed) return Promise.reject(new LogUnavailable('the log is closed'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ partitions, records, resolve, reject });
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
      for (const [partition, next] of heads) {
        partition.next = next;
        partition.wake();
      }
      for (const [index, one] of waiting.entries()) one.resolve(places[index]!);
    } catch (error) {
      // The transaction was undone: none of these records is in the log.
      const reason = new LogUnavailable(
        `the log could not be written (${error instanceof Error ? error.message : String(error)})`,
      );
      for (const one of waiting) one.reject(reason);
    }
  }
}

function write(waiting: readonly Waiting[]): { places: Place[][]; heads: Map<Partition, number> } {
  const heads = new Map<Partition, number>();
  const gathered = new Map<Partition, NewRecord[]>();
  const places = waiting.map((one) =>
    one.records.map((record) => {
      const partition = one.partitions[record.partition ?? partitionOf(record.key, one.partitions.length)]!;
      const offset = heads.get(partition) ?? partition.next;
      heads.set(partition, offset + 1);
      const list = gathered.get(partition);
      if (list === undefined) gathered.set(partition, [record]);
      else list.push(record);
      return { partition: partition.id.partition, offset };
    }),
  );
  for (const [partition, records] of gathered) {
    let offset = partition.next;
    for (const part of partsOf(records)) {
      const batch = encodeBatch(part);
      setBaseOffset(batch, offset);
      partition.store(batch);
      offset += part.length;
    }
  }
  return { places, heads };
}

function partsOf(records: readonly NewRecord[]): NewRecord[][] {
  const parts: NewRecord[][] = [[]];
  let bytes = 0;
  for (const record of records) {
    const size = recordBytesMax(record);
    if (bytes > 0 && bytes + size > batchBytesMax) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(record);
    bytes += size;
  }
  return parts;
}
