// Records side by side in columns, for writers that have many at once: no object each. What a record has that does not
// depend on its place in a batch is encoded as it comes, so that making a batch of them is mostly copying:
//
//   bytes: │ key length, key, value length, value, 0 (no headers) │ key length, … │
//            start[0]                                     end[0]    start[1]
import { assert } from '../base/assert.ts';
import { copyBytes, viewOf } from '../base/byte-copy.ts';
import {
  batchHeaderBytes,
  recordBytesMax,
  varintBytes,
  writeBytes,
  writeHeader,
  writeVarint,
  type ProducerStamp,
} from './batch.ts';
import type { NewRecord } from './record.ts';

/** What a record takes in a batch beside its packed bytes, at the most. */
const frameBytesMax = 5 + 1 + 10 + 5;

export class PackedRecords {
  count = 0;
  /** The end of what is used of `bytes`. */
  bytesUsed = 0;
  bytes: Buffer;
  /** The same bytes. */
  view: DataView;
  start: Int32Array;
  end: Int32Array;
  partition: Int32Array;
  timestampMs: Float64Array;

  constructor(bytesExpected: number, recordsExpected = 64) {
    const capacity = Math.max(1, recordsExpected);
    this.start = new Int32Array(capacity);
    this.end = new Int32Array(capacity);
    this.partition = new Int32Array(capacity);
    this.timestampMs = new Float64Array(capacity);
    this.bytes = Buffer.allocUnsafeSlow(Math.max(256, bytesExpected));
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for one more record of up to so many bytes. */
  reserve(recordBytes: number): void {
    if (this.bytesUsed + recordBytes > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.bytesUsed + recordBytes));
      this.bytes.copy(larger, 0, 0, this.bytesUsed);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    if (this.count < this.start.length) return;
    const grown = <Column extends Int32Array | Float64Array>(column: Column, larger: Column): Column => {
      larger.set(column);
      return larger;
    };
    const capacity = this.count * 4;
    this.start = grown(this.start, new Int32Array(capacity));
    this.end = grown(this.end, new Int32Array(capacity));
    this.partition = grown(this.partition, new Int32Array(capacity));
    this.timestampMs = grown(this.timestampMs, new Float64Array(capacity));
  }

  /** Makes it empty; its memory stays. */
  clear(): void {
    this.count = this.bytesUsed = 0;
  }

  /** The bytes from bytesUsed up to `end` are a record now. */
  push(partition: number, timestampMs: number, end: number): void {
    this.start[this.count] = this.bytesUsed;
    this.end[this.count] = end;
    this.partition[this.count] = partition;
    this.timestampMs[this.count] = timestampMs;
    this.bytesUsed = end;
    this.count++;
  }
}

/** Some of the packed records, of one partition, in order: those that order[from, to) names. */
export interface PackedSlice {
  readonly records: PackedRecords;
  readonly partition: number;
  readonly order: Int32Array;
  readonly from: number;
  readonly to: number;
}

/** Packs records, in these partitions or in their own. */
export function packRecords(records: readonly NewRecord[], partitions?: readonly number[]): PackedSlice {
  const bytesMax = records.reduce((sum, record) => sum + recordBytesMax(record), 0);
  // Mostly there is one: memory for more of it would cost as much as all else that is done here.
  const packed = new PackedRecords(bytesMax, records.length);
  for (const [index, record] of records.entries()) {
    packed.reserve(0);
    let at = writeBytes(packed.bytes, packed.bytesUsed, record.key);
    at = writeBytes(packed.bytes, at, record.value);
    packed.bytes[at++] = 0;
    packed.push(partitions?.[index] ?? record.partition ?? 0, record.timestampMs, at);
  }
  const order = Int32Array.from(records, (_, index) => index);
  return { records: packed, partition: 0, order, from: 0, to: order.length };
}

/** The records as objects, for a log that is not in a hurry. */
export function unpackRecords({ count, bytes, start, partition, timestampMs }: PackedRecords): NewRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const key = lengthAt(bytes, start[index]!);
    const value = lengthAt(bytes, key.next + key.length);
    return {
      partition: partition[index]!,
      timestampMs: timestampMs[index]!,
      key: bytes.subarray(key.next, key.next + key.length),
      value: bytes.subarray(value.next, value.next + value.length),
    };
  });
}

function lengthAt(bytes: Uint8Array, start: number): { length: number; next: number } {
  let raw = 0;
  let at = start;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    raw |= (byte & 127) << shift;
    if (byte < 128) return { length: raw >>> 1, next: at };
  }
}

/** The records of each partition, in order. Throws RangeError for a partition or a time that cannot be. */
export function slicesOf(records: PackedRecords, partitionCount: number): PackedSlice[] {
  const ends = new Int32Array(partitionCount);
  for (let index = 0; index < records.count; index++) {
    const partition = records.partition[index]!;
    if (partition < 0 || partition >= partitionCount) {
      throw new RangeError(`there is no partition ${partition}: there are ${partitionCount}`);
    }
    if (!Number.isSafeInteger(records.timestampMs[index])) {
      throw new RangeError(`${records.timestampMs[index]} is no time in whole milliseconds`);
    }
    ends[partition]!++;
  }
  const order = new Int32Array(records.count);
  const slices: PackedSlice[] = [];
  let from = 0;
  for (let partition = 0; partition < partitionCount; partition++) {
    const to = from + ends[partition]!;
    if (to > from) slices.push({ records, partition, order, from, to });
    // From here on where the partition's next record belongs.
    ends[partition] = from;
    from = to;
  }
  for (let index = 0; index < records.count; index++) order[ends[records.partition[index]!]!++] = index;
  return slices;
}

export function lengthOf({ from, to }: PackedSlice): number {
  return to - from;
}

/** The most bytes that the slice's record number `index` adds to a batch. */
export function packedBytesMax({ records, order, from }: PackedSlice, index: number): number {
  const at = order[from + index]!;
  return frameBytesMax + records.end[at]! - records.start[at]!;
}

/** Records [from, to) of a slice. */
export interface PackedPart {
  readonly slice: PackedSlice;
  readonly from: number;
  readonly to: number;
}

/** One uncompressed batch of at least one record, as encodeBatch makes it. */
export function encodePacked(parts: readonly PackedPart[], producer?: ProducerStamp): Uint8Array {
  let bytesMax = batchHeaderBytes;
  for (const { slice, from, to } of parts) {
    for (let index = from; index < to; index++) bytesMax += packedBytesMax(slice, index);
  }
  const first = parts.find((part) => part.to > part.from);
  assert(first, 'a batch holds at least one record');
  const firstMs = first.slice.records.timestampMs[first.slice.order[first.slice.from + first.from]!]!;
  let newestMs = firstMs;
  const bytes = Buffer.allocUnsafe(bytesMax);
  const view = viewOf(bytes);
  let at = batchHeaderBytes;
  let count = 0;
  for (const { slice, from, to } of parts) {
    const { records, order, from: start } = slice;
    for (let index = start + from; index < start + to; index++) {
      const record = order[index]!;
      const timestampMs = records.timestampMs[record]!;
      if (timestampMs > newestMs) newestMs = timestampMs;
      const packedBytes = records.end[record]! - records.start[record]!;
      const deltaMs = timestampMs - firstMs;
      at = writeVarint(bytes, at, 1 + varintBytes(deltaMs) + varintBytes(count) + packedBytes);
      bytes[at++] = 0;
      at = writeVarint(bytes, at, deltaMs);
      at = writeVarint(bytes, at, count++);
      at = copyBytes(records.view, records.start[record]!, records.end[record]!, view, at);
    }
  }
  const batch = bytes.subarray(0, at);
  writeHeader(batch, count, { first: firstMs, newest: newestMs }, producer ?? { id: -1, epoch: -1, baseSequence: -1 });
  return batch;
}
