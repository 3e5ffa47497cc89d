import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import type { AlarmState } from '../../alarm/alarm-state.ts';
import { seriesKey } from '../../metric/series.ts';
import { subjectKey, type Subject } from '../../metric/subject.ts';
import type { Condition } from '../../rule/condition.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import { hasFallenSilent, type MetricCatalogue } from '../live/metric-catalogue.ts';
import { comparedGroups } from './compared-groups.ts';
import { measuredOf } from './measured.ts';

/** What an alarm's rule compares now; undefined where that is not known. */
export type CurrentValue = (alarm: AlarmRecord) => number | undefined;

/**
 * An alarm's state is written when it comes to be, and not again while it lasts: for hours it tells of the value that it fired at.
 * What its series says now stands in the catalogue, unless it has fallen silent, or was not looked at since the alarm's own sample.
 */
export function currentValues(
  catalogue: MetricCatalogue,
  { book }: Pick<RuleFeed, 'book'>,
  now: () => number,
): CurrentValue {
  return ({ ruleId, series: { name, tags, group }, state, timeMs }) => {
    if (state.state === 'ok' || isSilent(state)) return undefined;
    const condition = book.get(ruleId)?.condition;
    if (condition === undefined) return undefined;
    if (group !== undefined) return groupNow(condition, { name, tags, group }, catalogue, now());
    const seen = catalogue.get(name)?.series.get(seriesKey(name, tags));
    if (seen === undefined) return undefined;
    return seen.lastMs < timeMs || hasFallenSilent(seen, now()) ? undefined : measuredOf(condition, seen).value;
  };
}

function groupNow(
  condition: Condition,
  subject: Subject,
  catalogue: MetricCatalogue,
  nowMs: number,
): number | undefined {
  const all = catalogue.get(subject.name)?.series.values() ?? [];
  const group = comparedGroups(condition, all).find((one) => subjectKey(one.subject) === subjectKey(subject));
  return group === undefined || hasFallenSilent(group.newest, nowMs) ? undefined : group.value;
}

/** Nothing is received of its series: what it said last is not how it is now. */
function isSilent(state: AlarmState): boolean {
  return state.state === 'firing' && (state.cause === 'no_data' || state.silentSinceMs !== undefined);
}
