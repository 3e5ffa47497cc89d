import { asCompared, comparisons } from '../rule/comparison.ts';
import type { Condition } from '../rule/condition.ts';

/** Where a value lies: beyond the threshold, back beyond the resolve threshold, or between the two. */
export type Judgement = 'breach' | 'between' | 'clear';

/** Where a compared value lies. Equal to the resolve threshold is clear, unless that is in breach; without a threshold every value is. */
export function judge(condition: Condition, x: number): Judgement {
  const { threshold, resolveThreshold } = condition;
  if (threshold === undefined || resolveThreshold === undefined) return 'clear';
  return judgeBy(condition, threshold, resolveThreshold, x);
}

/** The same, of one of several levels. */
export function judgeLevel(condition: Condition, threshold: number, x: number): Judgement {
  return judgeBy(condition, threshold, threshold, x);
}

function judgeBy(
  { operator, isComputed }: Condition,
  threshold: number,
  resolveThreshold: number,
  x: number,
): Judgement {
  const comparison = comparisons[operator];
  if (comparison.breaches(asCompared(x, threshold, isComputed), threshold)) return 'breach';
  return comparison.clears(asCompared(x, resolveThreshold, isComputed), resolveThreshold) ? 'clear' : 'between';
}

export function isBreach(condition: Condition, x: number): boolean {
  return judge(condition, x) === 'breach';
}
