// B19: measures of a window beside the average, which B8 measures. Each series is touched at random, as in life; a rule's values go up
// and down, a counter's up and now and then to 0.
import type { Measure } from '../src/measure/measure.ts';
import { calculators, type RuleType } from '../src/measure/measures.ts';
import { heldBytes } from './support/memory.ts';
import type { Options } from './support/options.ts';
import { once, type Result } from './support/result.ts';
import { bootstrap } from './support/statistics.ts';

const windowMs = 60_000;
const measured = ['window_max', 'window_percentile', 'window_increase'] as const satisfies readonly RuleType[];
/** A percentile's grows with the root of their number. */
const growthMax = { window_max: 3, window_percentile: 7, window_increase: 3 } as const;
/** Samples in a window: the time for one must not grow with them. */
const fewSamples = 60;
const manySamples = 3_000;

export async function measuresOfWindows({ isShort }: Options): Promise<Result[]> {
  const seriesCount = isShort ? 5_000 : 100_000;
  const rounds = isShort ? 3 : 10;
  const results: Result[] = [];
  for (const type of measured) {
    const ratios: number[] = [];
    const own: number[] = [];
    const growth: number[] = [];
    const gain: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const average = nsAtRandom('window_average', seriesCount);
      own.push(nsAtRandom(type, seriesCount));
      ratios.push(own.at(-1)! / average);
      const dense = nsOfOne(type, fewSamples);
      growth.push(nsOfOne(type, manySamples) / dense);
      gain.push(afreshNs(type) / nsOfOne(type, denseSamples));
    }
    const say = (what: string): Pick<Result, 'scenario' | 'what'> => ({ scenario: 'B19', what: `${type}: ${what}` });
    results.push(
      {
        ...say(`a sample, ${fewSamples} in the window, ${seriesCount} series at random`),
        value: bootstrap(own),
        unit: 'ns',
      },
      { ...say('the same / window_average'), value: bootstrap(ratios), unit: 'x', goal: { atMost: 2 } },
      {
        ...say(`a sample, ${manySamples} in the window / ${fewSamples}`),
        value: bootstrap(growth),
        unit: 'x',
        goal: { atMost: growthMax[type] },
      },
      {
        ...say(`from scratch / ours, ${denseSamples} samples`),
        value: bootstrap(gain),
        unit: 'x',
        goal: { atLeast: 5 },
      },
    );
  }
  for (const type of ['window_average', ...measured] as const) {
    const bytes = await bytesOfOne(type, Math.min(seriesCount, 20_000));
    const what = `${type}: bytes a series of ${fewSamples} samples`;
    results.push({ scenario: 'B19', what, value: once(bytes), unit: 'B' });
  }
  return results;
}

function create(type: RuleType): Measure {
  const measure = calculators[type]?.create({ windowMs, percentile: 95 });
  if (measure === undefined) throw new Error(`${type} has no window`);
  return measure;
}

/** Rises within a hundred samples, and jumps: half of a gauge's samples are beaten by a newer one, and a counter is reset. */
function valueAt(index: number): number {
  return (index * 37) % 101;
}

function fill(type: RuleType, seriesCount: number): Measure[] {
  return Array.from({ length: seriesCount }, () => {
    const measure = create(type);
    for (let index = 0; index < fewSamples; index++) measure.add(index * 1_000, valueAt(index));
    return measure;
  });
}

async function bytesOfOne(type: RuleType, seriesCount: number): Promise<number> {
  const emptyBytes = await heldBytes();
  const held = fill(type, seriesCount);
  return ((await heldBytes()) - emptyBytes) / held.length;
}

function nsAtRandom(type: RuleType, seriesCount: number): number {
  let state = 7;
  const chance = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const all = fill(type, seriesCount);
  const times = new Float64Array(seriesCount).fill(fewSamples * 1_000);
  const samples = seriesCount * 5;
  let sum = 0;
  const begin = process.cpuUsage();
  for (let index = 0; index < samples; index++) {
    const series = Math.floor(chance() * seriesCount);
    const lateMs = chance() < 0.01 ? 5_000 : 0;
    sum += all[series]!.add((times[series]! += 1_000) - lateMs, valueAt(index)) ?? 0;
  }
  return nsSince(begin, samples, sum);
}

/** One window alone, whose samples lie so close that it holds so many. */
function nsOfOne(type: RuleType, held: number): number {
  const measure = create(type);
  const samples = 100_000;
  let sum = 0;
  const begin = process.cpuUsage();
  for (let index = 0; index < samples; index++) sum += measure.add(index * (windowMs / held), valueAt(index)) ?? 0;
  return nsSince(begin, samples, sum);
}

const denseSamples = 600;

const afresh: Readonly<Record<(typeof measured)[number], (values: readonly number[]) => number>> = {
  window_max: (values) => values.reduce((most, value) => Math.max(most, value), -Infinity),
  window_percentile: (values) => {
    const sorted = values.toSorted((one, other) => one - other);
    const rank = 0.95 * (sorted.length - 1);
    const low = sorted[Math.floor(rank)]!;
    return low + ((sorted[Math.floor(rank) + 1] ?? low) - low) * (rank % 1);
  },
  window_increase: (values) =>
    values.reduce((sum, value, index) => {
      const previous = values[index - 1] ?? value;
      return sum + (value >= previous ? value - previous : value);
    }, 0),
};

/** What one writes first: an array of samples, the old ones dropped, the rest looked at. */
function afreshNs(type: (typeof measured)[number]): number {
  let held: { timestampMs: number; value: number }[] = [];
  const samples = 5_000;
  let sum = 0;
  const begin = process.cpuUsage();
  for (let index = 0; index < samples; index++) {
    const timestampMs = index * (windowMs / denseSamples);
    held.push({ timestampMs, value: valueAt(index) });
    held = held.filter((sample) => sample.timestampMs > timestampMs - windowMs);
    sum += afresh[type](held.map(({ value }) => value));
  }
  return nsSince(begin, samples, sum);
}

/** `sum` is asked for so that nothing is optimized away. */
function nsSince(begin: NodeJS.CpuUsage, samples: number, sum: number): number {
  const { user, system } = process.cpuUsage(begin);
  if (Number.isNaN(sum)) throw new Error('a value is no number');
  return ((user + system) * 1_000) / samples;
}
