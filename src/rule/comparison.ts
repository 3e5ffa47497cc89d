/** What an operator means, everywhere: in evaluation, messages, page and CLI. A new operator is one entry of the table below. */
export type Operator = '>' | '<';

export interface Comparison {
  /** Whether the comparison holds: the value is in breach. */
  readonly breaches: (value: number, threshold: number) => boolean;
  /** Whether a value that is not in breach is on the far side of the resolve threshold. Equal is clear. */
  readonly clears: (value: number, resolveThreshold: number) => boolean;
  /**
   * The closed interval of values at which an alarm without a timer stays as it is: the evaluator's fast path. `[Infinity,
   * -Infinity]` when every value must be evaluated.
   */
  readonly unchanged: (threshold: number, resolveThreshold: number, isFiring: boolean) => Interval;
  /** The values in breach, as a closed interval that ends at the threshold: what a chart shades. */
  readonly breachInterval: (threshold: number) => Interval;
  /** Where a resolve threshold may lie; both ends are allowed. */
  readonly resolveInterval: (threshold: number) => Interval;
  /** How far a value is past the threshold, in the metric's unit; negative by as much as it is short of it. */
  readonly excess: (value: number, threshold: number) => number;
  /** The value that is past the threshold by `distance`; short of it when the distance is negative. */
  readonly past: (threshold: number, distance: number) => number;
  /** Which end of a set of series is nearest to firing. */
  readonly nearest: 'highest' | 'lowest';
  /** The percentile of the samples that makes a first guess at a threshold. */
  readonly suggestion: 'p99' | 'p1';
  readonly words: {
    /** "cpu is … 90" */
    readonly short: string;
    /** "which … the rule threshold (90)" */
    readonly breach: string;
    /** "which … the rule threshold (90)": still firing, though the value is back between the two thresholds. */
    readonly breachEarlier: string;
    /** "which … the rule threshold (90)" */
    readonly resolved: string;
    /** "at or … the resolve threshold (80)" */
    readonly clearSide: string;
    /** "must be … the threshold (90)", of a resolve threshold */
    readonly resolveLimit: string;
  };
}

type Interval = readonly [low: number, high: number];

export const comparisons: Record<Operator, Comparison> = {
  '>': {
    breaches: (value, threshold) => value > threshold,
    clears: (value, resolveThreshold) => value <= resolveThreshold,
    unchanged: (threshold, resolveThreshold, isFiring) =>
      isFiring ? [nextUp(resolveThreshold), Infinity] : [-Infinity, threshold],
    breachInterval: (threshold) => [threshold, Infinity],
    resolveInterval: (threshold) => [-Infinity, threshold],
    excess: (value, threshold) => value - threshold,
    past: (threshold, distance) => threshold + distance,
    nearest: 'highest',
    suggestion: 'p99',
    words: {
      short: 'above',
      breach: 'exceeds',
      breachEarlier: 'has exceeded',
      resolved: 'no longer exceeds',
      clearSide: 'below',
      resolveLimit: 'at most',
    },
  },
  '<': {
    breaches: (value, threshold) => value < threshold,
    clears: (value, resolveThreshold) => value >= resolveThreshold,
    unchanged: (threshold, resolveThreshold, isFiring) =>
      isFiring ? [-Infinity, -nextUp(-resolveThreshold)] : [threshold, Infinity],
    breachInterval: (threshold) => [-Infinity, threshold],
    resolveInterval: (threshold) => [threshold, Infinity],
    excess: (value, threshold) => threshold - value,
    past: (threshold, distance) => threshold - distance,
    nearest: 'lowest',
    suggestion: 'p1',
    words: {
      short: 'below',
      breach: 'is below',
      breachEarlier: 'has been below',
      resolved: 'is no longer below',
      clearSide: 'above',
      resolveLimit: 'at least',
    },
  },
};

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
