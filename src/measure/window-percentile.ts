/** A percentile with linear interpolation, of the newest 4,096 samples in the window: they are also held in the order of their values. */
import { addProduct, clearSum, sumDoubles } from './exact-sum.ts';
import type { MeasureType, WindowCalculator } from './measure.ts';
import { nounWords } from './measure-words.ts';
import { SampleWindow, windowFillBackMs, type Cell, type Tally } from './sample-window.ts';
import { SortedValues } from './sorted-values.ts';

export const windowPercentileType: MeasureType = {
  hasWindow: true,
  hasPercentile: true,
  isComputed: true,
  words: /* @__PURE__ */ nounWords('percentile'),
};

interface Ranked {
  readonly values: SortedValues;
  readonly percentile: number;
}

const tally: Tally<Cell, Ranked> = {
  doubles: 0,
  holdsNewestAlone: true,
  clear() {},
  entered: (window, index) => window.own.values.add(window.valueAt(index)),
  leaving: (window) => window.own.values.remove(window.valueAt(0)),
  newCell: (_window, bucket, newestMs) => ({ bucket, newestMs, count: 1 }),
  merging() {},
  enteredCell() {},
  cellLeaving() {},
  value: ({ own: { values, percentile } }) => (values.count === 0 ? undefined : percentileOf(values, percentile)),
  ownBytes: ({ values }) => values.bytes,
};

export const windowPercentile: WindowCalculator = {
  create: ({ windowMs, percentile = 50 }) =>
    new SampleWindow(windowMs, tally, { values: new SortedValues(), percentile }),
  hasSampleScale: true,
  fillBackMs: windowFillBackMs,
  ofTotals: () => undefined,
};

/** What a percentile may have lost, relative to itself. */
const relativeLossMax = 1e-11;
/** Values from this size on are scaled, so that no product of them overflows. */
const largeValue = 2 ** 900;
const smallScale = 2 ** -64;
const between = Array.from({ length: sumDoubles }, () => 0);

function percentileOf(values: SortedValues, percentile: number): number {
  const hundredths = percentile * (values.count - 1);
  const rank = Math.floor(hundredths / 100);
  const share = hundredths - 100 * rank;
  const low = values.at(rank);
  if (share === 0) return low;
  const high = values.at(rank + 1);
  if (low === high) return low;
  const plain = low + (high - low) * (share / 100);
  if (
    4 * Number.EPSILON * (Math.abs(low) + Math.abs(high)) <= relativeLossMax * Math.abs(plain) &&
    Number.isFinite(plain)
  )
    return plain;
  const scale = Math.max(Math.abs(low), Math.abs(high)) < largeValue ? 1 : smallScale;
  clearSum(between, 0);
  addProduct(between, 0, low * scale, 100 - share);
  addProduct(between, 0, high * scale, share);
  return between[0]! / 100 / scale;
}
