import { linkFillBackMs, linkTally, type Links } from './link-tally.ts';
import type { MeasureType, WindowCalculator } from './measure.ts';
import { nounWords } from './measure-words.ts';
import { riseOf } from './rise-of-links.ts';
import { SampleWindow } from './sample-window.ts';

export const windowIncreaseType: MeasureType = {
  hasWindow: true,
  isComputed: true,
  words: /* @__PURE__ */ nounWords('increase', '{name} has increased by {value} over the last {window}', 'an'),
};

/** After a reset a counter has risen by its value, and so by the previous one more than the two differ. */
export const resetWeight = (previous: number, value: number): number => (value < previous ? previous : 0);

/** Undefined without any previous sample. */
export function increaseOf(links: Links): number | undefined {
  if (links.count === 1 && !links.hasCrossing) return undefined;
  return riseOf(links, links.first < links.previous ? 0 : links.previous);
}

const tally = /* @__PURE__ */ linkTally(resetWeight, increaseOf);

export const windowIncrease: WindowCalculator = {
  create: ({ windowMs }) => new SampleWindow(windowMs, tally),
  hasSampleScale: false,
  fillBackMs: linkFillBackMs,
  ofTotals: () => undefined,
};
