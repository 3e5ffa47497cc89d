// Fetch, version 13: by topic id, for every broker from 3.1 on. The request is the library's; the answer is read here, and
// hands over the record batches as the bytes they are: its own reader makes objects of all records, which costs ten times
// as much as evaluating them.
import { createAPI, fetchV13, type API, type Reader } from '@platformatic/kafka';
import type { RecordMemory } from './record-memory.ts';

/** A transaction that was taken back, as the broker lists it beside the records: from its first offset to its marker. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface PartitionAnswer {
  readonly topicId: string;
  readonly partition: number;
  readonly errorCode: number;
  /** The end of what can be read: records beyond it belong to open transactions, or are not replicated yet. */
  readonly lastStableOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Batches one after the other; the last may be cut off. */
  readonly records: Buffer;
}

export interface FetchAnswer {
  readonly errorCode: number;
  readonly partitions: readonly PartitionAnswer[];
}

/** A position in an answer, which lies in the pieces that the network made of it. Reads as flexible versions encode. */
class Cursor {
  readonly #pieces: readonly Buffer[];
  #piece = 0;
  #at: number;

  constructor(pieces: readonly Buffer[], start: number) {
    this.#pieces = pieces;
    this.#at = 0;
    this.skip(start);
  }

  skip(length: number): void {
    let left = length;
    while (left > 0) left -= this.#advance(left).length;
  }

  /** The next bytes, as many as there are in one piece. */
  #advance(lengthMax: number): Buffer {
    let piece = this.#pieces[this.#piece];
    while (piece !== undefined && this.#at === piece.length) {
      piece = this.#pieces[++this.#piece];
      this.#at = 0;
    }
    if (piece === undefined) throw new RangeError('an answer of Kafka is cut short');
    const found = piece.subarray(this.#at, Math.min(piece.length, this.#at + lengthMax));
    this.#at += found.length;
    return found;
  }

  /** Copies the next bytes. */
  copyTo(target: Buffer): Buffer {
    for (let at = 0; at < target.length;) {
      const found = this.#advance(target.length - at);
      target.set(found, at);
      at += found.length;
    }
    return target;
  }

  #bytes(length: number): Buffer {
    return this.copyTo(Buffer.allocUnsafe(length));
  }

  int16(): number {
    return this.#bytes(2).readInt16BE();
  }

  int32(): number {
    return this.#bytes(4).readInt32BE();
  }

  int64(): number {
    return Number(this.#bytes(8).readBigInt64BE());
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes(1).readUInt8();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError('a number in an answer of Kafka does not end');
  }

  /** A compact array's length; a null array counts as empty. */
  arrayLength(): number {
    return Math.max(0, this.varint() - 1);
  }

  uuid(): string {
    const hex = this.#bytes(16).toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  skipTaggedFields(): void {
    for (let left = this.varint(); left > 0; left--) {
      this.varint();
      this.skip(this.varint());
    }
  }
}

function readPartition(cursor: Cursor, topicId: string, memory: RecordMemory): PartitionAnswer {
  const partition = cursor.int32();
  const errorCode = cursor.int16();
  cursor.skip(8); // The high watermark: with read_committed the last stable offset is what counts.
  const lastStableOffset = cursor.int64();
  cursor.skip(8); // The first offset still held: whoever is out of range asks for it.
  const aborted: AbortedTransaction[] = [];
  for (let left = cursor.arrayLength(); left > 0; left--) {
    aborted.push({ producerId: cursor.int64(), firstOffset: cursor.int64() });
    cursor.skipTaggedFields();
  }
  cursor.skip(4); // The preferred replica: we name no rack, so there is none.
  // Copied, so that a slow partition does not keep the whole answer in memory.
  const records = cursor.copyTo(memory.take(cursor.arrayLength()));
  cursor.skipTaggedFields();
  return { topicId, partition, errorCode, lastStableOffset, aborted, records };
}

export function readAnswer(reader: Reader, memory: RecordMemory): FetchAnswer {
  const cursor = new Cursor(reader.buffer.buffers, reader.position);
  cursor.skip(4); // The throttle time: the broker holds us up by itself.
  const errorCode = cursor.int16();
  cursor.skip(4); // The session's id: we use none.
  const partitions: PartitionAnswer[] = [];
  for (let topics = cursor.arrayLength(); topics > 0; topics--) {
    const topicId = cursor.uuid();
    for (let left = cursor.arrayLength(); left > 0; left--) partitions.push(readPartition(cursor, topicId, memory));
    cursor.skipTaggedFields();
  }
  return { errorCode, partitions };
}

/** The call, with the memory that the records of its answers are copied to. */
export function createFetchApi(memory: RecordMemory): API<Parameters<typeof fetchV13.createRequest>, FetchAnswer> {
  return createAPI(1, 13, fetchV13.createRequest, (_correlationId, _apiKey, _version, reader) =>
    readAnswer(reader, memory),
  );
}
