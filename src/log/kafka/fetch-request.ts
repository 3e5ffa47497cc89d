// Fetch, version 13: by topic id, for every broker from 3.1 on. The request is the library's; the answer is read here, and
// hands over the record batches as the bytes they are: its own reader makes objects of all records, which costs ten times
// as much as evaluating them.
import { fetchV13 } from '@platformatic/kafka';
import type { Inflow, Reading } from './inflow.ts';
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

export const fetchApiKey = 1;
export const fetchVersion = 13;
/** The request's body. */
export const createFetch = fetchV13.createRequest;

function* readPartition(inflow: Inflow, topicId: string, memory: RecordMemory): Reading<PartitionAnswer> {
  const partition = yield* inflow.int32();
  const errorCode = yield* inflow.int16();
  yield* inflow.skip(8); // The high watermark: with read_committed the last stable offset is what counts.
  const lastStableOffset = yield* inflow.int64();
  yield* inflow.skip(8); // The first offset still held: asked for separately when the offset is out of range.
  const aborted: AbortedTransaction[] = [];
  for (let left = yield* inflow.arrayLength(); left > 0; left--) {
    aborted.push({ producerId: yield* inflow.int64(), firstOffset: yield* inflow.int64() });
    yield* inflow.skipTaggedFields();
  }
  yield* inflow.skip(4); // The preferred replica: we name no rack, so there is none.
  const length = yield* inflow.arrayLength();
  if (length > inflow.left) throw new RangeError('an answer of Kafka is cut short');
  // Each partition's in memory of its own, so that a slow one does not keep the others'.
  const records = yield* inflow.fill(memory.take(length));
  yield* inflow.skipTaggedFields();
  return { topicId, partition, errorCode, lastStableOffset, aborted, records };
}

/** The answer's body, its records in the memory's slabs. */
export function* readAnswer(inflow: Inflow, memory: RecordMemory): Reading<FetchAnswer> {
  yield* inflow.skip(4); // The throttle time: the broker holds us up by itself.
  const errorCode = yield* inflow.int16();
  yield* inflow.skip(4); // The session's id: we use none.
  const partitions: PartitionAnswer[] = [];
  for (let topics = yield* inflow.arrayLength(); topics > 0; topics--) {
    const topicId = yield* inflow.uuid();
    for (let left = yield* inflow.arrayLength(); left > 0; left--)
      partitions.push(yield* readPartition(inflow, topicId, memory));
    yield* inflow.skipTaggedFields();
  }
  return { errorCode, partitions };
}
