import { keepRecords, RecordSpans, scanBatch } from '../batch.ts';
import { takeBack, type Partition } from './partitions.ts';
import type { Store } from './store.ts';

const day = 24 * 60 * 60 * 1000;

export interface HousekeepingLimits {
  /** For topics that name no retention of their own. */
  readonly retentionMs: number;
  /** What one partition may hold; its oldest batches go first. */
  readonly partitionBytesMax: number;
  /** How long a tombstone stays for readers that are behind. */
  readonly tombstoneMs: number;
  /**
   * A partition is compacted when so many records have come that are old enough for it, and this share of what was left the last time:
   * all of it is read, so that with more to read there has to be more to gain.
   */
  readonly compactAfter: { readonly records: number; readonly share: number };
}

export const defaultLimits: HousekeepingLimits = {
  retentionMs: 7 * day,
  partitionBytesMax: 2 ** 30,
  tombstoneMs: day,
  compactAfter: { records: 1_000, share: 0.5 },
};

/** What is deleted in one step: some milliseconds of work. */
const [stepBytesMax, stepBatchesMax] = [1_048_576, 1_000];

/** Deletes what is past its retention, by time and by size, the oldest batches first. Between two steps others may have their turn. */
export function* retain(
  store: Store,
  partition: Partition,
  limits: HousekeepingLimits,
  nowMs: number,
): Generator<void, void, undefined> {
  const oldestMs = nowMs - (partition.topic.retentionMs ?? limits.retentionMs);
  for (;;) {
    const batches = store.ages(partition.id, partition.first, stepBatchesMax);
    let excess = store.fill(partition.id).bytes - limits.partitionBytesMax;
    let [lastOffset, bytes] = [-1, 0];
    for (const batch of batches) {
      if ((batch.reachedMs >= oldestMs && excess <= 0) || bytes >= stepBytesMax) break;
      lastOffset = batch.lastOffset;
      bytes += batch.bytes;
      excess -= batch.bytes;
    }
    if (lastOffset < 0) return;
    store.transaction(() => store.deleteUpTo(partition.id, lastOffset, bytes));
    partition.first = lastOffset + 1;
    yield;
  }
}

/**
 * Drops the records of a compacted partition that a newer one of their key replaces, once both are older than the topic's lag, and
 * tombstones after their time. Offsets stay as they were. Between two steps others may have their turn.
 */
export function* compact(
  store: Store,
  partition: Partition,
  limits: HousekeepingLimits,
  nowMs: number,
): Generator<void, void, undefined> {
  const { compactedTo, compactedRecords } = store.fill(partition.id);
  const settledTo = partition.offsetBefore(nowMs - (partition.topic.compactionLagMs ?? 0));
  const { records, share } = limits.compactAfter;
  if (settledTo - compactedTo < Math.max(records, share * compactedRecords)) return;
  const newest = yield* newestByKey(partition, compactedTo, settledTo);
  const spans = new RecordSpans();
  let left = 0;
  const keptOf = (batch: Uint8Array): Uint8Array | undefined => {
    scanBatch(batch, spans);
    const isKept = Array.from({ length: spans.count }, (_, index) => {
      const offset = spans.offset[index]!;
      if ((newest.get(keyText(batch, spans, index)) ?? -1) > offset) return false;
      if (spans.valueStart[index]! >= 0) return true;
      // In a transaction of its own, before the deletion: a reader between the two must see that records are missing.
      return offset >= compactedTo || spans.timestampMs[index]! >= nowMs - limits.tombstoneMs;
    });
    const count = isKept.filter(Boolean).length;
    left += count;
    return count === isKept.length ? batch : keepRecords(batch, (_, index) => isKept[index]!, spans);
  };
  for (const batches of readings(partition, partition.first, settledTo)) {
    const changed = batches
      .map((batch) => ({ batch, kept: keptOf(batch) }))
      .filter(({ batch, kept }) => kept !== batch);
    if (changed.length > 0)
      store.transaction(() => changed.forEach(({ batch, kept }) => store.replaceBatch(partition.id, batch, kept)));
    yield;
  }
  store.transaction(() => store.setCompacted(partition.id, settledTo, left));
}

/** The last offset of each key among the records from one offset up to another. */
function* newestByKey(partition: Partition, from: number, to: number): Generator<void, Map<string, number>, undefined> {
  const newest = new Map<string, number>();
  const spans = new RecordSpans();
  for (const batches of readings(partition, Math.max(from, partition.first), to)) {
    for (const batch of batches) {
      scanBatch(batch, spans);
      for (let index = 0; index < spans.count; index++) newest.set(keyText(batch, spans, index), spans.offset[index]!);
    }
    yield;
  }
  return newest;
}

/** The batches from one offset up to another, where batches begin, a step's worth at a time. They hold until the next are asked for. */
function* readings(partition: Partition, from: number, to: number): Generator<readonly Uint8Array[], void, undefined> {
  for (let offset = from; offset < to;) {
    // Verify checksums before compaction writes new ones, which would hide the damage.
    const { batches, nextOffset } = partition.chunk(offset, to);
    yield batches;
    offset = nextOffset;
    takeBack(batches);
  }
}

/** A key's bytes as latin1 text, which is one character a byte. */
function keyText(batch: Uint8Array, spans: RecordSpans, index: number): string {
  const start = spans.keyStart[index]!;
  if (start < 0) return '';
  return Buffer.from(batch.buffer, batch.byteOffset + start, spans.keyEnd[index]! - start).toString('latin1');
}
