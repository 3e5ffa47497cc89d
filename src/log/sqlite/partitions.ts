import { OffsetGone, type Bounds, type RecordChunk, type TopicSettings } from '../log.ts';
import { checkBatch, maxTimestamp, nextOffset, recordsOf, baseOffset } from '../batch.ts';
import type { PartitionId, Store, StoredTopic } from './store.ts';

/** What one read hands over at the most, unless a single batch is larger: small enough to keep memory flat. */
const chunkBytesMax = 1_048_576;

/** One partition as its process knows it: the bounds, and who waits for more. */
export class Partition {
  readonly id: PartitionId;
  readonly topic: TopicSettings;
  first: number;
  next: number;
  /** Where the partition ended when it was last compacted by this process. */
  compactedTo = 0;
  readonly #waiting = new Set<() => void>();
  readonly #store: Store;

  constructor(store: Store, topic: StoredTopic, partition: number, bounds: Bounds) {
    this.#store = store;
    this.id = { topic: topic.id, partition };
    this.topic = topic.settings;
    this.first = bounds.first;
    this.next = bounds.next;
  }

  bounds(): Bounds {
    return { first: this.first, next: this.next };
  }

  /** The partition has new records, or a reader should look again. */
  wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Resolves when there is a record at or after an offset, or the signal aborts. */
  async grown(offset: number, signal: AbortSignal): Promise<void> {
    while (this.next <= offset && !signal.aborted) {
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

  /** The records from an offset on, a bounded number, up to `to`. Throws OffsetGone, or CorruptBatch for damaged bytes. */
  chunk(fromOffset: number, to: number): RecordChunk {
    if (fromOffset < this.first || fromOffset > this.next) throw new OffsetGone(fromOffset, this.bounds());
    const rows = this.#store.batches(this.id, fromOffset, chunkBytesMax).filter((row) => row.firstOffset < to);
    for (const row of rows) checkBatch(row.bytes);
    const last = rows.at(-1);
    return {
      partition: this.id.partition,
      batches: rows.map((row) => row.bytes),
      firstOffset: fromOffset,
      nextOffset: Math.min(to, last === undefined ? this.next : last.lastOffset + 1),
      headOffset: this.next,
    };
  }

  /** The offset of the first record at or after a time; the head when there is none. */
  offsetSince(timestampMs: number): number {
    const batch = this.#store.firstBatchSince(this.id, timestampMs);
    if (batch === undefined) return this.next;
    const within = { partition: this.id.partition, batches: [batch.bytes], headOffset: this.next };
    for (const record of recordsOf({ ...within, firstOffset: batch.firstOffset, nextOffset: batch.lastOffset + 1 })) {
      if (record.timestampMs >= timestampMs) return record.offset;
    }
    return batch.lastOffset + 1;
  }

  /** Stores a batch whose base offset was set to `next`; call it in a transaction. `grownTo` follows when that is durable. */
  store(batch: Uint8Array): void {
    const next = nextOffset(batch);
    this.#store.addBatch(this.id, {
      firstOffset: baseOffset(batch),
      lastOffset: next - 1,
      maxTimestampMs: maxTimestamp(batch),
      bytes: batch,
    });
    this.#store.setBounds(this.id, { first: this.first, next });
  }
}
