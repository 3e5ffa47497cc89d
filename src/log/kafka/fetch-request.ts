// Fetch, version 13: by topic id, for every broker from 3.1 on. The request is the library's; the answer is read here, and
// hands over the record batches as the bytes they are: its own reader makes objects of all records, which costs ten times
// as much as evaluating them.
import { createAPI, fetchV13, type Reader } from '@platformatic/kafka';

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

/** A position in an answer. Reads as the protocol's flexible versions encode. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  int64(): number {
    this.#at += 8;
    return Number(this.#bytes.readBigInt64BE(this.#at - 8));
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at++);
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
    const hex = this.bytes(16).toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  bytes(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('an answer of Kafka is cut short');
    const found = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return found;
  }

  skipTaggedFields(): void {
    for (let left = this.varint(); left > 0; left--) {
      this.varint();
      this.skip(this.varint());
    }
  }
}

function readPartition(cursor: Cursor, topicId: string): PartitionAnswer {
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
  const records = Buffer.from(cursor.bytes(cursor.arrayLength()));
  cursor.skipTaggedFields();
  return { topicId, partition, errorCode, lastStableOffset, aborted, records };
}

function parseAnswer(_correlationId: number, _apiKey: number, _version: number, reader: Reader): FetchAnswer {
  // In one piece, whatever pieces the network made of it.
  const cursor = new Cursor(reader.buffer.slice(reader.position));
  cursor.skip(4); // The throttle time: the broker holds us up by itself.
  const errorCode = cursor.int16();
  cursor.skip(4); // The session's id: we use none.
  const partitions: PartitionAnswer[] = [];
  for (let topics = cursor.arrayLength(); topics > 0; topics--) {
    const topicId = cursor.uuid();
    for (let left = cursor.arrayLength(); left > 0; left--) partitions.push(readPartition(cursor, topicId));
    cursor.skipTaggedFields();
  }
  return { errorCode, partitions };
}

export const fetchApi = createAPI<Parameters<typeof fetchV13.createRequest>, FetchAnswer>(
  1,
  13,
  fetchV13.createRequest,
  parseAnswer,
);
