import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';

/** What a rule is doing: the gravest state of its alarms, or that it is disabled. */
type RuleState = 'firing' | 'pending' | 'ok' | 'disabled';

export interface RuleSummary {
  readonly entry: RuleEntry;
  readonly state: RuleState;
  readonly firing: number;
  readonly pending: number;
  /** Series that have been seen. */
  readonly series: number;
  /** The longest firing alarm, or else the longest pending one. */
  readonly worst: AlarmRecord | undefined;
}

export function summarize(entry: RuleEntry, alarms: Iterable<AlarmRecord>): RuleSummary {
  let [firing, pending, series] = [0, 0, 0];
  let worst: AlarmRecord | undefined;
  for (const alarm of alarms) {
    series++;
    if (alarm.state.state === 'ok') continue;
    if (alarm.state.state === 'firing') firing++;
    else pending++;
    if (worst === undefined || isGraver(alarm, worst)) worst = alarm;
  }
  const enabled = entry.condition.enabled;
  const state = !enabled ? 'disabled' : firing > 0 ? 'firing' : pending > 0 ? 'pending' : 'ok';
  return { entry, state, firing, pending, series, worst };
}

const gravity = { firing: 0, pending: 1, ok: 2 };

/** Orders alarms: firing ones first, then pending ones, each longest first. */
function isGraver(one: AlarmRecord, other: AlarmRecord): boolean {
  return compareSeverity(one, other) < 0;
}

export function compareSeverity(one: AlarmRecord, other: AlarmRecord): number {
  const [a, b] = [one.state, other.state];
  if (a.state !== b.state) return gravity[a.state] - gravity[b.state];
  if (a.state !== 'ok' && b.state !== 'ok' && a.sinceMs !== b.sinceMs) return a.sinceMs - b.sinceMs;
  return one.series.name < other.series.name ? -1 : one.series.name > other.series.name ? 1 : 0;
}
