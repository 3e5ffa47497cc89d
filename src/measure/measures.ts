import type { MeasureType } from './measure.ts';
import { instantaneous } from './instantaneous.ts';
import { windowAverage } from './window-average.ts';

/** A rule's `type`. */
export type RuleType = 'instantaneous' | 'window_average';

export const measures: Record<RuleType, MeasureType> = {
  instantaneous,
  window_average: windowAverage,
};

export const ruleTypes = Object.keys(measures) as readonly RuleType[];

/** The types that need `window_duration_seconds`. */
export const windowTypes = ruleTypes.filter((type) => measures[type].window !== undefined);

export function isRuleType(value: unknown): value is RuleType {
  return typeof value === 'string' && Object.hasOwn(measures, value);
}
