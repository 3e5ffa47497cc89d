/**
 * The value of a series, computed from the list of all its samples in log order each time: literal, slow, and exact. Numbers are
 * fractions of whole numbers, rounded once at the end.
 */
import { inUnits, quotient } from './exact-mean.ts';

export interface OraclePoint {
  readonly timestampMs: number;
  readonly value: number;
}

export interface MeasureAsked {
  readonly type: OracleType;
  readonly windowMs: number;
  readonly percentile?: number | undefined;
}

interface Window {
  /** Sorted by time, then in log order. */
  readonly inside: readonly OraclePoint[];
  /** The previous sample of each of them; undefined when there is none, or it is more than 2 W older. */
  readonly previous: readonly (OraclePoint | undefined)[];
  readonly startMs: number;
  readonly asked: MeasureAsked;
}

const values = {
  window_average: ({ inside }: Window) => quotient(sumOf(inside), BigInt(inside.length)),
  window_min: ({ inside }: Window) => Math.min(...inside.map(({ value }) => value)),
  window_max: ({ inside }: Window) => Math.max(...inside.map(({ value }) => value)),
  window_sum: ({ inside }: Window) => quotient(sumOf(inside), 1n),
  window_count: ({ inside }: Window) => inside.length,
  window_stddev: ({ inside }: Window) => deviation(inside),
  window_percentile: ({ inside, asked }: Window) => percentile(inside, asked.percentile!),
  window_delta: (window: Window) => delta(window),
  window_increase: (window: Window) => increase(window),
  window_rate: (window: Window) => {
    const total = increase(window);
    return total === undefined ? undefined : total / (window.asked.windowMs / 1_000);
  },
  window_changes: ({ inside, previous }: Window) =>
    inside.filter(({ value }, index) => previous[index] !== undefined && previous[index].value !== value).length,
} satisfies Record<string, (window: Window) => number | undefined>;

export type OracleType = keyof typeof values;

/** In the contract's order. */
export const oracleTypes = Object.keys(values) as OracleType[];

/** The value with the last sample; undefined when that is older than the window, or there is none. */
export function measureAfresh(asked: MeasureAsked, all: readonly OraclePoint[]): number | undefined {
  const { windowMs } = asked;
  let newestMs = -Infinity;
  const counted: OraclePoint[] = [];
  for (const point of all) {
    // One that is older than the window changes nothing, now and later.
    if (point.timestampMs > newestMs - windowMs) counted.push(point);
    newestMs = Math.max(newestMs, point.timestampMs);
  }
  if (counted.at(-1) !== all.at(-1)) return undefined;
  // Sorting keeps the log's order among equal times.
  const inOrder = counted.toSorted((one, other) => one.timestampMs - other.timestampMs);
  const startMs = newestMs - windowMs;
  const first = inOrder.findIndex(({ timestampMs }) => timestampMs > startMs);
  const inside = inOrder.slice(first);
  const previous = inside.map((point, index) => {
    const before = inOrder[first + index - 1];
    return before !== undefined && point.timestampMs - before.timestampMs <= 2 * windowMs ? before : undefined;
  });
  const value = values[asked.type]({ inside, previous, startMs, asked });
  // All values are finite.
  return value && Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
}

function sumOf(points: readonly OraclePoint[]): bigint {
  return points.reduce((sum, { value }) => sum + inUnits(value), 0n);
}

/** The root of the mean of squares less the square of the mean. */
function deviation(points: readonly OraclePoint[]): number {
  const count = BigInt(points.length);
  const squares = points.reduce((sum, { value }) => sum + inUnits(value) ** 2n, 0n);
  const variance = count * squares - sumOf(points) ** 2n;
  const moreBits = 100n;
  return quotient(rootOf(variance << (2n * moreBits)), count << moreBits);
}

const newestMax = 4_096;

/** Between the two values around the rank p/100 (n - 1), in a straight line; of the newest samples. */
function percentile(inside: readonly OraclePoint[], asked: number): number {
  const sorted = inside
    .slice(-newestMax)
    .map(({ value }) => value)
    .sort((one, other) => one - other);
  const hundred = inUnits(100);
  const rank = inUnits(asked) * BigInt(sorted.length - 1);
  const below = rank / hundred;
  const part = rank - below * hundred;
  const [low, high] = [sorted[Number(below)]!, sorted[Number(below) + 1] ?? 0];
  return quotient(inUnits(low) * (hundred - part) + inUnits(high) * part, hundred);
}

/** The newest value less the one at T - W, on the straight line between the samples around that time. */
function delta({ inside, previous, startMs }: Window): number {
  const first = inside[0]!;
  const newest = inUnits(inside.at(-1)!.value);
  const before = previous[0];
  if (before === undefined) return quotient(newest - inUnits(first.value), 1n);
  const span = inUnits(first.timestampMs) - inUnits(before.timestampMs);
  const outside = inUnits(startMs) - inUnits(before.timestampMs);
  const risen = (inUnits(first.value) - inUnits(before.value)) * outside;
  return quotient((newest - inUnits(before.value)) * span - risen, span);
}

function increase({ inside, previous, startMs }: Window): number | undefined {
  if (previous.every((before) => before === undefined)) return undefined;
  let [over, under] = [0n, 1n];
  inside.forEach(({ timestampMs, value }, index) => {
    const before = previous[index];
    if (before === undefined) return;
    const rise = value - before.value >= 0 ? inUnits(value) - inUnits(before.value) : inUnits(value);
    if (before.timestampMs > startMs) over += rise * under;
    else {
      // Only one interval crosses T - W, the first.
      under = inUnits(timestampMs) - inUnits(before.timestampMs);
      over = rise * (inUnits(timestampMs) - inUnits(startMs));
    }
  });
  return quotient(over, under);
}

/** The largest whole number whose square is at most this (Newton). */
function rootOf(square: bigint): bigint {
  if (square < 2n) return square;
  let root = 1n << BigInt(Math.ceil(square.toString(16).length * 2) + 1);
  for (;;) {
    const next = (root + square / root) / 2n;
    if (next >= root) return root;
    root = next;
  }
}
