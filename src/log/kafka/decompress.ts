// Batches of foreign producers, unpacked. Ours are written plain. A batch of a megabyte can hold gigabytes of zeros, so the
// unpacked size is bounded before or while unpacking, for each codec in its own way.
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { compressionsAlgorithmsByBitmask } from '@platformatic/kafka';
import {
  CorruptBatch,
  attributes,
  baseOffset,
  batchHeaderBytes,
  batchPrefixBytes,
  compressionMask,
  sealBatch,
} from '../batch.ts';

/** No batch unpacks to more: 64 times what a broker takes by default, which is more than JSON ever shrinks. */
export const unpackedBytesMax = 64 * 1024 * 1024;

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeaderBytes = 16;
const lz4Magic = 0x184d2204;

/** The same batch with its records plain, its checksum renewed. Throws CorruptBatch when it cannot or must not be unpacked. */
export function decompressBatch(batch: Buffer, bytesMax = unpackedBytesMax): Buffer {
  const codec = attributes(batch) & compressionMask;
  let records: Buffer;
  try {
    records = unpack(batch.subarray(batchHeaderBytes), codec, bytesMax);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CorruptBatch(`the batch at offset ${baseOffset(batch)} cannot be unpacked: ${reason}`, { cause: error });
  }
  const plain = Buffer.concat([batch.subarray(0, batchHeaderBytes), records]);
  plain.writeInt32BE(plain.length - batchPrefixBytes, 8);
  plain[22] = plain[22]! & ~compressionMask;
  sealBatch(plain);
  return plain;
}

function unpack(packed: Buffer, codec: number, bytesMax: number): Buffer {
  switch (codec) {
    case 1:
      return gunzipSync(packed, { maxOutputLength: bytesMax });
    case 2:
      if (snappyBytes(packed) > bytesMax) throw new RangeError(`it unpacks to more than ${bytesMax} bytes`);
      return compressionsAlgorithmsByBitmask[2]!.decompressSync(packed);
    case 3:
      if (lz4BytesMax(packed) > bytesMax) throw new RangeError(`it may unpack to more than ${bytesMax} bytes`);
      return compressionsAlgorithmsByBitmask[3]!.decompressSync(packed);
    case 4:
      return zstdDecompressSync(packed, { maxOutputLength: bytesMax });
    default:
      throw new RangeError(`codec ${codec} is not known`);
  }
}

/** The size that a snappy block says it has, summed over the blocks of xerial's framing, which Java's clients use. */
function snappyBytes(packed: Buffer): number {
  if (!packed.subarray(0, xerialMagic.length).equals(xerialMagic)) return declaredSnappyBytes(packed);
  let total = 0;
  for (let at = xerialHeaderBytes; at + 4 <= packed.length;) {
    const end = at + 4 + packed.readUInt32BE(at);
    total += declaredSnappyBytes(packed.subarray(at + 4, end));
    at = end;
  }
  return total;
}

function declaredSnappyBytes(block: Buffer): number {
  let size = 0;
  for (let at = 0; at < 5 && at < block.length; at++) {
    size += (block[at]! & 127) * 2 ** (7 * at);
    if (block[at]! < 128) return size;
  }
  throw new RangeError('a snappy block has no size');
}

/** What the blocks of an LZ4 frame can hold at most: each is at most as long as the frame's header says. */
function lz4BytesMax(packed: Buffer): number {
  if (packed.length < 7 || packed.readUInt32LE(0) !== lz4Magic) throw new RangeError('it is no LZ4 frame');
  const flags = packed[4]!;
  const blockBytesMax = 2 ** (8 + 2 * ((packed[5]! >> 4) & 7));
  const hasContentSize = (flags & 0x08) !== 0;
  const hasBlockChecksums = (flags & 0x10) !== 0;
  const hasDictionary = (flags & 0x01) !== 0;
  let blocks = 0;
  let at = 7 + (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0);
  while (at + 4 <= packed.length) {
    const blockBytes = packed.readUInt32LE(at) & 0x7fff_ffff;
    if (blockBytes === 0) break;
    blocks++;
    at += 4 + blockBytes + (hasBlockChecksums ? 4 : 0);
  }
  return blocks * blockBytesMax;
}
