import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CorruptBatch, encodeBatch, sealBatch, setBaseOffset } from '../batch.ts';
import { numbers, writtenIn } from '../contract-bench.ts';
import { endOfBatches, openRecords, splitBatches } from './chunks.ts';
import type { AbortedTransaction } from './fetch-request.ts';

const transactional = 0x10;
const control = 0x20;
const abortKey = Buffer.from([0, 0, 0, 0]);
const commitKey = Buffer.from([0, 0, 0, 1]);

/** A batch at an offset, with a record a value. */
function batchAt(
  offset: number,
  values: readonly string[],
  how: { producer?: number; bits?: number; key?: Buffer } = {},
) {
  const key = how.key ?? Buffer.from('k');
  const records = values.map((value) => ({ key, value: Buffer.from(value), timestampMs: 0 }));
  const stamp = how.producer === undefined ? undefined : { id: how.producer, epoch: 0, baseSequence: 0 };
  const batch = Buffer.from(encodeBatch(records, stamp));
  setBaseOffset(batch, offset);
  batch[22] = how.bits ?? 0;
  sealBatch(batch);
  return batch;
}

const markerAt = (offset: number, producer: number, key: Buffer) => {
  return batchAt(offset, [''], { producer, bits: transactional | control, key });
};

function open(
  batches: readonly Buffer[],
  firstOffset = 0,
  aborted: readonly AbortedTransaction[] = [],
  tolerant = false,
) {
  const records = Buffer.concat(batches);
  const chunks = [...openRecords({ partition: 0, firstOffset, headOffset: 100, aborted, records }, tolerant)];
  return { chunks, values: chunks.flatMap(writtenIn).map((record) => record.value) };
}

test('an answer becomes one chunk of its whole batches; what is cut off at its end is left for the next', () => {
  const whole = [batchAt(10, ['a', 'b']), batchAt(12, ['c'])];
  const cut = batchAt(13, ['d']).subarray(0, -1);
  const { chunks, values } = open([...whole, cut], 11);
  assert.deepEqual(values, ['b', 'c']);
  const [chunk] = chunks;
  assert.deepEqual([chunk?.firstOffset, chunk?.nextOffset, chunk?.headOffset], [11, 13, 100]);
  assert.equal(endOfBatches(Buffer.concat([...whole, cut]), 11), 13);
  assert.equal(endOfBatches(cut, 13), 13);
  assert.equal([...splitBatches(Buffer.concat([...whole, cut]))].length, 2);
  assert.deepEqual(open([cut]).chunks, []);
});

test('much in one answer becomes several chunks that join', () => {
  const batches = numbers(12).map((i) => batchAt(i, ['x'.repeat(900_000)]));
  const { chunks } = open(batches);
  assert.ok(chunks.length >= 2);
  let expected = 0;
  for (const chunk of chunks) {
    assert.equal(chunk.firstOffset, expected);
    expected = chunk.nextOffset;
  }
  assert.equal(expected, 12);
});

test('aborted records are left out until their marker, wherever the answer begins', () => {
  const aborted = [{ producerId: 7, firstOffset: 2 }];
  const batches = [
    batchAt(0, ['committed', 'committed'], { producer: 7, bits: transactional }),
    batchAt(2, ['aborted'], { producer: 7, bits: transactional }),
    batchAt(3, ['plain']),
    batchAt(4, ['other'], { producer: 8, bits: transactional }),
    batchAt(5, ['aborted'], { producer: 7, bits: transactional }),
    markerAt(6, 8, commitKey),
    markerAt(7, 7, abortKey),
    batchAt(8, ['again'], { producer: 7, bits: transactional }),
    markerAt(9, 7, commitKey),
  ];
  assert.deepEqual(open(batches, 0, aborted).values, ['committed', 'committed', 'plain', 'other', 'again']);
  assert.deepEqual(open(batches.slice(2), 3, aborted).values, ['plain', 'other', 'again']);
  // The marker may come in a later answer, and an answer may hold nothing but what is left out.
  assert.deepEqual(open(batches.slice(1, 4), 2, aborted).values, ['plain', 'other']);
  const [nothing] = open([batches[1]!], 2, aborted).chunks;
  assert.deepEqual([nothing?.batches, nothing?.firstOffset, nothing?.nextOffset], [[], 2, 3]);
});

test('a damaged batch is thrown after what is sound before it, or left out and counted', () => {
  const damaged = batchAt(2, ['c', 'd', 'e']);
  damaged[damaged.length - 2]! ^= 1;
  const batches = [batchAt(0, ['a', 'b']), damaged, batchAt(5, ['f'])];
  const fetched = { partition: 0, firstOffset: 0, headOffset: 6, aborted: [], records: Buffer.concat(batches) };
  const reading = openRecords(fetched, false);
  assert.equal(reading.next().value?.nextOffset, 2);
  assert.throws(() => reading.next(), CorruptBatch);
  const { chunks, values } = open(batches, 0, [], true);
  assert.deepEqual(values, ['a', 'b', 'f']);
  assert.equal(chunks[0]?.unreadable, 3);
  assert.equal(chunks[0]?.nextOffset, 6);
});

test('a batch that cannot be unpacked is left out and counted at once: fetching it again would not help', () => {
  const bad = batchAt(1, ['x'], { bits: 4 });
  const { chunks, values } = open([batchAt(0, ['a']), bad, batchAt(2, ['b'])]);
  assert.deepEqual(values, ['a', 'b']);
  assert.equal(chunks[0]?.unreadable, 1);
});
