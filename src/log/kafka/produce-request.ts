// Produce, version 9, with record batches made by us: the library would encode its own, and number them itself.
import { Writer, createAPI, type Reader } from '@platformatic/kafka';

export interface ProducePart {
  readonly topic: string;
  readonly partition: number;
  readonly batch: Uint8Array;
}

export interface ProduceOutcome {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** -1 when the batch was not written, or as a repeat whose first place the broker does not remember. */
  readonly baseOffset: number;
  /** The broker's words on an error, and the records that are to blame, by their place in the batch. */
  readonly message: string;
  readonly blamed: readonly number[];
}

const acksAll = -1;

function createRequest(parts: readonly ProducePart[], timeoutMs: number): Writer {
  const byTopic = Map.groupBy(parts, (part) => part.topic);
  return Writer.create()
    .appendString(null) // No transactional id.
    .appendInt16(acksAll)
    .appendInt32(timeoutMs)
    .appendArray([...byTopic], (topicWriter, [topic, inTopic]) => {
      topicWriter.appendString(topic).appendArray(inTopic, (writer, { partition, batch }) => {
        writer.appendInt32(partition).appendBytes(Buffer.from(batch.buffer, batch.byteOffset, batch.length));
      });
    })
    .appendTaggedFields();
}

function readPartition(reader: Reader, topic: string): ProduceOutcome {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  const baseOffset = Number(reader.readInt64());
  reader.skip(16); // The time of the append, and the first offset still held.
  const recordErrors = reader.readArray((r) => ({ index: r.readInt32(), message: r.readNullableString() }));
  const message = reader.readNullableString() ?? recordErrors[0]?.message ?? '';
  const blamed = recordErrors.map(({ index }) => index);
  return { topic, partition, errorCode, baseOffset, message, blamed };
}

function parseAnswer(_correlationId: number, _apiKey: number, _version: number, reader: Reader): ProduceOutcome[] {
  const topics = reader.readArray((topicReader) => {
    const topic = topicReader.readString();
    return topicReader.readArray((partitionReader) => readPartition(partitionReader, topic));
  });
  return topics.flat();
}

export const produceApi = createAPI<[parts: readonly ProducePart[], timeoutMs: number], ProduceOutcome[]>(
  0,
  9,
  createRequest,
  parseAnswer,
);
