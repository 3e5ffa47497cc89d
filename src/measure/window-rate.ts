import { finite } from './exact-sum.ts';
import { linkFillBackMs, linkTally } from './link-tally.ts';
import type { MeasureType, WindowCalculator } from './measure.ts';
import { nounWords } from './measure-words.ts';
import { SampleWindow } from './sample-window.ts';
import { increaseOf, resetWeight } from './window-increase.ts';

export const windowRateType: MeasureType = {
  hasWindow: true,
  isComputed: true,
  words: /* @__PURE__ */ nounWords('rate', 'the rate of {name} {is} {value} per second over the last {window}'),
};

const tally = /* @__PURE__ */ linkTally(resetWeight, (links, windowMs) => {
  const increase = increaseOf(links);
  return increase === undefined ? undefined : finite(increase / (windowMs / 1_000));
});

export const windowRate: WindowCalculator = {
  create: ({ windowMs }) => new SampleWindow(windowMs, tally),
  hasSampleScale: false,
  fillBackMs: linkFillBackMs,
  ofTotals: () => undefined,
};
