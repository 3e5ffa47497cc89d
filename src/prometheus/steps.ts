// Arithmetic with constants between a value and its comparison. A rule compares the value itself, so the threshold takes the way back.
import { comparisons, type Operator } from '../rule/comparison.ts';
import type { Limit } from './limit.ts';

export interface Step {
  readonly operator: StepOperator;
  readonly constant: number;
  /** `100 - x` in place of `x - 100`. */
  readonly isConstantFirst: boolean;
}

export type StepOperator = '+' | '-' | '*' | '/';

interface StepMeaning {
  readonly apply: (value: number, constant: number) => number;
  readonly undo: (result: number, constant: number) => number;
  readonly isScale: boolean;
  /** Whether a larger value gives a smaller result. */
  readonly isFalling: (constant: number) => boolean;
}

const never = (): boolean => false;
const isNegative = (constant: number): boolean => constant < 0;

const meanings: Record<StepOperator, { readonly valueFirst: StepMeaning; readonly constantFirst?: StepMeaning }> = {
  '+': both({ apply: (x, c) => x + c, undo: (y, c) => y - c, isScale: false, isFalling: never }),
  '-': {
    valueFirst: { apply: (x, c) => x - c, undo: (y, c) => y + c, isScale: false, isFalling: never },
    constantFirst: { apply: (x, c) => c - x, undo: (y, c) => c - y, isScale: false, isFalling: () => true },
  },
  '*': both({ apply: (x, c) => x * c, undo: (y, c) => y / c, isScale: true, isFalling: isNegative }),
  '/': { valueFirst: { apply: (x, c) => x / c, undo: (y, c) => y * c, isScale: true, isFalling: isNegative } },
};

function both(meaning: StepMeaning): { readonly valueFirst: StepMeaning; readonly constantFirst: StepMeaning } {
  return { valueFirst: meaning, constantFirst: meaning };
}

export function isStepOperator(operator: string): operator is StepOperator {
  return Object.hasOwn(meanings, operator);
}

function meaningOf({ operator, isConstantFirst }: Step): StepMeaning | undefined {
  return isConstantFirst ? meanings[operator].constantFirst : meanings[operator].valueFirst;
}

/** Whether there is a way back: not from `x * 0` or `1 / x`. */
export function canUndo(step: Step): boolean {
  const meaning = meaningOf(step);
  return meaning !== undefined && Number.isFinite(step.constant) && !(meaning.isScale && step.constant === 0);
}

export function isScale(step: Step): boolean {
  return meaningOf(step)?.isScale === true;
}

export function isFalling(step: Step): boolean {
  return meaningOf(step)!.isFalling(step.constant);
}

/** A step that takes a scale back. */
export function inverse({ operator, constant }: Step): Step {
  return { operator: operator === '*' ? '/' : '*', constant, isConstantFirst: false };
}

const mirrored: Record<Operator, Operator> = { '>': '<', '>=': '<=', '<': '>', '<=': '>=', '==': '==', '!=': '!=' };

/** The same comparison with its sides exchanged. */
export function mirror(operator: Operator): Operator {
  return mirrored[operator];
}

/** Doubles that are tried on each side of the threshold: rounding moves it by no more. */
const neighboursMax = 32;

/**
 * What the value before the steps is compared with, for the same result. That is the threshold taken back, where a value equal to it has
 * the same result both ways: 0.8 for `x * 100 > 80`. Where rounding decides otherwise it is the double at which the result changes: just
 * below 0.07 for `x * 100 > 7`, since 0.07 * 100 is above 7. Computed values equal a threshold that they are near to, so that rounding
 * does not matter. Undefined where there is no such threshold.
 */
export function beforeSteps(steps: readonly Step[], limit: Limit, isComputed: boolean): Limit | undefined {
  if (steps.length === 0) return limit;
  const undone = steps.reduceRight((result, step) => meaningOf(step)!.undo(result, step.constant), limit.threshold);
  const falls = steps.filter(isFalling).length % 2 === 1;
  const operator = falls ? mirrored[limit.operator] : limit.operator;
  if (!Number.isFinite(undone)) return undefined;
  if (isComputed) return { operator, threshold: undone };
  const isWanted = (value: number): boolean =>
    comparisons[limit.operator].breaches(
      steps.reduce((result, step) => meaningOf(step)!.apply(result, step.constant), value),
      limit.threshold,
    );
  if (comparisons[operator].breaches(undone, undone) === isWanted(undone)) return { operator, threshold: undone };
  const around = neighbours(undone);
  const nearestFirst = around.toSorted((one, other) => Math.abs(one - undone) - Math.abs(other - undone));
  const threshold = nearestFirst.find((candidate) =>
    around.every((value) => comparisons[operator].breaches(value, candidate) === isWanted(value)),
  );
  return threshold === undefined ? undefined : { operator, threshold };
}

function neighbours(value: number): number[] {
  const around = [value];
  let [low, high] = [value, value];
  for (let count = 0; count < neighboursMax; count += 1) {
    low = next(low, -1);
    high = next(high, 1);
    around.unshift(low);
    around.push(high);
  }
  return around.filter(Number.isFinite);
}

/** The nearest double on one side. */
function next(value: number, side: 1 | -1): number {
  if (value === 0) return side * Number.MIN_VALUE;
  const bits = new BigInt64Array(1);
  const doubles = new Float64Array(bits.buffer);
  doubles[0] = value;
  bits[0] = bits[0]! + BigInt(value > 0 === side > 0 ? 1 : -1);
  return doubles[0];
}
