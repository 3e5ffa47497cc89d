/**
 * The sum of the differences along the links of a window. It is the last value less the first, and of the crossing link only its share
 * inside the window: so nothing adds up, and nothing drifts. Where huge values cancel each other out, all is summed afresh, exactly.
 */
import { addExactly, addProduct, addToSum, clearSum, finite, lostInProduct, sumDoubles } from './exact-sum.ts';
import type { Links } from './link-tally.ts';

/** Where sums overflow, values are scaled by this. */
const smallScale = 2 ** -64;
/** What a rise may have lost, relative to itself. */
const relativeLossMax = 1e-11;

const rise = Array.from({ length: sumDoubles }, () => 0);

/**
 * `links.weight` is what the links have beside their differences. `startOf`: the value from which the crossing link rises to the first
 * one.
 */
export function riseOf(links: Links, startOf: (previous: number, first: number) => number): number {
  const { weight, weightRest, weightLost, crossing } = links;
  const spanMs = crossing?.spanMs ?? 1;
  clearSum(rise, 0);
  for (const [value, times] of termsOf(links, startOf)) addProduct(rise, 0, value, times);
  addProduct(rise, 0, weight, spanMs);
  addToSum(rise, 0, weightRest * spanMs);
  const lost = rise[2]! + weightLost * spanMs;
  // Not a number where something has overflowed.
  if (lost <= relativeLossMax * Math.abs(rise[0]!)) return finite(rise[0]! / spanMs);
  const exact = exactRise(links, startOf, 1);
  return finite(Number.isFinite(exact) ? exact : exactRise(links, startOf, smallScale) / smallScale);
}

/** The last value less the first, and the share of the crossing link, all times its length. */
function termsOf({ first, last, crossing }: Links, startOf: (previous: number, first: number) => number) {
  const [to, from] = [last, -first];
  if (crossing === undefined)
    return [
      [to, 1],
      [from, 1],
    ] as const;
  const { previous, spanMs, insideMs } = crossing;
  return [
    [to, spanMs],
    [from, spanMs],
    [-from, insideMs],
    [-startOf(previous, first), insideMs],
  ] as const;
}

function exactRise(links: Links, startOf: (previous: number, first: number) => number, scale: number): number {
  const spanMs = links.crossing?.spanMs ?? 1;
  const sum: number[] = [];
  const weights = links.exactWeights(scale).map((part) => [part, spanMs] as const);
  const terms = termsOf(links, startOf).map(([value, times]) => [value * scale, times] as const);
  for (const [value, times] of [...terms, ...weights]) {
    const product = value * times;
    addExactly(sum, product);
    addExactly(sum, lostInProduct(value, times, product));
  }
  return sum.reduce((total, part) => total + part, 0) / spanMs;
}
