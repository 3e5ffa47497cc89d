import type { MeasureType } from './measure.ts';

/** The value of the newest sample. */
export const instantaneous: MeasureType = {
  window: undefined,
  words: { verb: 'is', verbPast: 'was', noun: 'Value' },
};
