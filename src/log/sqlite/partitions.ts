import { OffsetGone, type Bounds, type TopicSettings } from '../log.ts';
import type { RecordChunk } from '../record.ts';
import { baseOffset, checkBatch, maxTimestamp, nextOffset, recordsOf } from '../batch.ts';
import type { PartitionId, Store, StoredTopic } from './store.ts';

/** What one read hands over at the most, unless a single batch is larger: small enough to keep memory flat. */
const chunkBytesMax = 1_048_576;
/** How far ahead of this computer's clock a time may be and still be believed. */
const aheadMsMax = 60_000;

/** One partition as its process knows it: the bounds, and who waits for more. */
export class Partition {
  readonly id: PartitionId;
  readonly topic: TopicSettings;
  first: number;
  next: number;
  /** The largest timestamp so far, of what was stored or was to be, but for those of a clock that was ahead. */
  #reachedMs: number;
  readonly #waiting = new Set<() => void>();
  readonly #store: Store;
  readonly #now: () => number;

  constructor(
    store: Store,
    topic: StoredTopic,
    partition: number,
    { bounds, now }: { readonly bounds: Bounds; readonly now: () => number },
  ) {
    this.#store = store;
    this.#now = now;
    this.id = { topic: topic.id, partition };
    this.topic = topic.settings;
    this.first = bounds.first;
    this.next = bounds.next;
    this.#reachedMs = store.reachedMs(this.id);
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
    const batch = this.#store.firstBatchSince(this.id, this.bounds(), timestampMs);
    if (batch === undefined) return this.next;
    const within = { partition: this.id.partition, batches: [batch.bytes], headOffset: this.next };
    for (const record of recordsOf({ ...within, firstOffset: batch.firstOffset, nextOffset: batch.lastOffset + 1 })) {
      if (record.timestampMs >= timestampMs) return record.offset;
    }
    return batch.lastOffset + 1;
  }

  /** Up to this offset all records are older than a time: where the first batch begins that is not. */
  offsetBefore(timestampMs: number): number {
    return this.#store.firstBatchSince(this.id, this.bounds(), timestampMs)?.firstOffset ?? this.next;
  }

  /** Stores a batch whose base offset was set to `next`; call it in a transaction. `next` follows when that is durable. */
  store(batch: Uint8Array): void {
    // This computer's clock was ahead: what follows must not look as young for as long as that.
    if (this.#reachedMs > this.#now() + aheadMsMax) this.#reachedMs = 0;
    this.#reachedMs = Math.max(this.#reachedMs, maxTimestamp(batch));
    this.#store.addBatch(this.id, {
      firstOffset: baseOffset(batch),
      lastOffset: nextOffset(batch) - 1,
      reachedMs: this.#reachedMs,
      bytes: batch,
    });
  }
}

/**
 * Frees bytes that were read and are not needed any more. Each row comes in memory of its own, and left to the collector it makes that
 * go through the whole heap every few dozen megabytes: a third of the time that reading takes, and more beside many rules.
 */
export function takeBack(batches: readonly Uint8Array[]): void {
  for (const batch of batches) (batch.buffer as ArrayBuffer).transfer(0);
}
