import { calculators, fillBackMs } from '../../measure/measures.ts';
import type { Condition } from '../../rule/condition.ts';
import { isHeldSince, type SeriesSeen } from '../live/metric-catalogue.ts';

type Measured = Pick<Condition, 'type' | 'windowMs' | 'percentile'>;

/**
 * What the rule compares now: the last value, or the mean of its window, whose far edge is as exact as a point. A mean of a part of
 * the window is another number than the one that is judged, and would contradict the alarm beside it: there is none then.
 */
export function measuredOf(
  condition: Measured,
  series: SeriesSeen,
): { readonly value: number | undefined; readonly samples: number | undefined } {
  const { type, windowMs } = condition;
  const calculator = calculators[type];
  if (calculator === undefined) return { value: series.lastValue, samples: undefined };
  const fromMs = series.lastMs - windowMs;
  if (!isHeldSince(series, fromMs)) return { value: undefined, samples: undefined };
  let [sum, count] = [0, 0];
  for (let index = series.t.length - 1; index >= 0 && series.t[index]! > fromMs; index--) {
    sum += series.sum[index]!;
    count += series.count[index]!;
  }
  // A window that is shorter than a point may have none that is wholly in it.
  if (count === 0) return { value: undefined, samples: undefined };
  const value = calculator.ofTotals({ sum, count }) ?? measured(condition, series);
  return value === undefined ? { value, samples: undefined } : { value, samples: count };
}

/** The value by its calculator, where each point that it needs is a single sample: of a series that is not faster than the points. */
function measured({ type, windowMs, percentile }: Measured, series: SeriesSeen): number | undefined {
  const fromMs = series.lastMs - fillBackMs(type, windowMs);
  const first = series.t.findIndex((timeMs) => timeMs > fromMs);
  if (!isHeldSince(series, fromMs) || series.count.slice(first).some((count) => count > 1)) return undefined;
  const measure = calculators[type]?.create({ windowMs, percentile });
  let value: number | undefined;
  for (let index = first; index < series.t.length; index++)
    value = measure?.add(series.t[index]!, series.value[index]!);
  return value;
}
