// Kafka's record batch, format v2 (kafka.apache.org/documentation/#recordbatch), written and read in place. Both adapters
// keep these very bytes, so there is one reader.
//
//    0 baseOffset int64        23 lastOffsetDelta int32      43 producerId int64
//    8 length int32            27 baseTimestamp int64        51 producerEpoch int16
//   12 leaderEpoch int32       35 maxTimestamp int64         53 baseSequence int32
//   16 magic int8 (2)                                        57 recordCount int32
//   17 crc uint32, of all that follows it                    61 records, each:
//   21 attributes int16                                         length varint, attributes int8, timestampDelta varlong,
//                                                               offsetDelta varint, key, value, headers
//
// What stands before the crc may be set without a new checksum: a log gives a batch its offset that way. Offsets and times
// are JavaScript numbers: exact to 2^53.
import { assert } from '../base/assert.ts';
import { crc32c } from './crc32c.ts';
import type { RecordChunk } from './record.ts';

export const batchHeaderBytes = 61;
/** From the start of a batch to its length field's end: what must be there to know where the batch ends. */
export const batchPrefixBytes = 12;
const crcStart = 21;

/** Bits of a batch's attributes. */
export const compressionMask = 0x07;
export const logAppendTimeBit = 0x08;
export const transactionalBit = 0x10;
export const controlBit = 0x20;

/** The bytes are no sound record batch: cut short, another format, a wrong checksum or a length that leads outside. */
export class CorruptBatch extends Error {
  override name = 'CorruptBatch';
}

// Positions are locals and parameters everywhere below, never captured by a closure: Node was seen to miscompile that.

function int32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function int64At(bytes: Uint8Array, at: number): number {
  return int32At(bytes, at) * 0x1_0000_0000 + (int32At(bytes, at + 4) >>> 0);
}

function setInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function setInt64(bytes: Uint8Array, at: number, value: number): void {
  setInt32(bytes, at, Math.floor(value / 0x1_0000_0000));
  setInt32(bytes, at + 4, value % 0x1_0000_0000);
}

// Peeks at a header. `at` is where the batch begins in `bytes`; batchHeaderBytes must be there.

export const baseOffset = (bytes: Uint8Array, at = 0): number => int64At(bytes, at);
/** The whole batch's size in bytes, this prefix included. Needs batchPrefixBytes only. */
export const batchBytes = (bytes: Uint8Array, at = 0): number => batchPrefixBytes + int32At(bytes, at + 8);
export const magic = (bytes: Uint8Array, at = 0): number => bytes[at + 16]!;
export const batchCrc = (bytes: Uint8Array, at = 0): number => int32At(bytes, at + 17) >>> 0;
export const attributes = (bytes: Uint8Array, at = 0): number => (bytes[at + 21]! << 8) | bytes[at + 22]!;
export const lastOffsetDelta = (bytes: Uint8Array, at = 0): number => int32At(bytes, at + 23);
export const baseTimestamp = (bytes: Uint8Array, at = 0): number => int64At(bytes, at + 27);
export const maxTimestamp = (bytes: Uint8Array, at = 0): number => int64At(bytes, at + 35);
/** -1 when the writer is not idempotent. */
export const producerId = (bytes: Uint8Array, at = 0): number => int64At(bytes, at + 43);
export const producerEpoch = (bytes: Uint8Array, at = 0): number => (int32At(bytes, at + 49) << 16) >> 16;
export const baseSequence = (bytes: Uint8Array, at = 0): number => int32At(bytes, at + 53);
export const recordCount = (bytes: Uint8Array, at = 0): number => int32At(bytes, at + 57);
/** The offset after the batch's last: where the next batch may begin. */
export const nextOffset = (bytes: Uint8Array, at = 0): number => int64At(bytes, at) + int32At(bytes, at + 23) + 1;

/** Gives the batch its place in the log, in place; its checksum does not cover it. */
export function setBaseOffset(batch: Uint8Array, offset: number): void {
  setInt64(batch, 0, offset);
}

/**
 * Throws CorruptBatch unless `batch` is exactly one sound batch: its format, its length and its checksum. Its records are
 * checked when they are read. `checksum` may be a faster CRC-32C than ours.
 */
export function checkBatch(batch: Uint8Array, checksum: (bytes: Uint8Array) => number = crc32c): void {
  if (batch.length < batchHeaderBytes) throw new CorruptBatch(`a batch of ${batch.length} bytes is cut short`);
  if (magic(batch) !== 2)
    throw new CorruptBatch(`a batch at offset ${baseOffset(batch)} has format ${magic(batch)}, not 2`);
  if (batchBytes(batch) !== batch.length) {
    throw new CorruptBatch(
      `a batch at offset ${baseOffset(batch)} says ${batchBytes(batch)} bytes and has ${batch.length}`,
    );
  }
  if (checksum(batch.subarray(crcStart)) !== batchCrc(batch)) {
    throw new CorruptBatch(`a batch at offset ${baseOffset(batch)} has a wrong checksum`);
  }
}

/** Recomputes the batch's checksum, after its bytes from the attributes on have changed. */
export function sealBatch(batch: Uint8Array): void {
  setInt32(batch, 17, crc32c(batch, crcStart));
}

// Writing.

export interface BatchRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
}

/** What lets a broker tell a repeat from a new batch. */
export interface ProducerStamp {
  readonly id: number;
  readonly epoch: number;
  /** The first record's number among all that this producer wrote to the partition. */
  readonly baseSequence: number;
}

/** Lengths of varints: a sign, a length or a delta never needs more in what we write. */
const varintBytesMax = 5;
const varlongBytesMax = 10;

/** The most bytes that one record adds to a batch. */
export function recordBytesMax(record: BatchRecord): number {
  const overhead = 4 * varintBytesMax + varlongBytesMax + 2;
  return overhead + (record.key?.length ?? 0) + (record.value?.length ?? 0);
}

/** A zigzag varint of any integer up to 2^52. Returns where it ends. */
export function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value >= 0 ? value * 2 : value * -2 - 1;
  while (rest >= 0x80) {
    bytes[at++] = (rest % 0x80) | 0x80;
    rest = rest > 0x7fff_ffff ? Math.floor(rest / 0x80) : rest >>> 7;
  }
  bytes[at++] = rest;
  return at;
}

export function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value >= 0 ? value * 2 : value * -2 - 1; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}

export function writeBytes(bytes: Uint8Array, at: number, content: Uint8Array | null): number {
  if (content === null) return writeVarint(bytes, at, -1);
  const start = writeVarint(bytes, at, content.length);
  bytes.set(content, start);
  return start + content.length;
}

/**
 * One uncompressed batch of at least one record, its checksum set, its base offset 0. Times are whole milliseconds.
 */
export function encodeBatch(records: readonly BatchRecord[], producer?: ProducerStamp): Uint8Array {
  const first = records[0];
  assert(first, 'a batch holds at least one record');
  let bytesMax = batchHeaderBytes;
  let newest = first.timestampMs;
  for (const record of records) {
    bytesMax += recordBytesMax(record);
    if (record.timestampMs > newest) newest = record.timestampMs;
  }
  const bytes = Buffer.allocUnsafe(bytesMax);
  let at = batchHeaderBytes;
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    const timestampDelta = record.timestampMs - first.timestampMs;
    const keyBytes = record.key === null ? 0 : record.key.length;
    const valueBytes = record.value === null ? 0 : record.value.length;
    const body =
      2 + // The record's attributes, and no headers.
      varintBytes(timestampDelta) +
      varintBytes(index) +
      varintBytes(record.key === null ? -1 : keyBytes) +
      keyBytes +
      varintBytes(record.value === null ? -1 : valueBytes) +
      valueBytes;
    at = writeVarint(bytes, at, body);
    bytes[at++] = 0;
    at = writeVarint(bytes, at, timestampDelta);
    at = writeVarint(bytes, at, index);
    at = writeBytes(bytes, at, record.key);
    at = writeBytes(bytes, at, record.value);
    bytes[at++] = 0;
  }
  const batch = bytes.subarray(0, at);
  const times = { first: first.timestampMs, newest };
  writeHeader(batch, records.length, times, producer ?? { id: -1, epoch: -1, baseSequence: -1 });
  return batch;
}

export function writeHeader(
  batch: Uint8Array,
  count: number,
  times: { first: number; newest: number },
  producer: ProducerStamp,
): void {
  batch.fill(0, 0, batchHeaderBytes);
  setInt32(batch, 8, batch.length - batchPrefixBytes);
  setInt32(batch, 12, -1);
  batch[16] = 2;
  setInt32(batch, 23, count - 1);
  setInt64(batch, 27, times.first);
  setInt64(batch, 35, times.newest);
  setInt64(batch, 43, producer.id);
  batch[51] = producer.epoch >> 8;
  batch[52] = producer.epoch;
  setInt32(batch, 53, producer.baseSequence);
  setInt32(batch, 57, count);
  sealBatch(batch);
}

/**
 * The same batch without some of its records: what compaction leaves. Offsets, times and the place of the batch's end stay
 * as they were, as in Kafka. undefined when nothing is left. The batch must be uncompressed; `spans` is memory to be used.
 */
export function keepRecords(
  batch: Uint8Array,
  keep: (spans: RecordSpans, index: number) => boolean,
  spans = new RecordSpans(),
): Uint8Array | undefined {
  scanBatch(batch, spans);
  const kept: Uint8Array[] = [batch.subarray(0, batchHeaderBytes)];
  for (let index = 0; index < spans.count; index++) {
    if (keep(spans, index)) kept.push(batch.subarray(spans.start[index], spans.end[index]));
  }
  if (kept.length === 1) return undefined;
  const smaller = Buffer.concat(kept);
  setInt32(smaller, 8, smaller.length - batchPrefixBytes);
  setInt32(smaller, 57, kept.length - 1);
  sealBatch(smaller);
  return smaller;
}

// Reading.

/**
 * Where the records of one batch lie in its bytes, column by column: [keyStart, keyEnd) and [valueStart, valueEnd), with
 * a start of -1 for null. Reused from batch to batch, so that reading makes no objects.
 */
export class RecordSpans {
  count = 0;
  start = new Int32Array(0);
  end = new Int32Array(0);
  keyStart = new Int32Array(0);
  keyEnd = new Int32Array(0);
  valueStart = new Int32Array(0);
  valueEnd = new Int32Array(0);
  offset = new Float64Array(0);
  timestampMs = new Float64Array(0);

  /** Makes room for so many records, forgetting those that are there. */
  reserve(capacity: number): void {
    this.count = 0;
    if (capacity <= this.start.length) return;
    const rounded = 2 ** Math.ceil(Math.log2(capacity));
    this.start = new Int32Array(rounded);
    this.end = new Int32Array(rounded);
    this.keyStart = new Int32Array(rounded);
    this.keyEnd = new Int32Array(rounded);
    this.valueStart = new Int32Array(rounded);
    this.valueEnd = new Int32Array(rounded);
    this.offset = new Float64Array(rounded);
    this.timestampMs = new Float64Array(rounded);
  }
}

function recordFault(batch: Uint8Array, index: number): CorruptBatch {
  return new CorruptBatch(`record ${index} of the batch at offset ${baseOffset(batch)} does not fit its length`);
}

/**
 * Finds the records of an uncompressed batch with offsets in [from, to), in order. Every length is checked against the
 * record's and the batch's end, so that a damaged batch throws CorruptBatch and nothing outside of it is read.
 */
export function scanBatch(batch: Uint8Array, spans: RecordSpans, from = 0, to = Infinity): void {
  const codec = attributes(batch) & compressionMask;
  if (codec !== 0) throw new CorruptBatch(`the batch at offset ${baseOffset(batch)} is still compressed (${codec})`);
  const count = recordCount(batch);
  // A record takes seven bytes at the least, which bounds what a damaged count can make us reserve.
  if (count < 0 || count > batch.length / 7) {
    throw new CorruptBatch(`the batch at offset ${baseOffset(batch)} says ${count} records in ${batch.length} bytes`);
  }
  spans.reserve(count);
  spans.count = scanRecords(batch, spans, from, to);
}

/** A zigzag varlong, in floating point since it may exceed 32 bits. */
function varlongAt(batch: Uint8Array, start: number): number {
  let raw = 0;
  let scale = 1;
  for (let at = start; at < start + varlongBytesMax; at++) {
    const byte = batch[at]!;
    raw += (byte & 127) * scale;
    if (byte < 128) break;
    scale *= 128;
  }
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
}

/** Returns how many records were in the range. A varint's reading is written out each time, so that `at` stays a local. */
function scanRecords(batch: Uint8Array, spans: RecordSpans, from: number, to: number): number {
  const { start, end, keyStart, keyEnd, valueStart, valueEnd, offset, timestampMs } = spans;
  const count = recordCount(batch);
  const firstOffset = baseOffset(batch);
  const firstTimestamp = baseTimestamp(batch);
  const byAppendTime = (attributes(batch) & logAppendTimeBit) !== 0;
  const appendTime = maxTimestamp(batch);
  let found = 0;
  let at = batchHeaderBytes;
  for (let index = 0; index < count; index++) {
    start[found] = at;
    let byte = batch[at++]!;
    let raw = byte & 127;
    for (let shift = 7; byte > 127 && shift < 35; shift += 7) raw |= ((byte = batch[at++]!) & 127) << shift;
    const recordEnd = at + (raw >>> 1);
    if ((raw & 1) !== 0 || recordEnd > batch.length) throw recordFault(batch, index);
    at++; // The record's attributes, of which none is in use.

    const timestampAt = at;
    byte = batch[at++]!;
    const timestampDelta = byte > 127 ? varlongAt(batch, timestampAt) : (byte >>> 1) ^ -(byte & 1);
    while (byte > 127) byte = batch[at++]!;

    byte = batch[at++]!;
    raw = byte & 127;
    for (let shift = 7; byte > 127 && shift < 35; shift += 7) raw |= ((byte = batch[at++]!) & 127) << shift;
    if ((raw & 1) !== 0) throw recordFault(batch, index);
    const recordOffset = firstOffset + (raw >>> 1);

    byte = batch[at++]!;
    raw = byte & 127;
    for (let shift = 7; byte > 127 && shift < 35; shift += 7) raw |= ((byte = batch[at++]!) & 127) << shift;
    keyStart[found] = raw === 1 ? -1 : at;
    if (raw !== 1) at += raw >>> 1;
    if (((raw & 1) !== 0 && raw !== 1) || at >= recordEnd) throw recordFault(batch, index);
    keyEnd[found] = at;

    byte = batch[at++]!;
    raw = byte & 127;
    for (let shift = 7; byte > 127 && shift < 35; shift += 7) raw |= ((byte = batch[at++]!) & 127) << shift;
    valueStart[found] = raw === 1 ? -1 : at;
    if (raw !== 1) at += raw >>> 1;
    // The headers, if only their count, come after the value.
    if (((raw & 1) !== 0 && raw !== 1) || at >= recordEnd) throw recordFault(batch, index);
    valueEnd[found] = at;

    end[found] = recordEnd;
    offset[found] = recordOffset;
    timestampMs[found] = byAppendTime ? appendTime : firstTimestamp + timestampDelta;
    at = recordEnd;
    // What lies outside of the range is written over by the next one.
    if (recordOffset >= from && recordOffset < to) found++;
  }
  return found;
}

/** One record, its bytes in place in the batch: copy what must outlive the batch. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** The records of a chunk, in order: those with offsets in [firstOffset, nextOffset). Throws CorruptBatch. */
export function* recordsOf(chunk: RecordChunk): Generator<LogRecord> {
  const spans = new RecordSpans();
  for (const batch of chunk.batches) {
    scanBatch(batch, spans, chunk.firstOffset, chunk.nextOffset);
    for (let index = 0; index < spans.count; index++) {
      const keyAt = spans.keyStart[index]!;
      const valueAt = spans.valueStart[index]!;
      yield {
        partition: chunk.partition,
        offset: spans.offset[index]!,
        timestampMs: spans.timestampMs[index]!,
        key: keyAt < 0 ? null : batch.subarray(keyAt, spans.keyEnd[index]),
        value: valueAt < 0 ? null : batch.subarray(valueAt, spans.valueEnd[index]),
      };
    }
  }
}
