import { Type } from 'typebox';
import { messageKinds } from '../alarm/due.ts';
import { ruleInputSchema } from '../rule/rule-schema.ts';
import { AlarmState, Cause, Group, orNull, Tags } from './fields.ts';
import type { Shape } from './shape.ts';

/** Of each list of a backtest. */
export const listedMax = 10_000;

/** The body of `POST /api/v1/rules/backtest`. */
export const BacktestOrder = Type.Object({
  rule: Type.Unsafe<object>({
    ...ruleInputSchema,
    required: ['metric_name', 'threshold'],
    description: 'A rule, saved or not',
  }),
  last_seconds: Type.Optional(Type.Number({ description: 'How far back. Without it, and without from_ms: 3,600' })),
  from_ms: Type.Optional(Type.Number({ description: 'From this event time on; 0: all that is retained' })),
  to_ms: Type.Optional(Type.Number({ description: 'Up to, and without, this event time. Default: the newest' })),
  limit: Type.Optional(Type.Integer({ description: `The newest of each list, up to ${listedMax}` })),
});
export type BacktestOrder = Shape<typeof BacktestOrder>;

export const FiringView = Type.Object({
  alarm_id: Type.String(),
  tags: Type.Optional(Tags),
  group: Type.Optional(Group),
  cause: Cause,
  since_ms: Type.Number({ description: 'When the breach began' }),
  fired_ms: Type.Number(),
  ended_ms: orNull(Type.Number(), 'null: it is still firing at the end'),
  value: orNull(Type.Number(), 'The value that fired it; null: no data'),
  offset: Type.Integer(),
  notified: Type.Boolean(),
});
/** One firing of one alarm. */
export type FiringView = Shape<typeof FiringView>;

const sample = {
  value: orNull(Type.Number()),
  time_ms: Type.Number(),
  offset: Type.Integer(),
};

export const PastTransitionView = Type.Object({
  tags: Type.Optional(Tags),
  group: Type.Optional(Group),
  state: AlarmState,
  since_ms: Type.Optional(Type.Number()),
  alarm_id: Type.Optional(Type.String()),
  cause: Type.Optional(Cause),
  notified: Type.Optional(Type.Boolean()),
  deferred: Type.Optional(Type.Boolean()),
  ...sample,
  partition: Type.Integer(),
  timestamp_ms: Type.Number(),
});
export type PastTransitionView = Shape<typeof PastTransitionView>;

export const DueNotificationView = Type.Object({
  id: Type.String(),
  kind: Type.Enum(messageKinds),
  alarm_id: Type.String(),
  tags: Type.Optional(Tags),
  group: Type.Optional(Group),
  ...sample,
  deferred: Type.Boolean(),
});
export type DueNotificationView = Shape<typeof DueNotificationView>;

export const BacktestView = Type.Object({
  complete: Type.Boolean({ description: 'false while older slices are still to be read' }),
  cut_short: orNull(Type.Enum(['retention', 'too_many_samples'])),
  partition: Type.Integer(),
  from_offset: Type.Integer(),
  to_offset: Type.Integer(),
  from_ms: Type.Optional(Type.Number()),
  to_ms: Type.Optional(Type.Number()),
  records: Type.Integer({ description: 'Records of the partition that were read' }),
  samples: Type.Integer({ description: 'Samples that the rule matches' }),
  unreadable: Type.Integer(),
  series: Type.Integer(),
  series_fired: Type.Integer(),
  fired: Type.Integer({ description: 'How often it would have fired' }),
  fired_for_no_data: Type.Integer(),
  ended: Type.Integer(),
  firing_now: Type.Integer(),
  pending: Type.Integer({ description: 'How often a breach began that had to last' }),
  notifications: Type.Integer({ description: 'Messages that would have been due, resolved ones not counted' }),
  resolved_notifications: Type.Integer(),
  deferred: Type.Integer({ description: 'Messages that the cooldown would have deferred' }),
  longest_ms: Type.Number({ description: 'Of the longest firing' }),
  took_ms: Type.Number(),
  firings: Type.Array(FiringView, { description: 'The newest, oldest first' }),
  transitions: Type.Array(PastTransitionView, { description: 'The newest, oldest first' }),
  due: Type.Array(DueNotificationView, { description: 'The newest notifications, oldest first' }),
});
/** What a rule would have done: the answer, and each line of it as NDJSON. */
export type BacktestView = Shape<typeof BacktestView>;
