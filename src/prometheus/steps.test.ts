import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { comparisons, operators } from '../rule/comparison.ts';
import { beforeSteps, canUndo, mirror, type Step } from './steps.ts';

const step = (operator: Step['operator'], constant: number, isConstantFirst = false): Step => ({
  operator,
  constant,
  isConstantFirst,
});

test('the threshold takes the way back', () => {
  const limit = { operator: '>', threshold: 80 } as const;
  assert.deepEqual(beforeSteps([], limit, false), limit);
  assert.deepEqual(beforeSteps([step('*', 100)], limit, false), { operator: '>', threshold: 0.8 });
  assert.deepEqual(beforeSteps([step('/', 1_024)], limit, false), { operator: '>', threshold: 81_920 });
  assert.deepEqual(beforeSteps([step('*', 100)], { operator: '>', threshold: 7 }, false), {
    operator: '>',
    threshold: 0.07 - 2 ** -56,
  });
  assert.deepEqual(beforeSteps([step('-', 100, true)], limit, false), { operator: '<', threshold: 20 });
  assert.deepEqual(beforeSteps([step('*', -1)], limit, false), { operator: '<', threshold: -80 });
  assert.deepEqual(beforeSteps([step('-', 1, true), step('*', 100)], limit, true), {
    operator: '<',
    threshold: 0.19999999999999996,
  });
});

test('there is no way back from x * 0, 1 / x and infinity', () => {
  for (const each of [step('*', 0), step('/', 0), step('/', 1, true), step('+', Infinity), step('*', NaN)])
    assert.equal(canUndo(each), false, JSON.stringify(each));
});

test('exchanged sides are exchanged back', () => {
  for (const operator of operators) assert.equal(mirror(mirror(operator)), operator);
});

test('of an exact value the result is the same at the threshold and on both sides of it', () => {
  const constant = fc.constantFrom(3, 7, 10, 60, 100, 1_024, 0.1, -8, 1e6);
  const steps = fc.array(
    fc.record({
      operator: fc.constantFrom<Step['operator'][]>('+', '-', '*', '/'),
      constant,
      isConstantFirst: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  );
  const apply: Record<Step['operator'], (one: number, other: number) => number> = {
    '+': (one, other) => one + other,
    '-': (one, other) => one - other,
    '*': (one, other) => one * other,
    '/': (one, other) => one / other,
  };
  fc.assert(
    fc.property(
      steps,
      fc.constantFrom(...operators),
      fc.integer({ min: -1_000, max: 1_000 }),
      (given, operator, tenths) => {
        fc.pre(given.every(canUndo));
        const threshold = tenths / 10;
        const found = beforeSteps(given, { operator, threshold }, false);
        if (found === undefined) return;
        const size = 1e-4 * Math.max(1, Math.abs(found.threshold));
        for (const value of [found.threshold, found.threshold - size, found.threshold + size, 0, 1e9, -1e9]) {
          const result = given.reduce(
            (x, { operator: what, constant: c, isConstantFirst }) =>
              isConstantFirst ? apply[what](c, x) : apply[what](x, c),
            value,
          );
          const isIn = comparisons[operator].breaches(result, threshold);
          assert.equal(comparisons[found.operator].breaches(value, found.threshold), isIn, String(value));
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
