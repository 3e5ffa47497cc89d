import { baseOffset, keepRecords, maxTimestamp, nextOffset, recordsOf } from '../batch.ts';
import type { Partition } from './partitions.ts';
import type { Store } from './store.ts';

const day = 24 * 60 * 60 * 1000;

export interface HousekeepingLimits {
  /** For topics that name no retention of their own. */
  readonly retentionMs: number;
  /** What one partition may hold; its oldest batches go first. */
  readonly partitionBytesMax: number;
  /** How long a tombstone stays for readers that are behind. */
  readonly tombstoneMs: number;
  /** Records that must have come to a partition before it is compacted again: reading all of it for less is not worth it. */
  readonly compactAfterRecords: number;
}

export const defaultLimits: HousekeepingLimits = {
  retentionMs: 7 * day,
  partitionBytesMax: 2 ** 30,
  tombstoneMs: day,
  compactAfterRecords: 1_000,
};

/** Rows of a compacted partition that are rewritten in one transaction: some milliseconds of work. */
const compactedBytesMax = 4_194_304;

/** Deletes what is past its retention, by time and by size. The newest batch always stays. */
export function retain(store: Store, partition: Partition, limits: HousekeepingLimits, nowMs: number): void {
  const oldest = nowMs - (partition.topic.retentionMs ?? limits.retentionMs);
  let last = store.lastOffsetBefore(partition.id, oldest);
  let excess = store.size(partition.id).bytes - limits.partitionBytesMax;
  for (const row of excess > 0 ? store.batches(partition.id, partition.first, excess) : []) {
    if (excess <= 0) break;
    last = Math.max(last ?? 0, row.lastOffset);
    excess -= row.bytes.length;
  }
  if (last === undefined || last < partition.first) return;
  const first = Math.min(last + 1, partition.next);
  store.transaction(() => {
    store.deleteBatches(partition.id, first - 1);
    store.setBounds(partition.id, { first, next: partition.next });
  });
  partition.first = first;
}

/**
 * Drops the records of a compacted partition that a newer one of their key replaces, once they are older than the
 * topic's lag, and tombstones after their time. Offsets stay as they were. The bytes of a key are told apart as latin1
 * text, which is one character a byte.
 */
export function compact(store: Store, partition: Partition, limits: HousekeepingLimits, nowMs: number): void {
  if (partition.next - partition.compactedTo < limits.compactAfterRecords) return;
  partition.compactedTo = partition.next;
  const newest = newestByKey(partition);
  const settledBefore = nowMs - (partition.topic.compactionLagMs ?? 0);
  for (let from = partition.first; from < partition.next;) {
    const rows = store.batches(partition.id, from, compactedBytesMax);
    if (rows.length === 0) return;
    store.transaction(() => {
      for (const row of rows) {
        if (row.maxTimestampMs >= settledBefore) continue;
        const kept = keepRecords(row.bytes, (spans, index) => {
          const key = keyText(row.bytes.subarray(spans.keyStart[index], spans.keyEnd[index]));
          if (newest.get(key) !== spans.offset[index]) return false;
          return spans.valueStart[index]! >= 0 || spans.timestampMs[index]! >= nowMs - limits.tombstoneMs;
        });
        if (kept !== undefined && kept.length === row.bytes.length) continue;
        store.deleteBatch(partition.id, row.lastOffset);
        if (kept === undefined) continue;
        store.addBatch(partition.id, {
          firstOffset: baseOffset(kept),
          lastOffset: nextOffset(kept) - 1,
          maxTimestampMs: maxTimestamp(kept),
          bytes: kept,
        });
      }
    });
    from = rows.at(-1)!.lastOffset + 1;
  }
}

function newestByKey(partition: Partition): Map<string, number> {
  const newest = new Map<string, number>();
  for (let from = partition.first; from < partition.next;) {
    const chunk = partition.chunk(from, partition.next);
    for (const record of recordsOf(chunk)) newest.set(keyText(record.key), record.offset);
    from = chunk.nextOffset;
  }
  return newest;
}

function keyText(key: Uint8Array | null): string {
  return key === null ? '' : Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}
