// The records to write to one partition. Appends wait in a queue; one batch at a time is built from them and keeps the same
// bytes and sequence numbers until its outcome is known, so that the broker recognizes a repeat.
import { batchHeaderBytes } from '../batch.ts';
import { encodePacked, lengthOf, packedBytesMax, type PackedSlice } from '../packed-records.ts';

/** A little below what a broker takes by default (message.max.bytes, 1 MiB and 12 bytes). */
const batchBytesMax = 1_000_000;
const sequenceCount = 2 ** 31;

/** The producer id and epoch that the broker assigned. */
export interface Identity {
  readonly id: number;
  readonly epoch: number;
}

/** Several partitions' records that are written together: done when all are, or when the first of them failed. */
export class Append {
  readonly deadlineMs: number;
  readonly done: Promise<void>;
  #open: number;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;

  constructor(pieces: number, deadlineMs: number) {
    this.#open = pieces;
    this.deadlineMs = deadlineMs;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.done = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  written(): void {
    if (--this.#open === 0) this.#resolve();
  }

  failed(error: Error): void {
    this.#reject(error);
  }
}

/** The records of an append for one partition. */
export class Piece {
  readonly append: Append;
  readonly slice: PackedSlice;
  readonly count: number;
  /** The offset of each record, if the caller asked for offsets. */
  readonly offsets: number[] | undefined;
  readonly bytes: number;
  /** The first record that is in no batch yet. */
  next = 0;
  settled = false;

  constructor(append: Append, slice: PackedSlice, keepsOffsets: boolean) {
    this.append = append;
    this.slice = slice;
    this.count = lengthOf(slice);
    this.offsets = keepsOffsets ? [] : undefined;
    let bytes = 0;
    for (let index = 0; index < this.count; index++) bytes += packedBytesMax(slice, index);
    this.bytes = bytes;
  }

  /** Records [from, from + count) stand in the log from `offset` on. */
  written(from: number, count: number, offset: number): void {
    if (this.offsets) for (let index = 0; index < count; index++) this.offsets[from + index] = offset + index;
    if (from + count < this.count || this.settled) return;
    this.settled = true;
    this.append.written();
  }

  fail(error: Error): void {
    if (this.settled) return;
    this.settled = true;
    this.append.failed(error);
  }
}

interface Part {
  readonly piece: Piece;
  readonly from: number;
  readonly count: number;
}

export interface Batch {
  readonly parts: readonly Part[];
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly identity: Identity;
  readonly sequence: number;
  /** How often it was sent. */
  sent: number;
}

export class PartitionProducer {
  readonly topic: string;
  readonly partition: number;
  /** The batch whose outcome is not known yet. */
  batch: Batch | undefined;
  /** Whether a request with the batch is in flight. */
  inFlight = false;
  failures = 0;
  identity: Identity | undefined;
  /** The offset after the last record known to be written: a batch without an answer can only be at or after it. */
  lastKnownOffset = 0;
  #queue: Piece[] = [];
  #sequence = 0;
  #batchBytesMax = batchBytesMax;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get idle(): boolean {
    return this.batch === undefined && this.#queue.length === 0;
  }

  push(piece: Piece): void {
    this.#queue.push(piece);
  }

  /** The batch to send: the one whose outcome is not known, or a new one. undefined when there is nothing to send. */
  take(): Batch | undefined {
    if (this.batch || !this.identity) return this.batch;
    const parts: Part[] = [];
    let count = 0;
    let bytes = batchHeaderBytes;
    for (let piece = this.#queue[0]; piece; piece = this.#queue[0]) {
      const from = piece.next;
      while (piece.next < piece.count) {
        bytes += packedBytesMax(piece.slice, piece.next);
        if (count > 0 && bytes > this.#batchBytesMax) break;
        count++;
        piece.next++;
      }
      if (piece.next > from) parts.push({ piece, from, count: piece.next - from });
      if (piece.next < piece.count) break;
      this.#queue.shift();
    }
    if (count === 0) return undefined;
    const stamp = { ...this.identity, baseSequence: this.#sequence };
    const packed = parts.map(({ piece, from, count: own }) => ({ slice: piece.slice, from, to: from + own }));
    const encoded = encodePacked(packed, stamp);
    const { identity } = this;
    this.batch = { parts, bytes: encoded, count, identity, sequence: this.#sequence, sent: 0 };
    return this.batch;
  }

  /** The batch was written at `offset`. */
  written(batch: Batch, offset: number): void {
    this.batch = undefined;
    this.failures = 0;
    this.#sequence = (this.#sequence + batch.count) % sequenceCount;
    this.lastKnownOffset = offset + batch.count;
    let at = offset;
    for (const { piece, from, count } of batch.parts) {
      piece.written(from, count, at);
      at += count;
    }
  }

  /** The batch was refused and certainly not written: its records return to the queue. */
  putBack(batch: Batch): void {
    this.batch = undefined;
    for (const { piece, from } of batch.parts.toReversed()) {
      piece.next = from;
      if (piece.settled) this.#forget(piece);
      else if (this.#queue[0] !== piece) this.#queue.unshift(piece);
    }
  }

  /** Makes the next batches smaller than this one was. */
  shrink(batch: Batch): void {
    this.#batchBytesMax = Math.ceil(Math.min(this.#batchBytesMax, batch.bytes.length) / 2);
  }

  /** Rejects the appends that have records in the batch. */
  failBatch(batch: Batch, error: Error): void {
    if (this.batch === batch) this.batch = undefined;
    for (const { piece } of batch.parts) {
      piece.fail(error);
      this.#forget(piece);
    }
  }

  /** The next batch gets a new identity, because the next sequence number of the old one is unknown. */
  resetIdentity(): void {
    this.identity = undefined;
    this.#sequence = 0;
  }

  /** Rejects the appends that wait in the queue, all or those past their deadline. Returns how many. */
  failQueue(error: Error, nowMs = Infinity): number {
    const late = this.#queue.filter((piece) => piece.append.deadlineMs <= nowMs);
    // A piece with records in the batch fails or succeeds with the batch.
    const waiting = late.filter((piece) => !this.batch?.parts.some((part) => part.piece === piece));
    for (const piece of waiting) {
      piece.fail(error);
      this.#forget(piece);
    }
    return waiting.length;
  }

  #forget(piece: Piece): void {
    this.#queue = this.#queue.filter((other) => other !== piece);
  }
}
