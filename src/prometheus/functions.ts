// PromQL's functions: those that a rule has a measure for, and why the others have none.
import type { RuleType } from '../measure/measures.ts';

/** Functions of a range, with the measure that says the same. */
export const rangeFunctions: Readonly<Record<string, RuleType>> = {
  avg_over_time: 'window_average',
  min_over_time: 'window_min',
  max_over_time: 'window_max',
  sum_over_time: 'window_sum',
  count_over_time: 'window_count',
  stddev_over_time: 'window_stddev',
  quantile_over_time: 'window_percentile',
  delta: 'window_delta',
  increase: 'window_increase',
  rate: 'window_rate',
  changes: 'window_changes',
  // The newest sample, which counts for as long as the range is.
  last_over_time: 'instantaneous',
};

/** Those that have no value of one sample alone. */
export const ofTwoSamples: ReadonlySet<RuleType> = new Set<RuleType>([
  'window_delta',
  'window_increase',
  'window_rate',
]);

const twoSamples = 'it is made of the newest two samples alone, and no measure is';
const regression = 'it fits a line to the samples, and no measure does';
const clock = 'it depends on the time of the evaluation, and a rule depends on samples alone';
const labels = 'it changes labels, and a rule has the tags of its series';
const histogram = 'it reads the buckets of a histogram, and a rule compares single values';
const curve = 'a rule compares the value itself, not a function of it';

/** By function. Whatever is not here has the general reason. */
const reasons: Readonly<Record<string, string>> = {
  irate: twoSamples,
  idelta: twoSamples,
  deriv: regression,
  predict_linear: regression,
  holt_winters: 'it smooths the samples, and no measure does',
  double_exponential_smoothing: 'it smooths the samples, and no measure does',
  resets: 'it counts the resets of a counter, and no measure does',
  stdvar_over_time: 'no measure is a variance',
  mad_over_time: 'no measure is a median deviation',
  present_over_time: 'it is always 1',
  time: clock,
  timestamp: 'a rule compares values, not their times',
  minute: clock,
  hour: clock,
  day_of_week: clock,
  day_of_month: clock,
  day_of_year: clock,
  days_in_month: clock,
  month: clock,
  year: clock,
  label_replace: labels,
  label_join: labels,
  histogram_quantile: histogram,
  histogram_fraction: histogram,
  histogram_avg: histogram,
  histogram_count: histogram,
  histogram_sum: histogram,
  abs: curve,
  ceil: curve,
  floor: curve,
  round: curve,
  clamp: curve,
  clamp_max: curve,
  clamp_min: curve,
  sqrt: curve,
  exp: curve,
  ln: curve,
  log2: curve,
  log10: curve,
  sgn: curve,
  vector: 'it is no series',
  scalar: 'a rule compares with a constant',
};

export function reasonAgainst(name: string): string {
  return `${name}() has no counterpart: ${reasons[name] ?? 'no measure says the same'}`;
}
