import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import { levelOf } from '../../alarm/level-states.ts';
import { tagsIfAny } from '../../metric/sample.ts';
import type { AlarmView } from '../../wire/alarms.ts';

/** An alarm as all routes of the console show it. */
export function shownAlarm({ ruleId, series, state, x, timeMs }: AlarmRecord, currentValue?: number): AlarmView {
  const firing = state.state === 'firing' ? state : undefined;
  return {
    rule_id: ruleId,
    metric_name: series.name,
    tags: tagsIfAny(series.tags),
    group: series.group,
    state: state.state,
    since_ms: state.state === 'ok' ? undefined : state.sinceMs,
    value: x ?? null,
    current_value: currentValue,
    time_ms: timeMs,
    cause: firing?.cause,
    notified: firing?.notified,
    deferred: firing === undefined ? undefined : firing.deferred !== undefined,
    silent_since_ms: firing?.silentSinceMs,
    level: firing && levelOf(firing),
    alarm_id: firing?.alarmId,
  };
}
