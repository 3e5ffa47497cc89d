import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { windowAverage } from './window-average.ts';

// The contract's numbers, written here once more.
const exactSamplesMax = 4_096;
const cellsPerWindow = 1_024;

interface Point {
  readonly timeMs: number;
  readonly value: number;
}

/** The mean by sums in integers of 2^-1074: without any rounding but the last. */
function exactMean(points: readonly Point[]): number {
  // Values of these tests are multiples of 2^-60, so that they are whole when scaled.
  const sum = points.reduce((total, point) => total + scaled(point.value), 0n);
  const quotient = (sum * 2n ** 80n) / BigInt(points.length);
  return Number(quotient) / 2 ** 80 / 2 ** 60;
}

function scaled(value: number): bigint {
  const whole = Math.trunc(value);
  return BigInt(whole) * 2n ** 60n + BigInt(Math.trunc((value - whole) * 2 ** 60));
}

function assertClose(actual: number | undefined, expected: number): void {
  assert.notEqual(actual, undefined);
  assert.ok(Math.abs((actual as number) - expected) <= 1e-9 * Math.abs(expected), `${actual} is not ${expected}`);
}

const values = fc.oneof(
  fc.integer({ min: -1_000, max: 1_000 }),
  fc.double({ min: -1e3, max: 1e3, noNaN: true }).map((value) => Math.round(value * 2 ** 40) / 2 ** 40),
  fc.constantFrom(2 ** 70, -(2 ** 70), 2 ** 52 + 0.5, 1e15, -1e15, 2 ** -40),
);

test('A17, A18: after any samples, late ones too, the mean is that of (T - W, T]', () => {
  const moves = fc.array(fc.record({ aheadMs: fc.integer({ min: -150, max: 60 }), value: values }), { maxLength: 300 });
  fc.assert(
    fc.property(moves, fc.constantFrom(1, 100, 1_000), (all, durationMs) => {
      const window = windowAverage.create({ windowMs: durationMs });
      let newestMs = 1_700_000_000_000;
      let held: Point[] = [];
      for (const [index, { aheadMs, value }] of all.entries()) {
        const timeMs = index === 0 ? newestMs : newestMs + aheadMs;
        const mean = window.add(timeMs, value);
        if (timeMs <= newestMs - durationMs && index > 0) {
          assert.equal(mean, undefined);
          continue;
        }
        newestMs = Math.max(newestMs, timeMs);
        held = [...held, { timeMs, value }].filter((point) => point.timeMs > newestMs - durationMs);
        assert.equal(window.count, held.length);
        const expected = exactMean(held);
        assertClose(mean, expected);
      }
    }),
    { numRuns: 300 },
  );
});

test('A18: a value of 1e300 leaves no trace when it is gone', () => {
  const window = windowAverage.create({ windowMs: 10 });
  for (const [timeMs, value] of [
    [1, 1e300],
    [2, 1e280],
    [3, 0.1],
    [4, 0.2],
    [5, -1e300],
  ] as const)
    window.add(timeMs, value);
  assertClose(window.add(12, 0.3), (0.1 + 0.2 - 1e300 + 0.3) / 4);
  assertClose(window.add(15, 0.4), (0.3 + 0.4) / 2);
});

test('A18: the largest values do not overflow, and small ones are exact again after them', () => {
  const window = windowAverage.create({ windowMs: 10 });
  for (let timeMs = 0; timeMs < 8; timeMs += 1) assert.equal(window.add(timeMs, Number.MAX_VALUE), Number.MAX_VALUE);
  assert.equal(window.add(8, -Number.MAX_VALUE), (Number.MAX_VALUE / 9) * 7);
  assert.equal(window.add(30, 5e-324), 5e-324);
  assert.equal(window.add(31, 1), 0.5);
});

test('A18: a million samples make no drift', () => {
  const window = windowAverage.create({ windowMs: 600 });
  let value = 0.1;
  const last: number[] = [];
  let mean: number | undefined;
  for (let timeMs = 0; timeMs < 1_000_000; timeMs += 1) {
    value = (value * 16_807) % 2_147_483_647;
    const shown = value / 1e3 + 1e9 * (timeMs % 1_000 === 0 ? 1 : 0);
    mean = window.add(timeMs, shown);
    last[timeMs % 600] = shown;
  }
  assertClose(mean, last.reduce((sum, each) => sum + each, 0) / 600);
});

test('A18: up to 4,096 samples the window is exact, also after a burst has passed', () => {
  const durationMs = 100_000;
  const window = windowAverage.create({ windowMs: durationMs });
  let held: Point[] = [];
  const take = (timeMs: number, value: number) => {
    held.push({ timeMs, value });
    return window.add(timeMs, value);
  };
  for (let index = 0; index < 20_000; index += 1) take(50_000 + Math.floor(index / 20), (index * 7) % 1_001);
  assert.ok(window.count > exactSamplesMax);
  for (let timeMs = 51_000; timeMs < 400_000; timeMs += 25) {
    const mean = take(timeMs, timeMs % 997);
    held = held.filter((point) => point.timeMs > timeMs - durationMs);
    if (held.length <= exactSamplesMax) {
      assert.equal(window.count, held.length);
      if (timeMs % 1_000 === 0) assertClose(mean, exactMean(held));
    }
  }
});

test('A18: the mean of equal values is that value, so that it does not exceed a threshold equal to it', () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer({ min: 1, max: 200 }),
      (value, count) => {
        const window = windowAverage.create({ windowMs: 100 });
        for (let timeMs = 0; timeMs < count; timeMs += 1) assert.ok(window.add(timeMs, value) === value);
      },
    ),
  );
});

test('A19: past 4,096 samples the mean is that of all samples after some time within W/1,024 of T - W', () => {
  const moves = fc.array(
    fc.record({ aheadMs: fc.integer({ min: -400, max: 3 }), value: fc.integer({ min: 0, max: 100 }) }),
    {
      minLength: 60,
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(moves, (all) => {
      const durationMs = 8_192;
      const window = windowAverage.create({ windowMs: durationMs });
      const points: Point[] = [];
      let newestMs = 1_000_000;
      // The list of sixty, again and again: twenty thousand samples.
      for (let index = 0; index < 20_000; index += 1) {
        const move = all[index % all.length] as { aheadMs: number; value: number };
        const timeMs = newestMs + (index % 7 === 0 ? move.aheadMs : Math.abs(move.aheadMs) % 3);
        newestMs = Math.max(newestMs, timeMs);
        points.push({ timeMs, value: move.value });
        window.add(timeMs, move.value);
      }
      // Whole numbers: their sum is exact, and tells which samples are in the mean.
      const sum = Math.round((window.value as number) * window.count);
      const cellMs = durationMs / cellsPerWindow;
      const isSome = Array.from(
        { length: 2 * cellMs + 1 },
        (_, index) => newestMs - durationMs - cellMs + index / 2,
      ).some((fromMs) => {
        const inside = points.filter((point) => point.timeMs > fromMs);
        return inside.length === window.count && inside.reduce((total, point) => total + point.value, 0) === sum;
      });
      assert.ok(isSome || window.count <= exactSamplesMax);
    }),
    { numRuns: 30 },
  );
});

test('A18: what a cell cannot hold of a sum leaves no trace either', () => {
  const window = windowAverage.create({ windowMs: 1_024 });
  window.add(0, -1e300);
  for (const value of [1e300, 1e280, 1.5]) window.add(1, value);
  for (let index = 0; index < 5_000; index += 1) window.add(2 + Math.floor(index / 10), 0.25);
  // The first two milliseconds are in cells now, and leave.
  assertClose(window.add(1_025, 0.25), 0.25);
});

test('A20: a window filled from the log gives the same means as one that has always run', () => {
  const moves = fc.array(fc.record({ aheadMs: fc.integer({ min: -300, max: 4 }), value: values }), {
    minLength: 97,
    maxLength: 97,
  });
  fc.assert(
    fc.property(
      moves,
      fc.integer({ min: 100, max: 11_000 }),
      fc.constantFrom(500, 3_000, 6_000),
      (all, cutAt, durationMs) => {
        const log: Point[] = [];
        let newestMs = 1_000_000;
        const running = windowAverage.create({ windowMs: durationMs });
        const take = () => {
          const move = all[log.length % all.length] as { aheadMs: number; value: number };
          const point = {
            timeMs: newestMs + (log.length % 5 === 0 ? move.aheadMs : Math.abs(move.aheadMs) % 2),
            value: move.value,
          };
          newestMs = Math.max(newestMs, point.timeMs);
          log.push(point);
          return point;
        };
        for (let index = 0; index < cutAt; index += 1) {
          const point = take();
          running.add(point.timeMs, point.value);
        }
        const filled = windowAverage.create({ windowMs: durationMs });
        const fromMs = newestMs - windowAverage.fillBackMs(durationMs);
        for (const point of log) if (point.timeMs >= fromMs) filled.add(point.timeMs, point.value);
        for (let index = 0; index < 800; index += 1) {
          const point = take();
          assert.equal(filled.add(point.timeMs, point.value), running.add(point.timeMs, point.value));
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('A21: memory stays below 160 KiB whatever comes, and is given back', () => {
  const window = windowAverage.create({ windowMs: 3_600_000 });
  let most = 0;
  for (let index = 0; index < 300_000; index += 1) {
    window.add(index * 20 - (index % 11 === 0 ? 30_000 : 0), index % 100);
    most = Math.max(most, window.bytes);
  }
  assert.ok(window.count > 150_000);
  assert.ok(most < 160 * 1_024, `${most} bytes`);
  window.advance(1e12);
  assert.equal(window.value, undefined);
  for (let timeMs = 1e12; timeMs < 1e12 + 40; timeMs += 1) window.add(timeMs, 1);
  // Room for 64 samples, and what is counted of them.
  assert.ok(window.bytes <= 1_100, `${window.bytes} bytes`);
});

test('A17: there is no warm-up, and T moves also without a sample', () => {
  const window = windowAverage.create({ windowMs: 1_000 });
  assert.equal(window.value, undefined);
  assert.equal(window.add(5_000, 7), 7);
  window.advance(6_000);
  assert.equal(window.count, 0);
  assert.equal(window.add(5_000, 8), undefined);
  assert.equal(window.add(5_001, 8), 8);
});
