import { Type } from 'typebox';
import { messageKinds } from '../alarm/due.ts';
import { receiverNamePattern } from '../rule/receiver-name.ts';
import { outcomes } from '../notice/delivery-record.ts';
import type { Shape } from './shape.ts';

/** `waiting`: it has no outcome yet. */
export const deliveryStates = ['waiting', ...outcomes] as const;

/** Notifications that one order sends again: as many as Discord takes from a webhook in a few minutes. */
export const resentMax = 500;

export const DeliveryView = Type.Object({
  notification_id: Type.String(),
  webhook_id: Type.String({ description: 'The numeric id of a Discord webhook; of a named receiver `receiver:NAME`' }),
  receiver: Type.Optional(Type.String({ description: 'The name of the receiver, when it has one' })),
  rule_id: Type.Optional(Type.String()),
  metric_name: Type.Optional(Type.String()),
  kind: Type.Optional(Type.Enum(messageKinds)),
  value: Type.Optional(Type.Number()),
  outcome: Type.Enum([...deliveryStates]),
  reason: Type.Optional(
    Type.String({ description: 'Why it is not delivered; of one that waits, what its target answered last' }),
  ),
  message_id: Type.Optional(Type.String({ description: "Discord's, when it was delivered" })),
  attempts: Type.Integer(),
  next_try_ms: Type.Optional(Type.Number({ description: 'Of one that waits for a target that is parked or failing' })),
  appended_ms: Type.Number({ description: 'When it was due' }),
  at_ms: Type.Number({ description: 'The time of its newest record' }),
});
export type DeliveryView = Shape<typeof DeliveryView>;

/** A target that nothing arrives at now. */
export const TargetState = Type.Object({
  target: Type.String({ description: '`wh_…`, for a thread followed by a slash and its id: no secret' }),
  webhook_id: DeliveryView.properties.webhook_id,
  receiver: DeliveryView.properties.receiver,
  state: Type.Enum(['parked', 'failing'], {
    description: 'parked: it refuses, and nothing is sent; failing: its last request failed, and is made again',
  }),
  reason: Type.String({ description: 'What the receiver answered, or why there was no answer' }),
  since_ms: Type.Number(),
  tries: Type.Optional(Type.Integer({ description: 'Requests since then; of a failing one' })),
  next_try_ms: Type.Number(),
});
export type TargetState = Shape<typeof TargetState>;

/** `GET /api/v1/deliveries` */
export const DeliveriesView = Type.Object({
  time_ms: Type.Number(),
  total: Type.Integer({ description: 'All that match; the list has the newest' }),
  left_out: Type.Integer({ description: 'Older ones that were too many to be read' }),
  deliveries: Type.Array(DeliveryView),
  targets: Type.Array(TargetState, { description: 'Targets of the filter that nothing arrives at now, at most 100' }),
});
export type DeliveriesView = Shape<typeof DeliveriesView>;

/** Which deliveries are meant: in a query, and in an order to send again. */
export const deliveryFilter = {
  webhook: Type.Optional(Type.String({ pattern: '^\\d{17,20}$', description: "A webhook's numeric id" })),
  receiver: Type.Optional(Type.String({ pattern: receiverNamePattern, description: 'The name of a receiver' })),
  rule: Type.Optional(Type.String({ description: 'The id of a rule' })),
  outcome: Type.Optional(Type.Enum([...deliveryStates], { description: '`waiting`: it has no outcome yet' })),
  since: Type.Optional(
    Type.String({ description: 'With a record since: 30m, 12h, 7d, or an ISO 8601 time. Default 24h, at most 30d' }),
  ),
};

/** The body of `POST /api/v1/deliveries/resend`. */
export const ResendOrder = Type.Object({
  notification_ids: Type.Optional(Type.Array(Type.String(), { maxItems: resentMax })),
  ...deliveryFilter,
});
export type ResendOrder = Shape<typeof ResendOrder>;

export const ResentView = Type.Object({
  resent: Type.Array(Type.Object({ notification_id: Type.String(), as: Type.String() }), {
    description: 'Appended again: each is sent once more, under the id `as`',
  }),
  revived: Type.Array(Type.String(), { description: 'Parked ones, whose webhook is retried now' }),
  refused: Type.Array(Type.Object({ notification_id: Type.String(), reason: Type.String() })),
  left: Type.Integer({ description: 'More match: order again' }),
});
/** What an order to send again has done. */
export type ResentView = Shape<typeof ResentView>;
