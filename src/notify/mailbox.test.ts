import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Lane } from './lane.ts';
import { Mailbox } from './mailbox.ts';

const boxOf = (size = 0, heldOffset?: number): Mailbox =>
  new Mailbox({
    queue: { size, oldestHeld: heldOffset === undefined ? undefined : { offset: heldOffset } },
  } as unknown as Lane);

test('a webhook has room for its least, whatever the others have, and never for more than its most', () => {
  assert.equal(boxOf(39).hasRoom(1e6), true);
  assert.equal(boxOf(40).hasRoom(1e6), false);
  assert.equal(boxOf(499).hasRoom(499), true);
  assert.equal(boxOf(500).hasRoom(500), false);
});

test('what is left in the log holds the position until it was read again', () => {
  const box = boxOf();
  box.leave(7);
  box.leave(9);
  assert.equal(box.heldOffset, 7);
  box.advance(8, 12);
  assert.equal(box.heldOffset, 8);
  box.advance(12, 12);
  assert.deepEqual([box.heldOffset, box.reread], [undefined, undefined]);
});

test('what waits for a parked webhook holds no position when it is read again; what comes meanwhile does', () => {
  const box = boxOf();
  box.reconsider(3, 20);
  assert.deepEqual([box.heldOffset, box.reread?.consideredTo], [undefined, 20]);
  box.leave(21);
  assert.equal(box.heldOffset, 21);
  box.advance(10, 22);
  assert.equal(box.heldOffset, 21);
  box.reconsider(5, 22);
  assert.deepEqual(box.reread, { next: 5, consideredTo: 20, heldFrom: 21 });
});

test('what is in the lane stands before what was left', () => {
  const box = boxOf(1, 4);
  box.leave(7);
  assert.equal(box.heldOffset, 4);
});
