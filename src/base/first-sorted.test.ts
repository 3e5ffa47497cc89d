import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { firstSorted } from './first-sorted.ts';

test('the first of all are those of the sorted whole, and all are counted', () => {
  const items = fc.array(fc.tuple(fc.nat(20), fc.nat()));
  fc.assert(
    fc.property(items, fc.integer({ min: 1, max: 9 }), (all, limit) => {
      const compare = (one: [number, number], other: [number, number]): number =>
        one[0] - other[0] || one[1] - other[1];
      const { first, total } = firstSorted(all, compare, limit);
      assert.deepEqual(first, all.toSorted(compare).slice(0, limit));
      assert.equal(total, all.length);
    }),
  );
});
