import { linkFillBackMs, linkTally } from './link-tally.ts';
import type { MeasureType, WindowCalculator } from './measure.ts';
import { nounWords } from './measure-words.ts';
import { riseOf } from './rise-of-links.ts';
import { SampleWindow } from './sample-window.ts';

export const windowDeltaType: MeasureType = {
  hasWindow: true,
  isComputed: true,
  words: /* @__PURE__ */ nounWords('change', '{name} has changed by {value} over the last {window}'),
};

/** The newest value less that at T - W, which lies on the crossing link; without one, less the oldest. */
const tally = /* @__PURE__ */ linkTally(
  () => 0,
  (links) => riseOf(links, links.previous),
);

export const windowDelta: WindowCalculator = {
  create: ({ windowMs }) => new SampleWindow(windowMs, tally),
  hasSampleScale: false,
  fillBackMs: linkFillBackMs,
  ofTotals: () => undefined,
};
