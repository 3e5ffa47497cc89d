// What a chart draws of a rule: what it compares, and the series that this is made of.
import type { SamplesView } from '../../../wire/metrics.ts';
import { hasMemberScale } from '../../../rule/aggregate.ts';
import { hasComputedValue } from '../../../rule/condition.ts';
import type { Rule } from '../../../rule/rule.ts';
import type { ChartProps } from './chart.tsx';

export function linesOf(
  rule: Partial<Rule>,
  { series, members }: SamplesView,
): Pick<ChartProps, 'series' | 'members' | 'isComputed'> {
  return {
    series,
    members: members && { ...members, isSameScale: hasMemberScale(rule) },
    isComputed: hasComputedValue(rule),
  };
}

/** What the lines are: samples, or what is compared of groups. */
export function linesText({ members }: SamplesView): string {
  return members === undefined ? 'Samples' : 'Compared value';
}

/** Of many lines those are drawn that are nearest to the threshold. */
export function closestText({ series, series_total: total, members }: SamplesView): string {
  return `${series.length} of ${total} ${members === undefined ? 'series' : 'groups'}, closest to the threshold`;
}
