// Memory for fetched records. A fetch that follows many partitions would else take and drop hundreds of megabytes a second,
// and touching memory for the first time costs more than evaluating what is then written to it.

/** As much as one partition has in an answer, unless a single batch is larger. */
export const slabBytes = 256 * 1024;
/** Less is not worth a slab. */
const slabUseBytesMin = 16 * 1024;
/** What is kept for the next taker at the most. */
const freeSlabsMax = 128;

/** Slabs that are lent and given back. One that is never given back is the garbage collector's. */
export class RecordMemory {
  readonly #free: ArrayBuffer[] = [];

  /** A buffer of this length, with anything in it. */
  take(length: number): Buffer {
    if (length < slabUseBytesMin || length > slabBytes) return Buffer.allocUnsafeSlow(length);
    return Buffer.from(this.#free.pop() ?? Buffer.allocUnsafeSlow(slabBytes).buffer, 0, length);
  }

  /** Takes memory back that has no reader any more. */
  giveBack({ buffer }: Buffer): void {
    if (buffer.byteLength !== slabBytes || this.#free.length >= freeSlabsMax) return;
    this.#free.push(buffer as ArrayBuffer);
  }
}
