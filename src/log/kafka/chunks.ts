// From what a broker sends to what the log promises: whole batches, checked, unpacked, without control batches and without
// the records of transactions that were taken back.
import {
  CorruptBatch,
  RecordSpans,
  attributes,
  baseOffset,
  batchBytes,
  batchHeaderBytes,
  batchPrefixBytes,
  checkBatch,
  compressionMask,
  controlBit,
  nextOffset,
  producerId,
  recordCount,
  scanBatch,
  transactionalBit,
} from '../batch.ts';
import type { RecordChunk } from '../record.ts';
import { decompressBatch } from './decompress.ts';
import type { AbortedTransaction } from './fetch-request.ts';

/** What one partition had in one answer. */
export interface FetchedRecords {
  readonly partition: number;
  /** The offset that was asked for. */
  readonly firstOffset: number;
  readonly headOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly records: Buffer;
}

/** A chunk ends when its unpacked batches are larger, so that small packed batches do not all lie in memory unpacked. */
const chunkBytesMax = 4 * 1024 * 1024;

/** Each whole batch in its place; one that is cut off at the end is left out. */
export function* splitBatches(records: Buffer): Generator<Buffer> {
  for (let at = 0; at + batchPrefixBytes <= records.length;) {
    const end = at + batchBytes(records, at);
    if (end > records.length || end < at + batchHeaderBytes) return;
    yield records.subarray(at, end);
    at = end;
  }
}

/** The offset after the last whole batch, or `otherwise` when there is none. */
export function endOfBatches(records: Buffer, otherwise: number): number {
  let end = otherwise;
  for (let at = 0; at + batchHeaderBytes <= records.length;) {
    const size = batchBytes(records, at);
    if (at + size > records.length || size < batchHeaderBytes) break;
    end = nextOffset(records, at);
    at += size;
  }
  return end;
}

/** Whether a batch's records are dropped, as a broker's list of aborted transactions and the markers in the log say. */
class AbortedFilter {
  readonly #coming: AbortedTransaction[];
  readonly #open = new Set<number>();
  readonly #spans = new RecordSpans();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#coming = [...aborted].sort((one, other) => one.firstOffset - other.firstOffset);
  }

  /** To be asked for each batch in order. Control batches are dropped too, and end their transactions. */
  drops(batch: Buffer): boolean {
    while (this.#coming.length > 0 && this.#coming[0]!.firstOffset < nextOffset(batch)) {
      this.#open.add(this.#coming.shift()!.producerId);
    }
    const bits = attributes(batch);
    if ((bits & controlBit) !== 0) {
      if (this.#isAbortMarker(batch)) this.#open.delete(producerId(batch));
      return true;
    }
    return (bits & transactionalBit) !== 0 && this.#open.has(producerId(batch));
  }

  /** A marker's key is two int16: its version, and 0 for abort or 1 for commit. */
  #isAbortMarker(batch: Buffer): boolean {
    scanBatch(batch, this.#spans);
    const at = this.#spans.keyStart[0] ?? -1;
    return this.#spans.count > 0 && at >= 0 && batch.readInt16BE(at + 2) === 0;
  }
}

/**
 * The chunks of an answer, in order; none when there is no whole batch. Throws CorruptBatch at a batch with a wrong checksum, after the chunk
 * before it, unless `tolerant`: then it is left out and counted, as is one that cannot be unpacked in any case.
 */
export function* openRecords(fetched: FetchedRecords, tolerant: boolean): Generator<RecordChunk> {
  const filter = new AbortedFilter(fetched.aborted);
  const chunk = new ChunkUnderWay(fetched);
  for (const batch of splitBatches(fetched.records)) {
    if (nextOffset(batch) <= fetched.firstOffset) continue;
    try {
      checkBatch(batch);
    } catch (error) {
      if (!tolerant || !(error instanceof CorruptBatch)) {
        if (chunk.moved) yield chunk.finish();
        throw error;
      }
      chunk.leaveOut(batch);
      continue;
    }
    if (filter.drops(batch)) chunk.pass(batch);
    else chunk.add(batch);
    if (chunk.bytes >= chunkBytesMax) yield chunk.finish();
  }
  if (chunk.moved) yield chunk.finish();
}

class ChunkUnderWay {
  bytes = 0;
  readonly #fetched: FetchedRecords;
  #batches: Buffer[] = [];
  #firstOffset: number;
  #nextOffset: number;
  #unreadable = 0;

  constructor(fetched: FetchedRecords) {
    this.#fetched = fetched;
    this.#firstOffset = fetched.firstOffset;
    this.#nextOffset = fetched.firstOffset;
  }

  get moved(): boolean {
    return this.#nextOffset > this.#firstOffset;
  }

  add(batch: Buffer): void {
    let plain = batch;
    try {
      if ((attributes(batch) & compressionMask) !== 0) plain = decompressBatch(batch);
    } catch (error) {
      if (!(error instanceof CorruptBatch)) throw error;
      this.leaveOut(batch);
      return;
    }
    this.#batches.push(plain);
    this.bytes += plain.length;
    this.pass(batch);
  }

  leaveOut(batch: Buffer): void {
    this.#unreadable += Math.max(1, recordCount(batch));
    this.pass(batch);
  }

  pass(batch: Buffer): void {
    this.#nextOffset = Math.max(nextOffset(batch), baseOffset(batch) + 1);
  }

  finish(): RecordChunk {
    const chunk: RecordChunk = {
      partition: this.#fetched.partition,
      batches: this.#batches,
      firstOffset: this.#firstOffset,
      nextOffset: this.#nextOffset,
      headOffset: Math.max(this.#fetched.headOffset, this.#nextOffset),
      ...(this.#unreadable > 0 && { unreadable: this.#unreadable }),
    };
    this.#batches = [];
    this.bytes = 0;
    this.#unreadable = 0;
    this.#firstOffset = this.#nextOffset;
    return chunk;
  }
}
