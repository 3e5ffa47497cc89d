import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ExactSum } from '../measure/exact-sum.ts';
import { aggregateNames, aggregates } from '../rule/aggregate.ts';
import { GroupValues } from './group-values.ts';

const where = { operator: '>', threshold: 3 } as const;
const steps = fc.array(
  fc.record({
    member: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    value: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ noNaN: true, min: -1e200, max: 1e200 })),
    afterMs: fc.constantFrom(0, 1, 10, 60, 300),
  }),
  { maxLength: 60 },
);

/** From scratch. */
const plainly: Record<(typeof aggregateNames)[number], (values: readonly number[]) => number> = {
  sum: (values) =>
    values.toSorted((one, other) => Math.abs(other) - Math.abs(one)).reduce((sum, value) => sum + value, 0),
  average: (values) => plainly.sum(values) / values.length,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  count: (values) => values.length,
  count_where: (values) => values.filter((value) => value > 3).length,
  share_where: (values) => values.filter((value) => value > 3).length / values.length,
};

for (const aggregate of aggregateNames) {
  test(`${aggregate} of a group is that of its members that count, whatever came before`, () => {
    fc.assert(
      fc.property(steps, (all) => {
        const values = new GroupValues({
          aggregate,
          where: aggregates[aggregate].hasWhere ? where : undefined,
          isComputed: false,
          staleMs: 100,
        });
        const members = new Map<string, { value: number; atMs: number }>();
        let nowMs = 0;
        for (const { member, value, afterMs } of all) {
          nowMs += afterMs;
          values.set(member, { name: 'm', tags: {} }, value, nowMs);
          values.expire(nowMs);
          members.set(member, { value, atMs: nowMs });
          for (const [key, { atMs }] of members) if (nowMs - atMs > 100) members.delete(key);
          const held = [...members.values()].map((one) => one.value);
          const wanted = plainly[aggregate](held);
          const largest = Math.max(...held.map(Math.abs));
          assert.equal(values.count, members.size);
          assert.ok(
            Math.abs(values.value! - wanted) <= 1e-9 * Math.max(Math.abs(wanted), largest * 1e-6),
            `${values.value} is ${wanted}`,
          );
        }
      }),
    );
  });
}

test('what is added and taken off again leaves nothing', () => {
  const doubles = fc.array(fc.double({ noNaN: true, min: -1e300, max: 1e300 }), { maxLength: 30 });
  fc.assert(
    fc.property(doubles, (values) => {
      const sum = new ExactSum();
      for (const value of values) sum.add(value);
      sum.add(0.1);
      for (const value of values.toReversed()) sum.add(-value);
      assert.equal(sum.value, 0.1);
    }),
  );
});
