// The types of measure. A new one is a file of its own, and its lines in the type and the two tables below.
import type { MeasureType, WindowCalculator } from './measure.ts';
import { windowAverage, windowAverageType } from './window-average.ts';

/** A rule's `type`. */
export type RuleType = 'instantaneous' | 'window_average';

export const measures: Record<RuleType, MeasureType> = {
  instantaneous: { hasWindow: false, isComputed: false, words: { verb: 'is', verbPast: 'was', noun: 'Value' } },
  window_average: windowAverageType,
};

/** Apart from `measures`, so that the web page loads no calculator. Undefined without a window. */
export const calculators: Record<RuleType, WindowCalculator | undefined> = {
  instantaneous: undefined,
  window_average: windowAverage,
};

export const ruleTypes = Object.keys(measures) as readonly RuleType[];

/** The types that need `window_duration_seconds`. */
export const windowTypes = ruleTypes.filter((type) => measures[type].hasWindow);

export function isRuleType(value: unknown): value is RuleType {
  return typeof value === 'string' && Object.hasOwn(measures, value);
}

export function needsWindow(type: unknown): boolean {
  return isRuleType(type) && measures[type].hasWindow;
}
