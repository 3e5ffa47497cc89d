import type { MeasureType, WindowCalculator } from './measure.ts';
import { nounWords } from './measure-words.ts';
import { SampleWindow, windowFillBackMs } from './sample-window.ts';
import { finite } from './exact-sum.ts';
import { sumTally } from './window-sum-tally.ts';

export const windowSumType: MeasureType = {
  hasWindow: true,
  isComputed: true,
  words: /* @__PURE__ */ nounWords('sum'),
};

const tally = /* @__PURE__ */ sumTally(({ sum, scale }) => finite(sum / scale));

export const windowSum: WindowCalculator = {
  create: ({ windowMs }) => new SampleWindow(windowMs, tally),
  hasSampleScale: false,
  fillBackMs: windowFillBackMs,
  ofTotals: ({ sum }) => sum,
};
