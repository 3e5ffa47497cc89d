import { GroupValues, groupValue } from '../../alarm/group-values.ts';
import { seriesKey } from '../../metric/series.ts';
import { groupOf, groupSubject, subjectKey, type Subject } from '../../metric/subject.ts';
import { tagsMatch } from '../../rule/matcher.ts';
import type { Condition, Grouping, MeasuredSeries } from '../../rule/condition.ts';
import type { SeriesSeen } from '../live/metric-catalogue.ts';
import { measuredOf } from './measured.ts';

/** A group of a rule, as far as the console has seen its members. */
export interface ComparedGroup {
  readonly subject: Subject;
  /** Undefined: nothing would be evaluated, or a window reaches back further than what is held here. */
  readonly value: number | undefined;
  /** The member that sent last. */
  readonly newest: SeriesSeen;
}

/** The groups that a rule makes of the series of its metric, and what it compares of each now. */
export function comparedGroups(condition: Condition, all: Iterable<SeriesSeen>): readonly ComparedGroup[] {
  const { grouping, metricName } = condition;
  if (grouping === undefined) return [];
  const groups = new Map<string, { readonly subject: Subject; readonly members: SeriesSeen[] }>();
  for (const series of all) {
    if (!isOf(condition, series) && !isOf(grouping.divideBy, series)) continue;
    const subject = groupSubject(metricName, groupOf(grouping.by, series.tags));
    const key = subjectKey(subject);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { subject, members: [series] });
    else known.members.push(series);
  }
  return [...groups.values()].map(({ subject, members }) => {
    const inOrder = members.toSorted((one, other) => one.lastMs - other.lastMs);
    return { subject, value: valueOf(condition, grouping, inOrder), newest: inOrder.at(-1)! };
  });
}

function isOf(wanted: MeasuredSeries | undefined, { tags }: SeriesSeen): boolean {
  return wanted !== undefined && tagsMatch(wanted.tags, tags);
}

/** Oldest first: so each member counts as of its own newest sample. */
function valueOf(condition: Condition, grouping: Grouping, members: readonly SeriesSeen[]): number | undefined {
  const { aggregate, where, isComputed, staleMs, divideBy } = grouping;
  if (aggregate === undefined) return undefined;
  const first = new GroupValues({ aggregate, where, isComputed, staleMs });
  const second = divideBy && new GroupValues({ aggregate, isComputed, staleMs });
  for (const series of members) {
    const key = seriesKey(condition.metricName, series.tags);
    for (const [values, wanted] of [[first, condition] as const, [second, divideBy] as const]) {
      if (values === undefined || wanted === undefined || !isOf(wanted, series)) continue;
      const value = measuredOf(wanted, series).value;
      if (value === undefined) return undefined;
      values.set(key, { name: condition.metricName, tags: series.tags }, value, series.lastMs);
    }
  }
  const groupMs = members.at(-1)!.lastMs;
  first.expire(groupMs);
  second?.expire(groupMs);
  return groupValue({ first, second }, grouping);
}
