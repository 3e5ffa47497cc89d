// B8: sliding means. A million series would be 60 M samples; a tenth of that shows the same, and each series is touched at
// random, as in life.
import type { Measure } from '../src/measure/measure.ts';
import { windowAverage } from '../src/measure/window-average.ts';
import type { Options } from './support/options.ts';
import { bootstrap } from './support/statistics.ts';
import { heldBytes } from './support/memory.ts';
import { once, type Result } from './support/result.ts';

const windowMs = 60_000;

export async function windows({ isShort }: Options): Promise<Result[]> {
  const seriesCount = isShort ? 20_000 : 200_000;
  const rounds = isShort ? 3 : 10;
  const ours = [...Array(rounds)].map(() => nsPerSample(seriesCount));
  const naive = [...Array(rounds)].map(() => naiveNsPerSample());
  const oursAt600 = [...Array(rounds)].map(() => denseNsPerSample());
  const emptyBytes = await heldBytes();
  const held = fill(seriesCount, 60);
  const bytes = ((await heldBytes()) - emptyBytes) / held.length;
  return [
    {
      scenario: 'B8',
      what: `add and average, 60 samples, ${seriesCount} series at random, 1 % late`,
      value: bootstrap(ours),
      unit: 'ns',
      goal: { atMost: 120 },
    },
    { scenario: 'B8', what: 'bytes a series of 60 samples', value: once(bytes), unit: 'B', goal: { atMost: 280 } },
    {
      scenario: 'B8',
      what: 'array + reduce / ours, 600 samples',
      value: bootstrap(naive.map((value, round) => value / oursAt600[round]!)),
      unit: 'x',
      goal: { atLeast: 20 },
    },
  ];
}

function fill(seriesCount: number, samples: number): Measure[] {
  return Array.from({ length: seriesCount }, () => {
    const window = windowAverage.create({ windowMs });
    for (let index = 0; index < samples; index++) window.add(index * 1_000, index);
    return window;
  });
}

function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

function nsPerSample(seriesCount: number): number {
  const chance = randomNumbers(7);
  const all = fill(seriesCount, 60);
  const times = new Float64Array(seriesCount).fill(60_000);
  const samples = seriesCount * 5;
  const cpu = process.cpuUsage();
  let sum = 0;
  for (let index = 0; index < samples; index++) {
    const series = Math.floor(chance() * seriesCount);
    const lateMs = chance() < 0.01 ? 5_000 : 0;
    sum += all[series]!.add((times[series]! += 1_000) - lateMs, index % 100) ?? 0;
  }
  const { user, system } = process.cpuUsage(cpu);
  if (Number.isNaN(sum)) throw new Error('a mean is no number');
  return ((user + system) * 1_000) / samples;
}

const denseSamples = 600;

function denseNsPerSample(): number {
  const window = windowAverage.create({ windowMs });
  const samples = 200_000;
  const begin = process.cpuUsage();
  for (let index = 0; index < samples; index++) window.add(index * (windowMs / denseSamples), index % 100);
  const { user, system } = process.cpuUsage(begin);
  return ((user + system) * 1_000) / samples;
}

/** What one writes first: an array of samples, the old ones dropped, the rest reduced. */
function naiveNsPerSample(): number {
  let held: { timestampMs: number; value: number }[] = [];
  const samples = 20_000;
  let sum = 0;
  const begin = process.cpuUsage();
  for (let index = 0; index < samples; index++) {
    const timestampMs = index * (windowMs / denseSamples);
    held.push({ timestampMs, value: index % 100 });
    held = held.filter((sample) => sample.timestampMs > timestampMs - windowMs);
    sum += held.reduce((total, sample) => total + sample.value, 0) / held.length;
  }
  const { user, system } = process.cpuUsage(begin);
  if (Number.isNaN(sum)) throw new Error('a mean is no number');
  return ((user + system) * 1_000) / samples;
}
