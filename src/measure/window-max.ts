import { extremeTally } from './extreme-tally.ts';
import type { MeasureType, WindowCalculator } from './measure.ts';
import { nounWords } from './measure-words.ts';
import { SampleWindow, windowFillBackMs } from './sample-window.ts';

export const windowMaxType: MeasureType = {
  hasWindow: true,
  isComputed: false,
  words: /* @__PURE__ */ nounWords('maximum'),
};

const tally = /* @__PURE__ */ extremeTally((value, other) => value >= other);

export const windowMax: WindowCalculator = {
  create: ({ windowMs }) => new SampleWindow(windowMs, tally),
  hasSampleScale: true,
  fillBackMs: windowFillBackMs,
  ofTotals: () => undefined,
};
