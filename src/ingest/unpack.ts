import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip, inflate, inflateRaw } from 'node:zlib';
import { Failure, shown } from '../base/failure.ts';
import type { Lease } from './admission.ts';
import { bodyBytesMax, unpackRatioMax } from './ingest-limits.ts';
import { unpackSnappy } from './snappy.ts';

const unpackers = { gzip: promisify(gunzip), deflate: promisify(inflate), deflateRaw: promisify(inflateRaw) };

export type Encoding = 'identity' | 'gzip' | 'deflate' | 'snappy';

/** How the body is packed. Throws the Failure `unsupported_media_type` for what the route does not unpack. */
export function encodingOf(headers: IncomingHttpHeaders, allowed: readonly Encoding[]): Encoding {
  const given = headers['content-encoding']?.trim().toLowerCase() ?? '';
  const encoding = given === 'x-gzip' ? 'gzip' : given === '' ? allowed[0] : given;
  const found = allowed.find((one) => one === encoding);
  if (found !== undefined) return found;
  const names = allowed.filter((one) => one !== 'identity');
  throw new Failure(
    'unsupported_media_type',
    `the Content-Encoding is ${shown(given)}, and may be ${names.join(' or ')}`,
  );
}

/**
 * Reads and unpacks a body, its bytes taken from the lease as they come: a header may promise little. Rejects with the
 * Failures `too_large`, `unavailable` (no room) and `invalid_request`, or with Undecodable (not what its encoding says).
 */
export async function readBody(stream: IncomingMessage, encoding: Encoding, lease: Lease): Promise<Buffer> {
  const announced = Number(stream.headers['content-length'] ?? 0);
  if (announced > bodyBytesMax) {
    throw new Failure('too_large', `the body has ${announced} bytes, and may have ${bodyBytesMax}`);
  }
  const packed = await collect(stream, lease);
  if (encoding === 'identity') return packed;
  if (encoding === 'snappy') return unpackSnappy(packed, (bytes) => lease.take(bytes));
  const unpack = unpackers[encoding === 'deflate' && !hasZlibHeader(packed) ? 'deflateRaw' : encoding];
  const maxOutputLength = Math.min(bodyBytesMax, Math.max(1, packed.length * unpackRatioMax));
  let unpacked: Buffer;
  try {
    unpacked = await unpack(packed, { maxOutputLength });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new Failure(
        'too_large',
        `the body unpacks to more than ${maxOutputLength} bytes; the limits are ${bodyBytesMax} bytes and ${unpackRatioMax} times the packed size`,
      );
    }
    throw new Failure('invalid_request', `the body is not ${encoding}, as its Content-Encoding says`);
  }
  lease.take(unpacked.length);
  return unpacked;
}

/** A refused body is read to its end and dropped, since a sender that is cut off while sending never sees the answer. */
function collect(stream: Readable, lease: Lease): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const refuse = (error: unknown): void => {
      stream.off('data', keep);
      stream.resume();
      reject(error);
    };
    const keep = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > bodyBytesMax)
        return refuse(new Failure('too_large', `the body is larger than ${bodyBytesMax} bytes`));
      try {
        lease.take(chunk.length);
      } catch (error) {
        return refuse(error);
      }
      chunks.push(chunk);
    };
    stream.on('data', keep);
    stream.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    const breakOff = (): void => reject(new Failure('invalid_request', 'the body did not come whole'));
    stream.once('error', breakOff);
    stream.once('close', () => stream.readableEnded || breakOff());
  });
}

/** Some clients call the bare stream deflate, against RFC 9110; zlib's two header bytes are a multiple of 31. */
function hasZlibHeader(packed: Buffer): boolean {
  return packed.length >= 2 && (packed[0]! & 0x0f) === 8 && packed.readUInt16BE(0) % 31 === 0;
}
