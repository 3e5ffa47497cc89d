import { test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { rowsAround, virtualRows } from './page/rules/virtual-rows.ts';

test('whatever the length of the list and wherever it is scrolled to, the screen is full of rows, in order, without a gap', () => {
  const lists = fc.record({
    count: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 90_000, max: 2_000_000 })),
    rowPx: fc.integer({ min: 40, max: 300 }),
    screenPx: fc.integer({ min: 200, max: 2_000 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    rank: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(lists, ({ count, rowPx, screenPx, share, rank }) => {
      const list = { count, rowPx, screenPx, beyond: rowsAround };
      const whole = virtualRows({ ...list, scrolledPx: 0 });
      assert.ok(whole.heightPx <= 8_000_000);
      const reach = Math.max(0, whole.heightPx - screenPx);
      const at = (scrolledPx: number): void => {
        const shown = virtualRows({ ...list, scrolledPx });
        assert.ok(shown.first >= 0 && shown.last <= count && shown.last - shown.first <= screenPx / rowPx + 19);
        assert.ok(shown.first === 0 || shown.topOf(shown.first) <= scrolledPx + 1);
        assert.ok(shown.last === count || shown.topOf(shown.last) >= scrolledPx + screenPx - 1);
        if (count > 1) assert.ok(Math.abs(shown.topOf(1) - shown.topOf(0) - rowPx) < 1e-3);
      };
      at(0);
      at(share * reach);
      at(reach);
      if (reach > 0) {
        const end = virtualRows({ ...list, scrolledPx: reach });
        assert.equal(end.last, count, 'the last row is reached');
        assert.ok(end.topOf(count - 1) + rowPx <= reach + screenPx + 1);
        const wanted = Math.floor(rank * (count - 1));
        const scrolledPx = whole.scrollFor(wanted);
        const there = virtualRows({ ...list, scrolledPx });
        assert.ok(
          there.topOf(wanted) >= scrolledPx - 1 && there.topOf(wanted) + rowPx <= scrolledPx + screenPx + rowPx + 1,
        );
        assert.ok(there.first <= wanted && wanted < there.last);
      }
    }),
    { numRuns: 2_000 },
  );
});
