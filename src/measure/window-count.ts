import type { MeasureType, WindowCalculator } from './measure.ts';
import { nounWords } from './measure-words.ts';
import { SampleWindow, windowFillBackMs, type Cell, type Tally } from './sample-window.ts';

export const windowCountType: MeasureType = {
  hasWindow: true,
  isComputed: false,
  words: /* @__PURE__ */ nounWords('sample count', '{name} has sent {value} samples over the last {window}'),
};

/** The window counts by itself. */
const tally: Tally<Cell> = {
  doubles: 0,
  clear() {},
  entered() {},
  leaving() {},
  newCell: (_window, bucket, timeMs) => ({ bucket, newestMs: timeMs, count: 1 }),
  merging() {},
  enteredCell() {},
  cellLeaving() {},
  value: ({ count }) => (count === 0 ? undefined : count),
};

export const windowCount: WindowCalculator = {
  create: ({ windowMs }) => new SampleWindow(windowMs, tally),
  hasSampleScale: false,
  fillBackMs: windowFillBackMs,
  ofTotals: ({ count }) => count,
};
