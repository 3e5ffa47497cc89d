import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { comparisons, isWithin, operators } from './comparison.ts';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
/** Values near each other, since equality and the next double matter most. */
const near = fc.oneof(finite, fc.integer({ min: -3, max: 3 }));

for (const operator of operators) {
  const comparison = comparisons[operator];

  test(`${operator}: no value is in breach and clear, when the resolve threshold is on its side`, () => {
    fc.assert(
      fc.property(near, near, near, (value, threshold, resolve) => {
        fc.pre(isWithin(resolve, comparison.resolveInterval(threshold)));
        assert.ok(!(comparison.breaches(value, threshold) && comparison.clears(value, resolve)));
      }),
    );
  });

  test(`${operator}: the unchanged interval holds exactly the values that neither fire nor resolve`, () => {
    fc.assert(
      fc.property(near, near, near, (value, threshold, resolve) => {
        fc.pre(isWithin(resolve, comparison.resolveInterval(threshold)));
        const whileOk = comparison.unchanged(threshold, resolve, false);
        assert.equal(isWithin(value, whileOk), !comparison.breaches(value, threshold));
        const whileFiring = comparison.unchanged(threshold, resolve, true);
        const resolves = !comparison.breaches(value, threshold) && comparison.clears(value, resolve);
        assert.equal(isWithin(value, whileFiring), !resolves);
      }),
    );
  });

  test(`${operator}: a value past the threshold is in breach, by the excess that was asked for`, () => {
    for (const distance of [0.5, 3]) {
      const value = comparison.past(100, distance);
      assert.ok(comparison.breaches(value, 100));
      assert.ok(isWithin(value, comparison.breachInterval(100)));
      assert.equal(comparison.excess(value, 100), distance);
      assert.ok(!comparison.breaches(comparison.past(100, -distance), 100));
      assert.equal(comparison.excess(comparison.past(100, -distance), 100), -distance);
    }
  });
}
