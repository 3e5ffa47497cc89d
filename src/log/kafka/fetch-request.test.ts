import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '@platformatic/kafka';
import * as fc from 'fast-check';
import { readAnswer, type FetchAnswer } from './fetch-request.ts';
import { Inflow } from './inflow.ts';
import { RecordMemory, slabBytes } from './record-memory.ts';

const topicId = '00112233-4455-6677-8899-aabbccddeeff';

/** An answer to Fetch, version 13, as the protocol's guide describes it. */
function written(partitions: readonly { partition: number; errorCode: number; records: Buffer | null }[]): Buffer {
  const writer = Writer.create()
    .appendInt32(0)
    .appendInt16(0)
    .appendInt32(0)
    .appendArray([partitions], (ofTopic, all) =>
      ofTopic.appendUUID(topicId).appendArray([...all], (one, { partition, errorCode, records }) => {
        one.appendInt32(partition).appendInt16(errorCode).appendInt64(70n).appendInt64(60n).appendInt64(5n);
        one.appendArray([{ id: 9n, first: 44n }], (aborted, { id, first }) => {
          aborted.appendInt64(id).appendInt64(first);
        });
        one.appendInt32(-1).appendUnsignedVarInt(records === null ? 0 : records.length + 1);
        if (records !== null) one.append(records);
      }),
    )
    .appendTaggedFields();
  return writer.buffer;
}

function readInPieces(answer: Buffer, cuts: readonly number[], memory = new RecordMemory()): FetchAnswer {
  const places = [0, ...cuts.map((cut) => cut % (answer.length + 1)).sort((a, b) => a - b), answer.length];
  const inflow = new Inflow();
  const reading = readAnswer(inflow, memory);
  inflow.left = answer.length;
  let read = reading.next();
  for (const [index, end] of places.slice(1).entries()) {
    if (read.done === true) break;
    inflow.take(answer.subarray(places[index], end));
    read = reading.next();
  }
  assert.ok(read.done === true, 'the answer was not read to its end');
  return read.value;
}

test('an answer is read the same, whatever pieces the network made of it', () => {
  const partitions = fc.array(
    fc.record({
      partition: fc.nat(50),
      errorCode: fc.constantFrom(0, 1, 6),
      records: fc.option(
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        { nil: null },
      ),
    }),
    { maxLength: 4 },
  );
  const check = fc.property(partitions, fc.array(fc.nat(), { maxLength: 30 }), (wanted, cuts) => {
    const answer = readInPieces(written(wanted), cuts);
    assert.equal(answer.errorCode, 0);
    assert.deepEqual(
      answer.partitions,
      wanted.map(({ partition, errorCode, records }) => ({
        topicId,
        partition,
        errorCode,
        lastStableOffset: 60,
        aborted: [{ producerId: 9, firstOffset: 44 }],
        records: records ?? Buffer.alloc(0),
      })),
    );
  });
  fc.assert(check, { numRuns: 300 });
});

test('an answer that is cut short is refused', () => {
  const whole = written([{ partition: 1, errorCode: 0, records: Buffer.from('records') }]);
  // Behind the topics come the fields that nobody knows, which are not read.
  for (let length = 0; length < whole.length - 1; length++) {
    assert.throws(() => readInPieces(whole.subarray(0, length), [3]), RangeError, `${length} bytes`);
  }
});

test('memory that was given back is lent again, and none that is still read', () => {
  const memory = new RecordMemory();
  const first = memory.take(slabBytes);
  const second = memory.take(slabBytes);
  assert.notEqual(first.buffer, second.buffer);
  memory.giveBack(first);
  const third = memory.take(slabBytes / 2);
  assert.equal(third.buffer, first.buffer);
  assert.equal(third.length, slabBytes / 2);
  assert.notEqual(memory.take(slabBytes).buffer, first.buffer);
  memory.giveBack(memory.take(10));
  assert.equal(memory.take(10).length, 10, 'what is small, or large, is nobody’s slab');
  assert.equal(memory.take(3 * slabBytes).length, 3 * slabBytes);
});
