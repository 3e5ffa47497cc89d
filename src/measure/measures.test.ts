import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { measureAfresh, oracleTypes, type OraclePoint } from '../../test/support/oracle/oracle-measures.ts';
import type { Measure, MeasureParameters } from './measure.ts';
import { calculators, measures, ruleTypes, windowTypes, type RuleType } from './measures.ts';

test('exactly the measures with a window have a calculator', () => {
  for (const type of ruleTypes) assert.equal(calculators[type] !== undefined, measures[type].hasWindow, type);
});

test('the oracle knows every measure with a window', () => {
  assert.deepEqual([...oracleTypes].sort(), [...windowTypes].sort());
});

function create(type: RuleType, parameters: MeasureParameters): Measure {
  const measure = calculators[type]?.create(parameters);
  assert.ok(measure, type);
  return measure;
}

function assertClose(actual: number | undefined, expected: number | undefined, what: string): void {
  if (actual === undefined || expected === undefined) return assert.equal(actual, expected, what);
  // The smallest doubles lie further apart than a billionth.
  const allowed = Math.max(1e-9 * Math.abs(expected), 1e-300);
  assert.ok(Math.abs(actual - expected) <= allowed, `${what}: ${actual} is not ${expected}`);
}

const gauges = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -50, max: 50 }) },
  { weight: 4, arbitrary: fc.double({ min: -1e3, max: 1e3, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(1e9 + 0.001, 1e9, 1e9 - 0.002, 0.1, 0.2, 0.3) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(1e300, -1e300, 1e-200, -3e-200, Number.MAX_VALUE, 1e150, 2 ** 52 + 0.5, 0, -0),
  },
);
/** Steps of a counter; a large negative one is a reset. */
const steps = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 20 }) },
  { weight: 2, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(1e12, -Infinity) },
);
const durationMs = 100;
const moves = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(0, 1, durationMs, 2 * durationMs, 2 * durationMs + 1, 3 * durationMs, 5_000),
  },
  { weight: 3, arbitrary: fc.integer({ min: -130, max: 0 }) },
);

function seriesOf(values: fc.Arbitrary<number>, isCounter: boolean): fc.Arbitrary<OraclePoint[]> {
  return fc.array(fc.tuple(moves, values), { maxLength: 120, size: 'max' }).map((drafts) => {
    let newestMs = 1_700_000_000_000;
    let counter = 5;
    return drafts.map(([aheadMs, value]) => {
      const timestampMs = newestMs + aheadMs;
      newestMs = Math.max(newestMs, timestampMs);
      counter = value === -Infinity ? 1 : counter + value;
      return { timestampMs, value: isCounter ? counter : value };
    });
  });
}

for (const type of oracleTypes) {
  test(`A17, A18: ${type} is that of a computation from scratch, whatever came before`, () => {
    const parameters = fc
      .constantFrom(0, 12.5, 50, 95, 100)
      .map((percentile) => ({ windowMs: durationMs, percentile }));
    const series = fc.oneof(seriesOf(gauges, false), seriesOf(steps, true));
    fc.assert(
      fc.property(series, parameters, (points, asked) => {
        const measure = create(type, asked);
        for (const [index, { timestampMs, value }] of points.entries()) {
          const expected = measureAfresh({ type, ...asked }, points.slice(0, index + 1));
          assertClose(measure.add(timestampMs, value), expected, `${type} after ${index + 1} samples`);
        }
      }),
      { numRuns: 60 },
    );
  });
}

/** Thousands of samples in a window, one of some of them late. */
interface Crowd {
  readonly moves: readonly { readonly aheadMs: number; readonly value: number }[];
  readonly lateEvery: number;
}

const crowds: fc.Arbitrary<Crowd> = fc.record({
  moves: fc.array(
    fc.record({ aheadMs: fc.integer({ min: -2_900, max: 2 }), value: fc.integer({ min: 0, max: 100 }) }),
    { minLength: 61, maxLength: 61 },
  ),
  lateEvery: fc.integer({ min: 3, max: 60 }),
});

function* crowd({ moves: drawn, lateEvery }: Crowd) {
  let newestMs = 1_000_000;
  for (let index = 0; ; index += 1) {
    const { aheadMs, value } = drawn[index % drawn.length]!;
    const isLate = index % lateEvery === 0;
    const timestampMs = newestMs + (isLate ? aheadMs : Math.abs(aheadMs) % 2);
    newestMs = Math.max(newestMs, timestampMs);
    yield {
      timestampMs,
      lateMs: newestMs - timestampMs,
      value,
      // It grows with time and falls to 0 now and then.
      counter: timestampMs % 5_000,
      // Each sample may still become the largest, until a larger one comes.
      falling:
        (index % 9_000 === 7_400 ? 30_000 : isLate && value > 90 ? 6 : 0) -
        2 * (timestampMs - 1_000_000) -
        index / 1_000,
    };
  }
}

for (const type of oracleTypes) {
  test(`A19: past 4,096 samples ${type} is that of all samples after some time within W/1,024 of T - W`, () => {
    const windowMs = 4_096;
    fc.assert(
      fc.property(crowds, fc.constantFrom(0, 50, 99), (drawn, percentile) => {
        const measure = create(type, { windowMs, percentile });
        const points: OraclePoint[] = [];
        let checked = 0;
        for (const sample of crowd(drawn)) {
          // What is later than 4,096 samples may change nothing of this one.
          if (type === 'window_changes' && sample.lateMs > 20) continue;
          const { timestampMs } = sample;
          points.push({ timestampMs, value: valueFor(type, sample) });
          const value = measure.add(timestampMs, points.at(-1)!.value);
          if (points.length < 4_502 + 1_217 * checked || value === undefined) continue;
          const allowed = [0, 1, 2, 3, 4].map((earlierMs) => {
            const longMs = windowMs + earlierMs;
            const perWindow = type === 'window_rate' ? longMs / windowMs : 1;
            return perWindow * (measureAfresh({ type, windowMs: longMs, percentile }, points) ?? Number.NaN);
          });
          const [low, high] = [Math.min(...allowed), Math.max(...allowed)];
          const isWithin = value >= low - 1e-9 * Math.abs(low) && value <= high + 1e-9 * Math.abs(high);
          assert.ok(isWithin, `${value} after ${points.length} samples, not from ${low} to ${high}`);
          checked += 1;
          if (checked === 6) break;
        }
      }),
      { numRuns: 3 },
    );
  });

  test(`A20: ${type} filled from the log is the same as one that has always run`, () => {
    const windowMs = 3_000;
    fc.assert(
      fc.property(crowds, fc.integer({ min: 100, max: 12_000 }), (drawn, cutAt) => {
        const parameters = { windowMs, percentile: 90 };
        const running = create(type, parameters);
        const log: OraclePoint[] = [];
        let filled: Measure | undefined;
        let newestMs = -Infinity;
        for (const sample of crowd(drawn)) {
          const { timestampMs } = sample;
          const value = valueFor(type, sample);
          const expected = running.add(timestampMs, value);
          if (filled !== undefined) assertClose(filled.add(timestampMs, value), expected, type);
          log.push({ timestampMs, value });
          newestMs = Math.max(newestMs, timestampMs);
          if (log.length === cutAt) {
            filled = create(type, parameters);
            const fromMs = newestMs - calculators[type]!.fillBackMs(windowMs);
            const first = log.findIndex((point) => point.timestampMs >= fromMs);
            for (const point of log.slice(first)) filled.add(point.timestampMs, point.value);
          }
          if (log.length === cutAt + 1_000) break;
        }
      }),
      { numRuns: 15 },
    );
  });

  test(`A21: the memory of ${type} stays below 200 KiB whatever comes, and is given back`, () => {
    const measure = create(type, { windowMs: 3_600_000, percentile: 99 });
    let most = 0;
    for (let index = 0; index < 60_000; index += 1) {
      // Falling: each sample may still become the largest.
      measure.add(index * 20 - (index % 11 === 0 ? 30_000 : 0), -index);
      most = Math.max(most, measure.bytes);
    }
    assert.ok(most < 200 * 1_024, `${most} bytes`);
    for (let timeMs = 1e12; timeMs < 1e12 + 40; timeMs += 1) measure.add(timeMs, 1);
    assert.ok(measure.bytes <= 2_100, `${measure.bytes} bytes`);
  });
}

test('A19: a late sample that beats all older ones takes their place, also where they are merged', () => {
  const measure = create('window_max', { windowMs: 6_000 });
  for (let timeMs = 0; timeMs < 5_500; timeMs += 1) measure.add(timeMs, -timeMs);
  assert.equal(measure.add(600, 0.5), 0.5);
  assert.equal(measure.add(200, -0.5), 0.5);
  const later = measure.add(6_610, -6_610);
  assert.ok(later !== undefined && later <= -604 && later >= -616, `${later} is not the largest after 610 ms`);
});

/** What a series is like that is measured so, where that is hardest. */
function valueFor(type: RuleType, sample: { value: number; counter: number; falling: number }): number {
  if (['window_delta', 'window_increase', 'window_rate'].includes(type)) return sample.counter;
  if (type === 'window_max') return sample.falling;
  return type === 'window_min' ? -sample.falling : sample.value;
}
