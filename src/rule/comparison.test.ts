import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { asCompared, comparisons, isWithin, operators, type Operator } from './comparison.ts';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
/** Values near each other, since equality and the next double matter most. */
const near = fc.oneof(finite, fc.integer({ min: -3, max: 3 }));

/** A threshold, and a resolve threshold that a rule of the operator may have with it. */
function thresholds(operator: Operator): fc.Arbitrary<readonly [threshold: number, resolve: number]> {
  const { recovery } = comparisons[operator];
  return fc
    .tuple(near, near)
    .map(([threshold, other]): readonly [number, number] =>
      recovery !== undefined && isWithin(other, recovery.interval(threshold))
        ? [threshold, other]
        : [threshold, threshold],
    );
}

for (const operator of operators) {
  const comparison = comparisons[operator];

  test(`${operator}: a value in breach is not clear, unless both thresholds are that value`, () => {
    fc.assert(
      fc.property(near, thresholds(operator), (value, [threshold, resolve]) => {
        fc.pre(value !== threshold || threshold !== resolve);
        assert.ok(!(comparison.breaches(value, threshold) && comparison.clears(value, resolve)));
      }),
    );
  });

  test(`${operator}: without a resolve threshold of its own a value is in breach or clear`, () => {
    fc.assert(
      fc.property(near, near, (value, threshold) => {
        assert.ok(comparison.breaches(value, threshold) || comparison.clears(value, threshold));
      }),
    );
  });

  test(`${operator}: the unchanged interval holds values that neither fire nor resolve, and all of those beside the newest value`, () => {
    fc.assert(
      fc.property(near, thresholds(operator), near, (value, [threshold, resolve], newest) => {
        const isBreach = comparison.breaches(value, threshold);
        const isUnchanged = { ok: !isBreach, firing: isBreach || !comparison.clears(value, resolve) };
        const isBeside = Math.sign(value - threshold) === Math.sign(newest - threshold);
        for (const [state, isFiring] of [
          ['ok', false],
          ['firing', true],
        ] as const) {
          const interval = comparison.unchanged(threshold, resolve, isFiring, newest);
          if (isWithin(value, interval)) assert.ok(isUnchanged[state]);
          else if (isUnchanged[state]) assert.ok(!isBeside && comparison.recovery === undefined);
        }
      }),
    );
  });

  test(`${operator}: a value past the threshold is in breach, by the excess that was asked for`, () => {
    for (const distance of [0.5, 3]) {
      const value = comparison.past(100, distance);
      assert.ok(comparison.breaches(value, 100));
      assert.ok(comparison.breachIntervals(100).some((interval) => isWithin(value, interval)));
      assert.ok(!comparison.breaches(comparison.past(100, -distance), 100));
      const [past, short] = [comparison.excess(value, 100), comparison.excess(comparison.past(100, -distance), 100)];
      // Nothing is further in breach than equal, or further from it than equal.
      assert.deepEqual([past, short], [operator === '==' ? -0 : distance, operator === '!=' ? 0 : -distance]);
    }
  });
}

test('what the operators say of the threshold and its neighbours', () => {
  const breaches = (value: number): string =>
    operators.filter((each) => comparisons[each].breaches(value, 5)).join(' ');
  assert.equal(breaches(4.999), '< <= !=');
  assert.equal(breaches(5), '>= <= ==');
  assert.equal(breaches(5.001), '> >= !=');
});

test('a computed value counts as the threshold within a billionth of it, and another only when it is equal', () => {
  for (const threshold of [90, -90, 1e300, 3e-300]) {
    const off = (share: number): number => threshold + share * threshold;
    assert.equal(asCompared(off(0.9e-9), threshold, true), threshold);
    assert.equal(asCompared(off(-0.9e-9), threshold, true), threshold);
    assert.equal(asCompared(off(1.1e-9), threshold, true), off(1.1e-9));
    assert.equal(asCompared(off(0.9e-9), threshold, false), off(0.9e-9));
  }
  assert.equal(asCompared(1e-300, 0, true), 1e-300);
});
