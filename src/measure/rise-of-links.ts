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
/** At most so much of each value is lost in a sum of a few. */
const lossOfDoubles = 8 * Number.EPSILON;

const rise = Array.from({ length: sumDoubles }, () => 0);

/** `links.weight` is what the links have beside their differences. `start`: from where the crossing link rises to the first value. */
export function riseOf(links: Links, start: number): number {
  const { first, last, weight, weightRest, spanMs, insideMs } = links;
  if (weight === 0 && last === first && start === first) return 0;
  const plain = last - first + weight + (first - start) * (insideMs / spanMs);
  const size = Math.abs(last) + Math.abs(first) + Math.abs(weight) + Math.abs(start);
  const isExact = lossOfDoubles * size + links.weightLost <= relativeLossMax * Math.abs(plain);
  if (isExact && Number.isFinite(plain)) return plain;
  clearSum(rise, 0);
  addProduct(rise, 0, last, spanMs);
  addProduct(rise, 0, -first, spanMs);
  addProduct(rise, 0, first, insideMs);
  addProduct(rise, 0, -start, insideMs);
  addProduct(rise, 0, weight, spanMs);
  addToSum(rise, 0, weightRest * spanMs);
  const lost = rise[2]! + links.weightLost * spanMs;
  // Not a number where something has overflowed.
  if (lost <= relativeLossMax * Math.abs(rise[0]!)) return finite(rise[0]! / spanMs);
  const exact = exactRise(links, start, 1);
  return finite(Number.isFinite(exact) ? exact : exactRise(links, start, smallScale) / smallScale);
}

function exactRise(links: Links, start: number, scale: number): number {
  const { first, last, spanMs, insideMs } = links;
  const terms: (readonly [value: number, times: number])[] = [
    [last * scale, spanMs],
    [-first * scale, spanMs],
    [first * scale, insideMs],
    [-start * scale, insideMs],
    ...links.exactWeights(scale).map((part) => [part, spanMs] as const),
  ];
  const sum: number[] = [];
  for (const [value, times] of terms) {
    const product = value * times;
    addExactly(sum, product);
    addExactly(sum, lostInProduct(value, times, product));
  }
  return sum.reduce((total, part) => total + part, 0) / spanMs;
}
