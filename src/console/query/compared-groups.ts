import { GroupMembers } from '../../alarm/group-values.ts';
import { seriesKey } from '../../metric/series.ts';
import { groupOf, groupSubject, subjectKey, type Subject } from '../../metric/subject.ts';
import { concerns, valuesMade, type Condition, type Grouping } from '../../rule/condition.ts';
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
    if (!concerns(condition, series.tags)) continue;
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

/** Oldest first: so each member counts as of its own newest sample. */
function valueOf(condition: Condition, grouping: Grouping, members: readonly SeriesSeen[]): number | undefined {
  const group = new GroupMembers(grouping);
  for (const series of members) {
    const { isFirst, isSecond } = valuesMade(condition, series.tags);
    const first = isFirst ? measuredOf(condition, series).value : undefined;
    const second = isSecond ? measuredOf(grouping.divideBy!, series).value : undefined;
    if ((isFirst && first === undefined) || (isSecond && second === undefined)) return undefined;
    const member = { name: condition.metricName, tags: series.tags };
    group.set(seriesKey(member.name, member.tags), member, { first, second }, series.lastMs);
  }
  return group.value;
}
