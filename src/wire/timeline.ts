import { Type } from 'typebox';
import { AlarmState, Cause, FieldChange, Next, orNull, Tags } from './fields.ts';
import type { Shape } from './shape.ts';

const placed = {
  place: Type.String({ description: 'Topic, partition and offset' }),
  at_ms: Type.Number({ description: 'When it was written to the log' }),
};

const author = Type.Optional(
  Type.String({ description: 'Who did it, for readers with audit:read; left out: not known. Not in the stream' }),
);

/** An alarm came to another state. */
export const TransitionView = Type.Object({
  kind: Type.Literal('transition'),
  ...placed,
  rule_id: Type.String(),
  metric_name: Type.String(),
  tags: Type.Optional(Tags),
  from: Type.Optional(Type.Unsafe<AlarmState>({ ...AlarmState, description: 'Left out: the series was not known' })),
  to: AlarmState,
  cause: Type.Optional(Cause),
  alarm_id: Type.Optional(Type.String()),
  value: orNull(Type.Number()),
  time_ms: Type.Number({ description: 'Of the sample' }),
  since_ms: Type.Optional(Type.Number()),
});
export type TransitionView = Shape<typeof TransitionView>;

/** A rule was created, changed or deleted. */
export const RuleEditView = Type.Object({
  kind: Type.Literal('rule'),
  ...placed,
  rule_id: Type.String(),
  metric_name: Type.String(),
  edit: Type.Enum(['made', 'changed', 'deleted']),
  fields: Type.Array(FieldChange, { description: 'What an edit changed' }),
  author,
});

/** A receiver was created, changed or deleted. */
export const ReceiverEditView = Type.Object({
  kind: Type.Literal('receiver'),
  ...placed,
  receiver: Type.String({ description: 'Its name' }),
  edit: Type.Enum(['made', 'changed', 'deleted']),
  fields: Type.Array(FieldChange, { description: 'What an edit changed, without secrets' }),
  author,
});

/** A notification was not delivered, for now or for good. */
export const DeliveryFailureView = Type.Object({
  kind: Type.Literal('delivery'),
  ...placed,
  rule_id: Type.Optional(Type.String()),
  metric_name: Type.Optional(Type.String()),
  tags: Type.Optional(Tags),
  alarm_id: Type.Optional(Type.String()),
  notification_id: Type.String(),
  webhook_id: Type.String(),
  outcome: Type.Enum(['parked', 'dead', 'expired']),
  reason: Type.Optional(Type.String()),
});

/** An event of the stream. */
export const NewsItem = Type.Union([TransitionView, RuleEditView, DeliveryFailureView]);
export type NewsItem = Shape<typeof NewsItem>;

/** An event of the timeline. */
export const TimelineItem = Type.Union([TransitionView, RuleEditView, DeliveryFailureView, ReceiverEditView]);
export type TimelineItem = Shape<typeof TimelineItem>;

/** `GET /api/v1/timeline` */
export const TimelinePage = Type.Object({
  time_ms: Type.Number(),
  total: Type.Integer({ description: 'All that match and are held' }),
  complete_since_ms: Type.Object(
    { transition: Type.Number(), rule: Type.Number(), receiver: Type.Number(), delivery: Type.Number() },
    { description: 'By kind: nothing that happened since then is missing; older events may be' },
  ),
  items: Type.Array(TimelineItem),
  next: Next,
});
export type TimelinePage = Shape<typeof TimelinePage>;

const Counts = Type.Array(Type.Integer());

/** `GET /api/v1/timeline/overview` */
export const TimelineOverview = Type.Object({
  time_ms: Type.Number(),
  from_ms: Type.Number(),
  to_ms: Type.Number(),
  counts: Type.Object(
    { firing: Counts, transition: Counts, rule: Counts, delivery: Counts },
    {
      description:
        'Events in each of 96 equal parts of the time; firing: transitions to it, transition: all others; rule: edits of rules and receivers',
    },
  ),
  fires: Type.Object(
    {
      bucket_ms: Type.Integer(),
      rules: Type.Array(
        Type.Object({
          rule_id: Type.String(),
          metric_name: Type.Optional(Type.String({ description: 'Left out: the rule was deleted' })),
          total: Type.Integer(),
          counts: Counts,
        }),
      ),
    },
    { description: 'The 12 rules that fired most in 24 hours, per quarter of an hour' },
  ),
});
export type TimelineOverview = Shape<typeof TimelineOverview>;
