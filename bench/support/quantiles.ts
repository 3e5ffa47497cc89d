import { createHistogram } from 'node:perf_hooks';
import type { Result } from './result.ts';
import { once } from './result.ts';
import { randomNumbers } from './random.ts';
import type { Interval } from './statistics.ts';

/** Under so many samples a p99.9 is an accident. */
const p999SamplesMin = 10_000;

/** The quantiles of latencies in milliseconds as rows of the table, from an HDR histogram. */
export function quantileRows(scenario: string, what: string, latenciesMs: readonly number[]): Result[] {
  const histogram = createHistogram({ figures: 3, highest: 3_600_000_000 });
  for (const latency of latenciesMs) histogram.record(Math.max(1, Math.round(latency * 1_000)));
  const at = (percent: number): number => histogram.percentile(percent) / 1_000;
  const figures: [string, number][] = [
    ['p50', at(50)],
    ['p90', at(90)],
    ['p99', at(99)],
    ...(latenciesMs.length >= p999SamplesMin ? [['p99.9', at(99.9)] as [string, number]] : []),
    ['max', histogram.max / 1_000],
  ];
  return figures.map(([name, value]) => ({
    scenario,
    what: `${what}, ${name} of ${latenciesMs.length}`,
    value: once(value),
    unit: 'ms',
  }));
}

/** By nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/**
 * The ratio of a quantile of two subjects and its 95 % interval by the bootstrap in two stages: rounds are drawn, and
 * latencies within each, since those of one round have its luck in common (Davison and Hinkley 1997, 3.8).
 */
export function quantileRatio(
  above: readonly (readonly number[])[],
  below: readonly (readonly number[])[],
  share: number,
): Interval {
  const draws = 1_000;
  const chance = randomNumbers(1);
  const draw = <Value>(values: readonly Value[]): Value[] =>
    values.map(() => values[Math.floor(chance() * values.length)]!);
  const ratio = (one: readonly (readonly number[])[], other: readonly (readonly number[])[]): number =>
    quantile(one.flat(), share) / quantile(other.flat(), share);
  const drawn = Array.from({ length: draws }, () => ratio(draw(above).map(draw), draw(below).map(draw))).sort(
    (a, b) => a - b,
  );
  return {
    median: ratio(above, below),
    low: drawn[Math.floor(draws * 0.025)]!,
    high: drawn[Math.floor(draws * 0.975)]!,
  };
}
