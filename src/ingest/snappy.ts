import { Failure } from '../base/failure.ts';
import { bodyBytesMax, snappyRatioMax } from './ingest-limits.ts';
import { Undecodable } from './protobuf.ts';

/**
 * Unpacks a Snappy block (google/snappy, format_description.txt). Its first varint says the unpacked length, so that a
 * bomb is refused before any memory is had. Throws Undecodable, and the Failure `too_large`.
 */
export function unpackSnappy(packed: Uint8Array, take: (bytes: number) => void): Buffer {
  let [length, at] = [0, 0];
  for (let shift = 0; ; shift += 7) {
    const byte = packed[at++];
    if (byte === undefined || shift > 28)
      throw new Undecodable('the body is no Snappy block: its length cannot be read');
    length += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  // A 413 makes vmagent wait for ever, so a length that no block of this size can have is called what it is: damage.
  if (length > packed.length * snappyRatioMax) {
    throw new Undecodable(`the Snappy block says ${length} bytes, which ${packed.length} packed ones cannot hold`);
  }
  if (length > bodyBytesMax) {
    throw new Failure('too_large', `the body unpacks to ${length} bytes, and may have ${bodyBytesMax}`);
  }
  take(length);
  const unpacked = Buffer.allocUnsafeSlow(length);
  const end = unpackElements(packed, at, unpacked);
  if (end !== length) throw new Undecodable(`the Snappy block says ${length} bytes and holds ${end}`);
  return unpacked;
}

/** Returns how many bytes were written. */
function unpackElements(packed: Uint8Array, start: number, out: Buffer): number {
  const { length } = out;
  const source = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  let [at, to] = [start, 0];
  while (at < packed.length) {
    const tag = packed[at++]!;
    if ((tag & 3) === 0) {
      let count = tag >>> 2;
      if (count >= 60) {
        const extra = count - 59;
        if (at + extra > packed.length) throw new Undecodable('the Snappy block is cut short');
        count = source.readUIntLE(at, extra);
        at += extra;
      }
      count++;
      if (at + count > packed.length || to + count > length) throw new Undecodable('a Snappy literal is too long');
      source.copy(out, to, at, at + count);
      at += count;
      to += count;
      continue;
    }
    const extra = (tag & 3) === 3 ? 4 : tag & 3;
    if (at + extra > packed.length) throw new Undecodable('the Snappy block is cut short');
    const count = (tag & 3) === 1 ? 4 + ((tag >>> 2) & 7) : 1 + (tag >>> 2);
    const offset = (tag & 3) === 1 ? ((tag >>> 5) << 8) | packed[at]! : source.readUIntLE(at, extra);
    at += extra;
    if (offset === 0 || offset > to || to + count > length) throw new Undecodable('a Snappy copy leads outside');
    // A copy may overlap what it writes: byte by byte it repeats itself, as it should.
    if (offset >= count) out.copyWithin(to, to - offset, to - offset + count);
    else for (let index = 0; index < count; index++) out[to + index] = out[to - offset + index]!;
    to += count;
  }
  return to;
}
