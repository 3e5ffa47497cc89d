import { linkFillBackMs, linkTally } from './link-tally.ts';
import type { MeasureType, WindowCalculator } from './measure.ts';
import { nounWords } from './measure-words.ts';
import { SampleWindow } from './sample-window.ts';

export const windowChangesType: MeasureType = {
  hasWindow: true,
  isComputed: false,
  words: /* @__PURE__ */ nounWords('number of changes', '{name} has changed {value} times over the last {window}'),
};

const differs = (previous: number, value: number): number => (value === previous ? 0 : 1);

const tally = /* @__PURE__ */ linkTally(differs, ({ weight, first, previous }) => weight + differs(previous, first));

export const windowChanges: WindowCalculator = {
  create: ({ windowMs }) => new SampleWindow(windowMs, tally),
  hasSampleScale: false,
  fillBackMs: linkFillBackMs,
  ofTotals: () => undefined,
};
