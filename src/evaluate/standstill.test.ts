import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Standstill } from './standstill.ts';

test('a position stands still while there are records that it does not come to', () => {
  const standstill = new Standstill();
  const looks: [position: number, head: number, forMs: number][] = [
    [10, 10, 0],
    [10, 12, 1_000],
    [10, 14, 2_000],
    [11, 14, 0],
    [11, 14, 1_000],
    // All is evaluated: nothing stands still, however long nothing comes.
    [14, 14, 0],
    [14, 14, 0],
    [14, 15, 1_000],
  ];
  for (const [index, [position, head, forMs]] of looks.entries()) {
    standstill.look(position, head, (index + 1) * 1_000);
    assert.equal(standstill.forMs, forMs, `look ${index}`);
  }
});
