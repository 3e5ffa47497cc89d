import { Type } from 'typebox';
import { messageKinds } from '../alarm/due.ts';
import { outcomes } from '../notice/delivery-record.ts';
import { TargetState } from './deliveries.ts';
import type { Rule } from '../rule/rule.ts';
import { ruleSchema } from '../rule/rule-schema.ts';
import { AlarmState, Cause, Group, Next, orNull, RuleVersion, Tags } from './fields.ts';
import type { Shape } from './shape.ts';

const Level = Type.Optional(
  Type.Integer({ description: 'Of a firing alarm whose rule has levels: the highest that fires, from 1 on' }),
);

/** An alarm as every list of alarms shows it. */
export const AlarmView = Type.Object({
  rule_id: Type.String(),
  metric_name: Type.String(),
  tags: Type.Optional(Tags),
  group: Type.Optional(Group),
  state: AlarmState,
  since_ms: Type.Optional(Type.Number({ description: 'Since when it is firing or pending' })),
  value: orNull(
    Type.Number(),
    'The compared value when this state began, or when a notification was last due; null: no data',
  ),
  current_value: Type.Optional(
    Type.Number({ description: 'The compared value now, of an alarm that is firing or pending; left out: not known' }),
  ),
  time_ms: Type.Number({ description: 'The event time of the sample that this state comes from' }),
  cause: Type.Optional(Cause),
  notified: Type.Optional(Type.Boolean()),
  deferred: Type.Optional(Type.Boolean({ description: 'A notification is deferred by the cooldown' })),
  silent_since_ms: Type.Optional(
    Type.Number({
      description: 'When the series of an alarm that fires by its value was last received, if it is missing',
    }),
  ),
  level: Level,
  alarm_id: Type.Optional(Type.String({ description: 'Of this firing' })),
});
export type AlarmView = Shape<typeof AlarmView>;

/** `GET /api/v1/alarms` */
export const AlarmsView = Type.Object({
  time_ms: Type.Number(),
  total: Type.Integer({ description: 'All that match; the list is cut at the limit' }),
  alarms: Type.Array(AlarmView),
  next: Next,
});
export type AlarmsView = Shape<typeof AlarmsView>;

const PastState = Type.Enum(['firing', 'ended']);

/** The fields of a firing in every answer. */
const firing = {
  alarm_id: Type.String(),
  rule_id: Type.String(),
  metric_name: Type.String(),
  tags: Type.Optional(Tags),
  group: Type.Optional(Group),
  state: PastState,
  cause: Cause,
  since_ms: Type.Number({ description: 'When the breach began' }),
  fired_ms: Type.Number(),
  ended_ms: orNull(Type.Number(), 'null: it is firing, or the log no longer holds when it ended'),
  value: orNull(Type.Number(), 'The value that fired it; null: no data'),
  notified: Type.Boolean({ description: 'Whether a notification was due; if not, the cooldown held it back' }),
};

export const PastAlarmView = Type.Object({
  ...firing,
  messages: Type.Integer({ description: 'Notifications that are still held' }),
  outcome: Type.Optional(Type.String({ description: 'The outcome of the last notification' })),
});
export type PastAlarmView = Shape<typeof PastAlarmView>;

/** `GET /api/v1/alarms/history` */
export const HistoryView = Type.Object({
  time_ms: Type.Number(),
  total: Type.Integer({ description: 'All that match and are held' }),
  complete_since_ms: Type.Number({
    description: 'Of alarms for which a notification was due, none that fired since then is missing',
  }),
  alarms: Type.Array(PastAlarmView),
  next: Next,
});
export type HistoryView = Shape<typeof HistoryView>;

export const NotificationView = Type.Object({
  id: Type.String(),
  kind: Type.Enum(messageKinds),
  time_ms: Type.Number(),
  judgeable_ms: Type.Number({
    description: 'What its delay is measured from: the time of its sample; of no_data when the next sample was due',
  }),
  value: orNull(Type.Number()),
  offset: Type.Integer(),
  deferred: Type.Boolean({ description: 'It replaces one that the cooldown had deferred' }),
  appended_ms: Type.Number(),
  attempts: Type.Integer(),
  attempted_ms: Type.Optional(Type.Number({ description: 'When its last request began' })),
  outcome: Type.Enum(['waiting', ...outcomes]),
  outcome_ms: Type.Optional(Type.Number()),
  reason: Type.Optional(Type.String()),
  message_id: Type.Optional(Type.String()),
  trouble: Type.Optional(TargetState),
});
export type NotificationView = Shape<typeof NotificationView>;

/** `GET /api/v1/alarms/{id}` */
export const AlarmDetail = Type.Object({
  ...firing,
  level: Level,
  rule_version: RuleVersion,
  partition: Type.Integer(),
  offset: Type.Integer({ description: 'Of the sample that fired it' }),
  timestamp_ms: Type.Number(),
  rule: Type.Optional(
    Type.Unsafe<Rule>({
      ...ruleSchema,
      description: 'The version that was evaluated, or else the current one; the webhook is masked',
    }),
  ),
  is_rule_current: Type.Boolean(),
  members: Type.Optional(
    Type.Object(
      {
        first: Type.Array(Type.Object({ tags: Tags, value: Type.Number() })),
        total: Type.Integer({ description: 'How many series the group had' }),
        divisor: Type.Optional(Type.Number({ description: 'Of a ratio, what its value was divided by' })),
      },
      {
        description: 'Of a group, the series that made its value when the first notification was due, the worst first',
      },
    ),
  ),
  notifications: Type.Array(NotificationView, { description: 'Those that are still held' }),
});
export type AlarmDetail = Shape<typeof AlarmDetail>;

/** `POST /api/v1/alarms/{id}/recheck` */
export const RecheckResult = Type.Object({
  agrees: Type.Boolean(),
  detail: Type.String(),
  samples: Type.Integer(),
  from_offset: Type.Integer(),
  to_offset: Type.Integer(),
  ended_ms: orNull(Type.Number()),
  took_ms: Type.Number(),
});
export type RecheckResult = Shape<typeof RecheckResult>;
