/**
 * What comes in on a connection, read as it comes: each piece that the network hands over is used up before the next one, and
 * nothing is gathered but what is read. A reader is a generator that waits, by `yield`, for the next piece:
 *
 *   const length = yield* inflow.int32();
 *
 * Pieces that wait for their answer to be whole would outlive the collector's quick rounds, and be left to its long ones.
 */
export type Reading<Value> = Generator<void, Value, void>;

const none = Buffer.alloc(0);

/** Reads as the flexible versions of Kafka's protocol encode. */
export class Inflow {
  /** Bytes that may still be read: those of the frame. Reading more throws RangeError. */
  left = Infinity;
  #piece: Buffer = none;
  #at = 0;
  readonly #small = Buffer.alloc(16);

  /** The next piece; the last one is used up. */
  take(piece: Buffer): void {
    this.#piece = piece;
    this.#at = 0;
  }

  /** Nothing is left to be read of the piece. */
  get isEmpty(): boolean {
    return this.#at === this.#piece.length;
  }

  /** Fills the target. */
  *fill(target: Buffer): Reading<Buffer> {
    this.#spend(target.length);
    for (let at = 0; at < target.length;) {
      while (this.isEmpty) yield;
      const end = Math.min(this.#piece.length, this.#at + target.length - at);
      target.set(this.#piece.subarray(this.#at, end), at);
      at += end - this.#at;
      this.#at = end;
    }
    return target;
  }

  *skip(length: number): Reading<void> {
    this.#spend(length);
    for (let left = length; left > 0;) {
      while (this.isEmpty) yield;
      const skipped = Math.min(this.#piece.length - this.#at, left);
      this.#at += skipped;
      left -= skipped;
    }
  }

  *int16(): Reading<number> {
    return (yield* this.#bytes(2)).readInt16BE();
  }

  *int32(): Reading<number> {
    return (yield* this.#bytes(4)).readInt32BE();
  }

  *int64(): Reading<number> {
    return Number((yield* this.#bytes(8)).readBigInt64BE());
  }

  *varint(): Reading<number> {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = (yield* this.#bytes(1)).readUInt8();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError('a number in an answer of Kafka does not end');
  }

  /** A compact array's length; a null array counts as empty. */
  *arrayLength(): Reading<number> {
    return Math.max(0, (yield* this.varint()) - 1);
  }

  *uuid(): Reading<string> {
    const hex = (yield* this.#bytes(16)).toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  *skipTaggedFields(): Reading<void> {
    for (let left = yield* this.varint(); left > 0; left--) {
      yield* this.varint();
      yield* this.skip(yield* this.varint());
    }
  }

  /** Up to 16 bytes, which hold until the next are asked for. */
  *#bytes(length: number): Reading<Buffer> {
    return yield* this.fill(this.#small.subarray(0, length));
  }

  #spend(length: number): void {
    if (length > this.left) throw new RangeError('an answer of Kafka is cut short');
    this.left -= length;
  }
}
