import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import { firstSorted } from '../../base/first-sorted.ts';
import { subjectKey, type Subject } from '../../metric/subject.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { MetricCatalogue } from '../live/metric-catalogue.ts';
import { comparedSeries, compareNearness, type ComparedSeries } from './rule-glance.ts';

/** A series of a rule: what was seen of it lately, what its alarm is, or both. */
export interface SeriesOfRule {
  readonly subject: Subject;
  /** undefined: it has not spoken since this console began. */
  readonly seen: ComparedSeries | undefined;
  /** undefined: the rule has nothing to remember of it. */
  readonly alarm: AlarmRecord | undefined;
}

const unseen = { isOld: true, by: -Infinity };
const ranks = { firing: 0, pending: 1, ok: 2 } as const;

/** The series of a rule: what fires, what is pending, then what is nearest to the threshold; of each what still speaks first. */
export function seriesOfRule(
  { rule, condition }: RuleEntry,
  { live, catalogue, nowMs }: { readonly live: LiveStore; readonly catalogue: MetricCatalogue; readonly nowMs: number },
  limit: number,
): { readonly first: SeriesOfRule[]; readonly total: number } {
  const { alarms } = live;
  const known = catalogue.get(rule.metric_name)?.series ?? new Map<string, never>();
  function* all(): Generator<SeriesOfRule> {
    const compared = new Set<string>();
    for (const seen of comparedSeries(condition, known.values(), nowMs)) {
      const key = subjectKey(seen.subject);
      compared.add(key);
      yield { subject: seen.subject, seen, alarm: alarms.get(rule.id, key) };
    }
    for (const alarm of alarms.ofRule(rule.id))
      if (!compared.has(subjectKey(alarm.series))) yield { subject: alarm.series, seen: undefined, alarm };
  }
  return firstSorted(all(), compare, limit);
}

function compare(one: SeriesOfRule, other: SeriesOfRule): number {
  const [rank, otherRank] = [one, other].map(({ alarm }) => ranks[alarm?.state.state ?? 'ok']) as [number, number];
  return rank - otherRank || compareNearness(one.seen ?? unseen, other.seen ?? unseen);
}
