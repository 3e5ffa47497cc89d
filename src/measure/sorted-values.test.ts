import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SortedValues } from './sorted-values.ts';

test('values are in order whatever comes and goes', () => {
  const moves = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: -40, max: 40 })), { maxLength: 2_000, size: 'max' });
  fc.assert(
    fc.property(moves, (all) => {
      const sorted = new SortedValues();
      const held: number[] = [];
      for (const [isRemoval, value] of all) {
        const index = held.indexOf(value);
        if (isRemoval && index >= 0) {
          held.splice(index, 1);
          sorted.remove(value);
        } else {
          held.push(value);
          sorted.add(value);
        }
      }
      held.sort((one, other) => one - other);
      assert.equal(sorted.count, held.length);
      assert.deepEqual(
        held.map((_, rank) => sorted.at(rank)),
        held,
      );
    }),
  );
});
