import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notificationFor } from '../../test/support/notification.ts';
import type { Waiting } from './delivery-writer.ts';
import { NotificationQueue } from './notification-queue.ts';

const key = '123456789012345678';
const waitingAt = (offset: number, holds = true): Waiting => {
  return { notification: notificationFor('r', offset, { id: `n${offset}` }), key, offset, appendedMs: 0, holds };
};

function queueOf(...offsets: number[]): NotificationQueue {
  const queue = new NotificationQueue(key, 'r');
  for (const offset of offsets) queue.push(waitingAt(offset));
  return queue;
}

const sized = (size: number): NotificationQueue => queueOf(...Array.from({ length: size }, (_, offset) => offset));

test('a rule has room for its least, whatever the others have, and never for more than its most', () => {
  assert.equal(sized(39).hasRoom(1e6), true);
  assert.equal(sized(40).hasRoom(1e6), false);
  assert.equal(sized(1_999).hasRoom(1_999), true);
  assert.equal(sized(2_000).hasRoom(2_000), false);
});

test('what is left in the log holds the position until it was read again', () => {
  const queue = queueOf();
  queue.defer(7);
  queue.defer(9);
  assert.equal(queue.heldOffset, 7);
  queue.advance(8, 12);
  assert.equal(queue.heldOffset, 8);
  queue.advance(12, 12);
  assert.deepEqual([queue.heldOffset, queue.deferred], [undefined, undefined]);
});

test('what waits for a parked target holds no position when it is read again; what comes meanwhile does', () => {
  const queue = queueOf();
  queue.reconsider(3, 20);
  assert.deepEqual([queue.heldOffset, queue.deferred?.consideredTo], [undefined, 20]);
  queue.defer(21);
  assert.equal(queue.heldOffset, 21);
  queue.advance(10, 22);
  assert.equal(queue.heldOffset, 21);
  queue.reconsider(5, 22);
  assert.deepEqual(queue.deferred, { next: 5, consideredTo: 20, heldFrom: 21 });
});

test('what is in memory stands before what was left, and what has an outcome holds nothing', () => {
  const queue = queueOf(4);
  queue.defer(7);
  assert.equal(queue.heldOffset, 4);
  const parked = new NotificationQueue(key, 'r');
  parked.push(waitingAt(2, false));
  assert.equal(parked.heldOffset, undefined);
  parked.push(waitingAt(5));
  assert.equal(parked.heldOffset, 5);
});

test('a notification that was let go may come back, and the first copy leaves without it', () => {
  const queue = new NotificationQueue(key, 'r');
  const first = waitingAt(1);
  queue.push(first);
  queue.letGo(first);
  assert.equal(queue.has('n1'), false);
  const back: Waiting = { ...first, offset: 9 };
  queue.push(back);
  assert.equal(queue.remove([first]), 1);
  assert.deepEqual([[...queue], queue.has('n1')], [[back], true]);
});
