import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseSequence, producerId, recordCount } from '../batch.ts';
import { newRecord, numbers } from '../contract-bench.ts';
import type { NewRecord } from '../record.ts';
import { packRecords } from '../packed-records.ts';
import { Append, Piece, PartitionProducer } from './partition-producer.ts';

function producer(): PartitionProducer {
  const made = new PartitionProducer('topic', 0);
  made.identity = { id: 5, epoch: 0 };
  return made;
}

function pieceOf(records: readonly NewRecord[], deadlineMs = 1000): Piece {
  return new Piece(new Append(1, deadlineMs), packRecords(records), true);
}
const piece = (...values: string[]) => pieceOf(values.map((value) => newRecord('k', value)));
async function offsetsOf({ append, offsets }: Piece): Promise<readonly number[] | undefined> {
  await append.done;
  return offsets;
}
async function stateOf(one: Piece): Promise<string> {
  const done = one.append.done.then(
    () => 'written',
    () => 'failed',
  );
  return Promise.race([done, new Promise<string>((resolve) => setImmediate(() => resolve('open')))]);
}

test('what waits goes into one batch, and the next one goes on with its numbers', async () => {
  const partition = producer();
  const pieces = [piece('a', 'b'), piece('c')];
  for (const one of pieces) partition.push(one);
  const first = partition.take()!;
  assert.deepEqual([recordCount(first.bytes), baseSequence(first.bytes), producerId(first.bytes)], [3, 0, 5]);
  partition.push(piece('d'));
  assert.equal(partition.take(), first, 'the same batch until its fate is known');
  partition.written(first, 70);
  assert.deepEqual(await Promise.all(pieces.map(offsetsOf)), [[70, 71], [72]]);
  assert.equal(baseSequence(partition.take()!.bytes), 3);
});

test('an append larger than a batch is written in several, and done with the last', async () => {
  const partition = producer();
  const large = pieceOf(numbers(30).map((i) => newRecord('k', 'x'.repeat(100_000) + i)));
  partition.push(large);
  let offset = 0;
  for (let batches = 1; ; batches++) {
    const batch = partition.take()!;
    assert.ok(batch.bytes.length <= 1_000_000);
    assert.equal(baseSequence(batch.bytes), offset);
    assert.equal(await stateOf(large), 'open');
    partition.written(batch, offset);
    offset += batch.count;
    if (partition.idle) break;
    assert.ok(batches < 10);
  }
  assert.deepEqual(await offsetsOf(large), numbers(30));
});

test('a batch that was refused is put back in its order, and split when it was too large', async () => {
  const partition = producer();
  const pieces = ['a', 'b', 'c', 'd'].map((name) => piece(name.repeat(100)));
  for (const one of pieces) partition.push(one);
  const refused = partition.take()!;
  const late = piece('e');
  partition.push(late);
  partition.putBack(refused);
  partition.shrink(refused);
  const offsets: number[] = [];
  for (let batch = partition.take(); batch; batch = partition.take()) {
    assert.ok(batch.count < refused.count);
    assert.equal(baseSequence(batch.bytes), offsets.length);
    offsets.push(...numbers(batch.count));
    partition.written(batch, offsets.length - batch.count);
  }
  assert.deepEqual(await Promise.all([...pieces, late].map(offsetsOf)), [[0], [1], [2], [3], [4]]);
});

test('a batch given up fails the appends in it, wholly, and the ones behind it go on under another identity', async () => {
  const partition = producer();
  const large = pieceOf(numbers(15).map((i) => newRecord('k', 'x'.repeat(100_000) + i)));
  const behind = piece('b');
  partition.push(large);
  partition.push(behind);
  const batch = partition.take()!;
  partition.failBatch(batch, new Error('given up'));
  partition.resetIdentity();
  assert.equal(await stateOf(large), 'failed');
  assert.equal(partition.take(), undefined, 'nothing goes out without an identity');
  partition.identity = { id: 6, epoch: 0 };
  const next = partition.take()!;
  assert.deepEqual([next.count, baseSequence(next.bytes), producerId(next.bytes)], [1, 0, 6]);
  partition.written(next, 3);
  assert.deepEqual(await offsetsOf(behind), [3]);
});

test('what waits past its deadline fails, what is in a batch shares its fate', async () => {
  const partition = producer();
  const [inFlight, early, late] = [piece('a'), piece('b'), pieceOf([newRecord('k', 'c')], 2000)] as const;
  partition.push(inFlight);
  const batch = partition.take()!;
  partition.push(early);
  partition.push(late);
  assert.equal(partition.failQueue(new Error('too late'), 1500), 1);
  assert.deepEqual(await Promise.all([inFlight, early, late].map(stateOf)), ['open', 'failed', 'open']);
  partition.written(batch, 0);
  partition.written(partition.take()!, 1);
  assert.deepEqual(await Promise.all([inFlight, late].map(stateOf)), ['written', 'written']);
});

test('sequence numbers begin again at 0 after the last one there is', () => {
  const partition = producer();
  partition.push(piece('a'));
  const batch = partition.take()!;
  partition.written({ ...batch, count: 2 ** 31 - 1 }, 0);
  partition.push(piece('b', 'c'));
  const last = partition.take()!;
  assert.equal(baseSequence(last.bytes), 2 ** 31 - 1);
  partition.written(last, 0);
  partition.push(piece('d'));
  assert.equal(baseSequence(partition.take()!.bytes), 1);
});
