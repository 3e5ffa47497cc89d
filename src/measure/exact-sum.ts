/**
 * Sums that do not drift, however many values are added and taken off again. A sum is three doubles of an array: the sum, its
 * rest (Dekker 1971, Knuth's two-sum), and at most how much even these two have lost. When that could matter, the sum is made
 * afresh (Shewchuk 1997, as Python's fsum); for values of like size it never does.
 */

/** How many doubles a sum is. */
export const sumDoubles = 3;
const restAt = 1;
const lostAt = 2;

/**
 * What a sum may have lost, relative to itself. The contract is 1e-9; this is so little that a window that was filled from the log
 * gives the same value, to the last digit, as one that has always run.
 */
const relativeLossMax = 1e-22;

/** Adds to the sum that begins at `at`. */
export function addToSum(state: number[], at: number, value: number): void {
  const before = state[at]!;
  const restBefore = state[at + restAt]!;
  const sum = before + value;
  const low = lostInSum(before, value, sum);
  const rest = restBefore + low;
  const total = sum + rest;
  state[at + lostAt]! += Math.abs(lostInSum(restBefore, low, rest));
  state[at] = total;
  state[at + restAt] = lostInSum(sum, rest, total);
}

export function clearSum(state: number[], at: number): void {
  state[at] = 0;
  state[at + restAt] = 0;
  state[at + lostAt] = 0;
}

/** The sum will be taken off again with this error. */
export function noteLoss(state: number[], at: number, lost: number): void {
  state[at + lostAt]! += Math.abs(lost);
}

/** Whether the sum must be made afresh before it is read. */
export function hasLostTooMuch(state: readonly number[], at: number): boolean {
  // Not a number once the sum has overflowed.
  return !(state[at + lostAt]! <= relativeLossMax * Math.abs(state[at]!));
}

/** Sets the sum to that of `parts`, which addExactly has made. */
export function setSum(state: number[], at: number, parts: readonly number[]): void {
  clearSum(state, at);
  for (const part of parts.toReversed()) addToSum(state, at, part);
}

/** What rounding took from the sum of two doubles, exactly. */
export function lostInSum(one: number, other: number, sum: number): number {
  const back = sum - one;
  return one - (sum - back) + (other - back);
}

/** Adds a product to the sum that begins at `at`, what rounding takes from it included. */
export function addProduct(state: number[], at: number, one: number, other: number): void {
  const product = one * other;
  addToSum(state, at, product);
  addToSum(state, at, lostInProduct(one, other, product));
}

/** Veltkamp's splitter: 2^27 + 1. */
const splitter = 134_217_729;

/** What rounding took from the product of two doubles, exactly (Dekker 1971); both are below 2^996. */
export function lostInProduct(one: number, other: number, product: number): number {
  const oneShifted = one * splitter;
  const oneHigh = oneShifted - (oneShifted - one);
  const oneLow = one - oneHigh;
  const otherShifted = other * splitter;
  const otherHigh = otherShifted - (otherShifted - other);
  const otherLow = other - otherHigh;
  return oneLow * otherLow - (product - oneHigh * otherHigh - oneLow * otherHigh - oneHigh * otherLow);
}

/** Adds to a sum kept as doubles that do not overlap, in growing size: exact for any number of them. */
export function addExactly(parts: number[], value: number): void {
  let rest = value;
  let kept = 0;
  for (const part of parts) {
    const sum = rest + part;
    const lost = lostInSum(rest, part, sum);
    if (lost !== 0) {
      parts[kept] = lost;
      kept += 1;
    }
    rest = sum;
  }
  parts.length = kept;
  parts.push(rest);
}

/** A sum of any numbers, exact however much is added and taken off again: to take a value off, add its negative. */
export class ExactSum {
  readonly #parts: number[] = [];

  add(value: number): void {
    addExactly(this.#parts, value);
  }

  /** Not finite once the sum has left the range of doubles: then it must be made afresh. */
  get value(): number {
    return this.#parts.reduce((sum, part) => sum + part, 0);
  }
}

/** A value of a rule is finite: one that has left the range of doubles is the last within it. */
export function finite(value: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
}
