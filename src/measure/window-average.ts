import type { MeasureParameters, MeasureType, WindowCalculator } from './measure.ts';
import { SampleWindow, windowFillBackMs } from './sample-window.ts';
import { sumTally } from './window-sum-tally.ts';

export const windowAverageType: MeasureType = {
  hasWindow: true,
  isComputed: true,
  words: {
    verb: 'averages',
    verbPast: 'averaged',
    noun: 'Average',
    sentence: '{name} has averaged {value} over the last {seconds} s',
  },
};

const tally = /* @__PURE__ */ sumTally(({ sum, rest, scale }, count) => {
  const mean = quotient(sum, rest, count);
  return scale === 1 ? mean : mean / scale;
});

export const windowAverage = {
  create: ({ windowMs }: MeasureParameters) => new SampleWindow(windowMs, tally),
  hasSampleScale: true,
  fillBackMs: windowFillBackMs,
  ofTotals: ({ sum, count }) => sum / count,
} satisfies WindowCalculator;

/**
 * (sum + rest) / count, rounded once: the mean of equal values is that value, and so not beyond a threshold equal to it.
 * The remainder is exact because each half of the quotient (Veltkamp's split) times a count below 2^26 is.
 */
function quotient(sum: number, rest: number, count: number): number {
  const first = sum / count;
  const shifted = first * 134_217_729;
  const high = shifted - (shifted - first);
  const low = first - high;
  return first + (sum - high * count - low * count + rest) / count;
}
