// The types of measure. A new one is a file of its own, and its lines in the type and the two tables below.
import type { MeasureType, WindowCalculator } from './measure.ts';
import { windowAverage, windowAverageType } from './window-average.ts';
import { windowChanges, windowChangesType } from './window-changes.ts';
import { windowCount, windowCountType } from './window-count.ts';
import { windowDelta, windowDeltaType } from './window-delta.ts';
import { windowIncrease, windowIncreaseType } from './window-increase.ts';
import { windowMax, windowMaxType } from './window-max.ts';
import { windowMin, windowMinType } from './window-min.ts';
import { windowPercentile, windowPercentileType } from './window-percentile.ts';
import { windowRate, windowRateType } from './window-rate.ts';
import { windowStddev, windowStddevType } from './window-stddev.ts';
import { windowSum, windowSumType } from './window-sum.ts';

/** A rule's `type`. */
export type RuleType =
  | 'instantaneous'
  | 'window_average'
  | 'window_min'
  | 'window_max'
  | 'window_sum'
  | 'window_count'
  | 'window_stddev'
  | 'window_percentile'
  | 'window_delta'
  | 'window_increase'
  | 'window_rate'
  | 'window_changes';

/** In the order in which people choose: what a newcomer needs first. */
export const measures: Record<RuleType, MeasureType> = {
  instantaneous: {
    hasWindow: false,
    isComputed: false,
    words: { verb: 'is', verbPast: 'was', noun: 'Value', sentence: '{name} {is} {value}' },
  },
  window_average: windowAverageType,
  window_min: windowMinType,
  window_max: windowMaxType,
  window_sum: windowSumType,
  window_count: windowCountType,
  window_stddev: windowStddevType,
  window_percentile: windowPercentileType,
  window_delta: windowDeltaType,
  window_increase: windowIncreaseType,
  window_rate: windowRateType,
  window_changes: windowChangesType,
};

/** Apart from `measures`, so that the web page loads no calculator. Undefined without a window. */
export const calculators: Record<RuleType, WindowCalculator | undefined> = {
  instantaneous: undefined,
  window_average: windowAverage,
  window_min: windowMin,
  window_max: windowMax,
  window_sum: windowSum,
  window_count: windowCount,
  window_stddev: windowStddev,
  window_percentile: windowPercentile,
  window_delta: windowDelta,
  window_increase: windowIncrease,
  window_rate: windowRate,
  window_changes: windowChanges,
};

/** How far before T the log must be read for a measure of this type; 0 without a window. */
export function fillBackMs(type: RuleType, windowMs: number): number {
  return calculators[type]?.fillBackMs(windowMs) ?? 0;
}

export const ruleTypes = Object.keys(measures) as readonly RuleType[];

/** The types that need `window_duration_seconds`. */
export const windowTypes = ruleTypes.filter((type) => measures[type].hasWindow);

/** The types that need `percentile`. */
export const percentileTypes = ruleTypes.filter((type) => measures[type].hasPercentile);

export function isRuleType(value: unknown): value is RuleType {
  return typeof value === 'string' && Object.hasOwn(measures, value);
}

/** The fields that some types need, and the others refuse. */
export const parameterTypes = { window_duration_seconds: windowTypes, percentile: percentileTypes } as const;

export type ParameterName = keyof typeof parameterTypes;

export const parameterNames = Object.keys(parameterTypes) as readonly ParameterName[];

export function isParameter(field: string): field is ParameterName {
  return Object.hasOwn(parameterTypes, field);
}

export function needsParameter(type: unknown, field: ParameterName): boolean {
  return isRuleType(type) && parameterTypes[field].includes(type);
}
