import { Type } from 'typebox';
import type { AlarmRecord } from '../../alarm/alarm-record.ts';

/** An alarm as all routes of the console show it. */
export const AlarmSchema = Type.Object({
  rule_id: Type.String(),
  metric_name: Type.String(),
  tags: Type.Optional(Type.Record(Type.String(), Type.String())),
  state: Type.Enum(['firing', 'pending', 'ok']),
  since_ms: Type.Optional(Type.Number({ description: 'Since when it fires or is pending' })),
  value: Type.Union([Type.Number(), Type.Null()], {
    description: 'What was compared when this state began, or when a message was last due; null: no data',
  }),
  current_value: Type.Optional(
    Type.Number({ description: 'What is compared now, of an alarm that is firing or pending; left out: not known' }),
  ),
  time_ms: Type.Number({ description: 'The event time of the sample that this state comes from' }),
  cause: Type.Optional(Type.Enum(['breach', 'no_data'])),
  notified: Type.Optional(Type.Boolean()),
  owed: Type.Optional(Type.Boolean({ description: 'A notification waits for the cooldown' })),
  alarm_id: Type.Optional(Type.String({ description: 'Of this firing' })),
});

export function shownAlarm({ ruleId, series, state, x, timeMs }: AlarmRecord, currentValue?: number) {
  return {
    rule_id: ruleId,
    metric_name: series.name,
    ...(Object.keys(series.tags).length > 0 && { tags: series.tags }),
    state: state.state,
    ...(state.state !== 'ok' && { since_ms: state.sinceMs }),
    value: x ?? null,
    ...(currentValue !== undefined && { current_value: currentValue }),
    time_ms: timeMs,
    ...(state.state === 'firing' && {
      cause: state.cause,
      notified: state.notified,
      owed: state.owed,
      alarm_id: state.alarmId,
    }),
  };
}
