// Protobuf's wire format, read in place by pbf: tags, varints, lengths (protobuf.dev/programming-guides/encoding). No message is
// made; a reader asks for field after field. pbf checks no bounds, so every length is checked here against the end of the
// message that it is in.
import { PbfReader } from 'pbf';

/** The bytes are not what their Content-Type says. */
export class Undecodable extends Error {
  override name = 'Undecodable';
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Text of a protobuf string. What is not UTF-8 becomes U+FFFD: one byte of one label must not cost a whole request. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return utf8.decode(bytes.subarray(start, end));
}

/**
 * A cursor over one body. `field` and `wire` are those of the last tag; a length-delimited field ends at `fieldEnd`, and
 * whoever reads its inside leaves `at` there. Integers of 64 bits are rounded past 2^53, unless a method says otherwise.
 */
export class ProtoCursor {
  readonly bytes: Uint8Array;
  readonly #reader: PbfReader;
  field = 0;
  wire = 0;
  fieldEnd = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#reader = new PbfReader(bytes);
  }

  get at(): number {
    return this.#reader.pos;
  }

  set at(at: number) {
    this.#reader.pos = at;
  }

  /** Moves to the next field of the message that ends at `end`; false when there is none. */
  next(end: number): boolean {
    if (this.at >= end) return false;
    const tag = this.uint64(end);
    this.field = Math.floor(tag / 8);
    this.wire = tag & 7;
    if (this.field === 0) throw new Undecodable(`there is no field 0, at byte ${this.at}`);
    if (this.wire === 2) {
      const length = this.uint64(end);
      this.fieldEnd = this.at + length;
      if (this.fieldEnd > end) throw new Undecodable(`a field at byte ${this.at} is longer than its message`);
    }
    return true;
  }

  /** Goes past the field that `next` stands at. */
  skip(end: number): void {
    if (this.wire === 2) this.at = this.fieldEnd;
    else if (this.wire === 0) this.uint64(end);
    else if (this.wire === 1) this.at = this.#endOf(8, end);
    else if (this.wire === 5) this.at = this.#endOf(4, end);
    else throw new Undecodable(`wire type ${this.wire} at byte ${this.at} is not in use`);
  }

  /** Throws Undecodable unless the field is of this wire type. */
  expect(wire: number): void {
    if (this.wire !== wire) {
      throw new Undecodable(`field ${this.field} at byte ${this.at} has wire type ${this.wire}, not ${wire}`);
    }
  }

  uint64(end: number): number {
    return this.#varint(end, false);
  }

  int64(end: number): number {
    return this.#varint(end, true);
  }

  /** A signed number in zigzag form. */
  sint64(end: number): number {
    const encoded = this.uint64(end);
    return encoded % 2 === 0 ? encoded / 2 : -(encoded + 1) / 2;
  }

  /** A varint of 64 bits, exact. */
  bigint(end: number): bigint {
    const start = this.at;
    this.#varint(end, true);
    let value = 0n;
    for (let at = this.at - 1; at >= start; at -= 1) value = (value << 7n) | BigInt(this.bytes[at]! & 127);
    return BigInt.asIntN(64, value);
  }

  double(end: number): number {
    this.#endOf(8, end);
    return this.#reader.readDouble();
  }

  fixed64(end: number): number {
    this.#endOf(8, end);
    return this.#reader.readFixed64();
  }

  sfixed64(end: number): number {
    this.#endOf(8, end);
    return this.#reader.readSFixed64();
  }

  /** Nanoseconds in a fixed64, as whole milliseconds, exact: 2^32 ns are 4,294 ms and 967,296 ns. */
  fixedNanosecondsAsMs(end: number): number {
    const start = this.at;
    this.at = this.#endOf(8, end);
    const { dataView } = this.#reader;
    const high = dataView.getUint32(start + 4, true);
    return high * 4_294 + Math.floor((high * 967_296 + dataView.getUint32(start, true)) / 1e6);
  }

  /** Whether a double that `double` has just read is Prometheus' stale marker, a NaN that no comparison of doubles tells apart. */
  get isStaleMarker(): boolean {
    const { dataView } = this.#reader;
    const start = this.at - 8;
    return dataView.getUint32(start, true) === 2 && dataView.getUint32(start + 4, true) === 0x7ff0_0000;
  }

  #varint(end: number, isSigned: boolean): number {
    let value: number;
    try {
      value = this.#reader.readVarint(isSigned);
    } catch {
      throw new Undecodable(`a number at byte ${this.at} is too long`);
    }
    if (this.at > end) throw new Undecodable(`a number at byte ${this.at} is cut short`);
    return value;
  }

  #endOf(bytes: number, end: number): number {
    const after = this.at + bytes;
    if (after > end) throw new Undecodable(`a number at byte ${this.at} is cut short`);
    return after;
  }
}
