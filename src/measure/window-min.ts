import { extremeTally } from './extreme-tally.ts';
import type { MeasureType, WindowCalculator } from './measure.ts';
import { nounWords } from './measure-words.ts';
import { SampleWindow, windowFillBackMs } from './sample-window.ts';

export const windowMinType: MeasureType = {
  hasWindow: true,
  isComputed: false,
  words: /* @__PURE__ */ nounWords('minimum'),
};

const tally = /* @__PURE__ */ extremeTally((value, other) => value <= other);

export const windowMin: WindowCalculator = {
  create: ({ windowMs }) => new SampleWindow(windowMs, tally),
  hasSampleScale: true,
  fillBackMs: windowFillBackMs,
  ofTotals: () => undefined,
};
