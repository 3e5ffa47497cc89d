// Protobuf's wire format, read in place: tags, varints, lengths (protobuf.dev/programming-guides/encoding). No message is
// made; a reader asks for field after field. Every length is checked against the end of the message it stands in.

/** The bytes are not what their Content-Type says. */
export class Undecodable extends Error {
  override name = 'Undecodable';
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of a protobuf string. Throws Undecodable. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch {
    throw new Undecodable(`the text at byte ${start} is not UTF-8`);
  }
}

/**
 * A cursor over one body. `field` and `wire` are those of the last tag; a length-delimited field ends at `fieldEnd`, and
 * whoever reads its inside leaves `at` there.
 */
export class ProtoCursor {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;
  field = 0;
  wire = 0;
  fieldEnd = 0;
  /** The halves of the last 64-bit integer: it may be more than a double holds. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Moves to the next field of the message that ends at `end`; false when there is none. */
  next(end: number): boolean {
    if (this.at >= end) return false;
    const tag = this.varint32(end);
    this.field = tag >>> 3;
    this.wire = tag & 7;
    if (this.field === 0) throw new Undecodable(`there is no field 0, at byte ${this.at}`);
    if (this.wire === 2) {
      const length = this.varint32(end);
      this.fieldEnd = this.at + length;
      if (this.fieldEnd > end) throw new Undecodable(`a field at byte ${this.at} is longer than its message`);
    }
    return true;
  }

  /** Goes past the field that `next` stands at. */
  skip(end: number): void {
    if (this.wire === 2) this.at = this.fieldEnd;
    else if (this.wire === 0) this.varint64(end);
    else if (this.wire === 1) this.#advance(8, end);
    else if (this.wire === 5) this.#advance(4, end);
    else throw new Undecodable(`wire type ${this.wire} at byte ${this.at} is not in use`);
  }

  /** Throws Undecodable unless the field is of this wire type. */
  expect(wire: number): void {
    if (this.wire !== wire) {
      throw new Undecodable(`field ${this.field} at byte ${this.at} has wire type ${this.wire}, not ${wire}`);
    }
  }

  varint32(end: number): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw new Undecodable(`a number at byte ${this.at} is cut short`);
      const byte = this.bytes[this.at++]!;
      // Of a longer one the upper bits are dropped, as protobuf wants.
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw new Undecodable(`a number at byte ${this.at} is too long`);
  }

  /** Leaves the integer's halves in `low` and `high`, unsigned. */
  varint64(end: number): void {
    let [low, high] = [0, 0];
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw new Undecodable(`a number at byte ${this.at} is cut short`);
      const byte = this.bytes[this.at++]!;
      if (shift < 28) low |= (byte & 127) << shift;
      else if (shift === 28) {
        low |= (byte & 15) << 28;
        high |= (byte & 127) >> 4;
      } else high |= (byte & 127) << (shift - 32);
      if (byte < 128) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new Undecodable(`a number at byte ${this.at} is too long`);
  }

  fixed64(end: number): void {
    const start = this.#advance(8, end);
    this.low = this.#view.getUint32(start, true);
    this.high = this.#view.getUint32(start + 4, true);
  }

  double(end: number): number {
    return this.#view.getFloat64(this.#advance(8, end), true);
  }

  /** The last 64-bit integer as a signed number, rounded past 2^53. */
  get signed(): number {
    return (this.high | 0) * 0x1_0000_0000 + this.low;
  }

  get unsigned(): number {
    return this.high * 0x1_0000_0000 + this.low;
  }

  /** Whole milliseconds of the last 64-bit integer, as nanoseconds: 2^32 is 4,294 million and 967,296. */
  get nanosecondsAsMs(): number {
    return this.high * 4_294 + Math.floor((this.high * 967_296 + this.low) / 1e6);
  }

  /** Whether a double that `double` has just read is the stale marker of Prometheus. Doubles cannot be asked that. */
  get isStaleMarker(): boolean {
    const start = this.at - 8;
    return this.#view.getUint32(start, true) === 2 && this.#view.getUint32(start + 4, true) === 0x7ff0_0000;
  }

  #advance(bytes: number, end: number): number {
    const start = this.at;
    if (start + bytes > end) throw new Undecodable(`a number at byte ${start} is cut short`);
    this.at = start + bytes;
    return start;
  }
}
