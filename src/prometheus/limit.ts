// What a comparison with a constant leaves of all values. It changes at the constant alone, so that a few values tell two apart.
import { comparisons, type Operator } from '../rule/comparison.ts';

export interface Limit {
  readonly operator: Operator;
  readonly threshold: number;
}

/** `> 0` */
export const positive: Limit = { operator: '>', threshold: 0 };

export function isWithin({ operator, threshold }: Limit, value: number): boolean {
  return comparisons[operator].breaches(value, threshold);
}

export function isSameLimit(one: Limit, other: Limit): boolean {
  return one.operator === other.operator && one.threshold === other.threshold;
}

/** Whether every value within the first limit is within the second. */
export function implies(one: Limit, other: Limit): boolean {
  return valuesAround(one.threshold, other.threshold).every((value) => !isWithin(one, value) || isWithin(other, value));
}

/** Whether one value alone is within the limit. */
export function isOnly(limit: Limit, value: number): boolean {
  return valuesAround(value, limit.threshold).every((each) => isWithin(limit, each) === (each === value));
}

/** On which side of its threshold a limit lies; undefined for both, or for the threshold alone. */
export function sideOf(limit: Limit): 'above' | 'below' | undefined {
  const [low, high] = [-Number.MAX_VALUE, Number.MAX_VALUE].map((value) => isWithin(limit, value));
  if (low === high) return undefined;
  return high ? 'above' : 'below';
}

/** One value of each stretch on which two limits do not change. */
function valuesAround(one: number, other: number): number[] {
  return [-Number.MAX_VALUE, one - 1, one, (one + other) / 2, other, other + 1, Number.MAX_VALUE];
}
