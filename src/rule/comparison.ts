/** What an operator means, everywhere: in evaluation, messages, page and CLI. A new operator is one entry of the table below. */
export type Operator = '>' | '>=' | '<' | '<=' | '==' | '!=';

export interface Comparison {
  /** Whether the comparison holds: the value is in breach. */
  readonly breaches: (value: number, threshold: number) => boolean;
  /** Whether a value that is not in breach is on the far side of the resolve threshold. Equal is clear. */
  readonly clears: (value: number, resolveThreshold: number) => boolean;
  /**
   * A closed interval of values at which an alarm without a timer stays as it is: the evaluator's fast path. It holds all such values,
   * or, where they lie on both sides of the threshold, those on the side of `value`, the newest one. `[Infinity, -Infinity]` when
   * there are none there.
   */
  readonly unchanged: (threshold: number, resolveThreshold: number, isFiring: boolean, value: number) => Interval;
  /** The values in breach, as closed intervals that end at the threshold: what a chart shades. */
  readonly breachIntervals: (threshold: number) => readonly Interval[];
  /** What a resolve threshold means; undefined where a rule may have none. */
  readonly recovery: Recovery | undefined;
  /** How far a value is past the threshold, in the metric's unit; negative by as much as it is short of it. */
  readonly excess: (value: number, threshold: number) => number;
  /** A value that is past the threshold by `distance`, or short of it when the distance is negative, as far as there are such values. */
  readonly past: (threshold: number, distance: number) => number;
  /** Which of a set of series are nearest to firing. */
  readonly nearest: 'highest' | 'lowest' | 'closest' | 'furthest';
  /** The percentile of the samples that makes a first guess at a threshold; undefined when none does. */
  readonly suggestion: 'p99' | 'p1' | undefined;
  readonly words: {
    /** "cpu is … 90" */
    readonly short: string;
    /** "which … the rule threshold (90)" */
    readonly breach: string;
    /** "which … the rule threshold (90)" */
    readonly resolved: string;
  };
}

/** Of operators that allow a resolve threshold other than the threshold. */
interface Recovery {
  /** Where it may lie; both ends are allowed. */
  readonly interval: (threshold: number) => Interval;
  readonly words: {
    /** "must be … the threshold (90)" */
    readonly limit: string;
    /** "at or … the resolve threshold (80)" */
    readonly clearSide: string;
    /** "which … the rule threshold (90)": still firing, though the value is back between the two thresholds. */
    readonly breachEarlier: string;
  };
}

type Interval = readonly [low: number, high: number];

const above = {
  clears: (value, resolveThreshold) => value <= resolveThreshold,
  breachIntervals: (threshold) => [[threshold, Infinity]],
  excess: (value, threshold) => value - threshold,
  past: (threshold, distance) => threshold + distance,
  nearest: 'highest',
  suggestion: 'p99',
} as const satisfies Partial<Comparison>;

const below = {
  clears: (value, resolveThreshold) => value >= resolveThreshold,
  breachIntervals: (threshold) => [[-Infinity, threshold]],
  excess: (value, threshold) => threshold - value,
  past: (threshold, distance) => threshold - distance,
  nearest: 'lowest',
  suggestion: 'p1',
} as const satisfies Partial<Comparison>;

function recoveryBelow(breachEarlier: string): Recovery {
  return {
    interval: (threshold) => [-Infinity, threshold],
    words: { limit: 'at most', clearSide: 'below', breachEarlier },
  };
}

function recoveryAbove(breachEarlier: string): Recovery {
  return {
    interval: (threshold) => [threshold, Infinity],
    words: { limit: 'at least', clearSide: 'above', breachEarlier },
  };
}

export const comparisons: Record<Operator, Comparison> = {
  '>': {
    ...above,
    breaches: (value, threshold) => value > threshold,
    unchanged: (threshold, resolveThreshold, isFiring) =>
      isFiring ? [nextUp(resolveThreshold), Infinity] : [-Infinity, threshold],
    recovery: recoveryBelow('has exceeded'),
    words: { short: 'above', breach: 'exceeds', resolved: 'no longer exceeds' },
  },
  '>=': {
    ...above,
    breaches: (value, threshold) => value >= threshold,
    // Equal to both thresholds is in breach.
    unchanged: (threshold, resolveThreshold, isFiring) =>
      isFiring ? [Math.min(threshold, nextUp(resolveThreshold)), Infinity] : [-Infinity, nextDown(threshold)],
    recovery: recoveryBelow('has been at or above'),
    words: { short: 'at least', breach: 'is at or above', resolved: 'is no longer at or above' },
  },
  '<': {
    ...below,
    breaches: (value, threshold) => value < threshold,
    unchanged: (threshold, resolveThreshold, isFiring) =>
      isFiring ? [-Infinity, nextDown(resolveThreshold)] : [threshold, Infinity],
    recovery: recoveryAbove('has been below'),
    words: { short: 'below', breach: 'is below', resolved: 'is no longer below' },
  },
  '<=': {
    ...below,
    breaches: (value, threshold) => value <= threshold,
    unchanged: (threshold, resolveThreshold, isFiring) =>
      isFiring ? [-Infinity, Math.max(threshold, nextDown(resolveThreshold))] : [nextUp(threshold), Infinity],
    recovery: recoveryAbove('has been at or below'),
    words: { short: 'at most', breach: 'is at or below', resolved: 'is no longer at or below' },
  },
  '==': {
    breaches: (value, threshold) => value === threshold,
    clears: (value, threshold) => value !== threshold,
    unchanged: (threshold, _resolveThreshold, isFiring, value) =>
      isFiring ? [threshold, threshold] : unequalBeside(value, threshold),
    breachIntervals: (threshold) => [[threshold, threshold]],
    recovery: undefined,
    excess: (value, threshold) => -Math.abs(value - threshold),
    past: (threshold, distance) => threshold - Math.min(0, distance),
    nearest: 'closest',
    suggestion: undefined,
    words: { short: 'exactly', breach: 'equals', resolved: 'no longer equals' },
  },
  '!=': {
    breaches: (value, threshold) => value !== threshold,
    clears: (value, threshold) => value === threshold,
    unchanged: (threshold, _resolveThreshold, isFiring, value) =>
      isFiring ? unequalBeside(value, threshold) : [threshold, threshold],
    breachIntervals: (threshold) => [
      [-Infinity, threshold],
      [threshold, Infinity],
    ],
    recovery: undefined,
    excess: (value, threshold) => Math.abs(value - threshold),
    past: (threshold, distance) => threshold + Math.max(0, distance),
    nearest: 'furthest',
    suggestion: undefined,
    words: { short: 'not', breach: 'differs from', resolved: 'no longer differs from' },
  },
};

/** The values that differ from the threshold, on the side of this one. */
function unequalBeside(value: number, threshold: number): Interval {
  if (value === threshold) return [Infinity, -Infinity];
  return value > threshold ? [nextUp(threshold), Infinity] : [-Infinity, nextDown(threshold)];
}

/** Values that are computed (sums of roundings) and thresholds that differ by less, relative to the threshold, are equal. */
const equalWithin = 1e-9;

/** What a value counts as when it is compared with a threshold: the threshold itself, when it is computed and as good as equal. */
export function asCompared(value: number, threshold: number, isComputed: boolean): number {
  return isComputed && Math.abs(value - threshold) <= equalWithin * Math.abs(threshold) ? threshold : value;
}

export const operators = Object.keys(comparisons) as readonly Operator[];

export function isOperator(value: unknown): value is Operator {
  return typeof value === 'string' && Object.hasOwn(comparisons, value);
}

/** Whether a value lies in a closed interval. */
export function isWithin(value: number, [low, high]: Interval): boolean {
  return value >= low && value <= high;
}

const float = new Float64Array(1);
const bits = new BigInt64Array(float.buffer);

/** The smallest double above a finite one (IEEE 754, nextUp). */
function nextUp(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  float[0] = value;
  bits[0]! += value > 0 ? 1n : -1n;
  return float[0];
}

function nextDown(value: number): number {
  return -nextUp(-value);
}
