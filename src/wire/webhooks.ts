import { Type } from 'typebox';
import { orNull } from './fields.ts';
import type { Shape } from './shape.ts';

/** From the most severe to the least, as the list is sorted. */
export const webhookStates = ['parked', 'failing', 'waiting', 'ok', 'quiet', 'unused'] as const;

export const WebhookSending = Type.Object({
  at_ms: Type.Number(),
  outcome: Type.String(),
  took_ms: Type.Optional(Type.Number({ description: "Of a delivered one: until Discord's answer" })),
  reason: Type.Optional(Type.String()),
  metric_name: Type.Optional(Type.String()),
});
export type WebhookSending = Shape<typeof WebhookSending>;

export const WebhookView = Type.Object({
  webhook_id: Type.String({ description: 'The numeric id, or `receiver:` and the name of a receiver: no secret' }),
  receiver: Type.Optional(Type.String({ description: "A receiver's name; left out for a webhook of rules" })),
  url: Type.Optional(Type.String({ description: 'Masked; left out for a receiver, and when no rule has it' })),
  state: Type.Enum([...webhookStates], {
    description:
      'parked: it refuses, and nothing is sent; failing: requests fail and are made again, or its last message failed for good; waiting: notifications are due; ok; ' +
      'quiet: none was due in seven days; unused: no rule has it any more',
  }),
  rules: Type.Integer(),
  rule_ids: Type.Array(Type.String(), { description: 'Some of its rules' }),
  waiting: Type.Integer({ description: 'Notifications without a final outcome' }),
  requests_2s: Type.Integer({ description: 'Requests that began in the last two seconds; Discord allows 5' }),
  requests_60s: Type.Integer({ description: 'In the last minute; Discord allows 30 to all webhooks of a channel' }),
  last_delivered: Type.Optional(WebhookSending),
  last_failed: Type.Optional(WebhookSending),
  parked: Type.Array(
    Type.Object({
      name: Type.String({ description: 'Of the target: of id, token and thread' }),
      reason: Type.String(),
      since_ms: Type.Number(),
      next_probe_ms: Type.Optional(Type.Number({ description: 'When it is retried; left out: not known yet' })),
    }),
  ),
  failing: Type.Array(
    Type.Object({
      name: Type.String({ description: 'Of the target: of id, token and thread' }),
      reason: Type.String({ description: 'What it answered last, or why there was no answer' }),
      since_ms: Type.Number(),
      tries: Type.Integer({ description: 'Requests since then' }),
      last_try_ms: Type.Number(),
      next_try_ms: Type.Number(),
    }),
    { description: 'Targets whose last requests failed, and are made again' },
  ),
});
export type WebhookView = Shape<typeof WebhookView>;

/** `GET /api/v1/webhooks` */
export const WebhooksView = Type.Object({
  time_ms: Type.Number(),
  total: Type.Integer({ description: 'All that match; the list is cut at the limit' }),
  held_back_ms: Type.Number({ description: 'How long Discord allows one of our addresses no request' }),
  webhooks: Type.Array(WebhookView),
});
export type WebhooksView = Shape<typeof WebhooksView>;

/** `POST /rules/{id}/test` and `POST /api/v1/webhooks/test` */
export const TestSendView = Type.Object(
  {
    delivered: Type.Boolean(),
    status: orNull(Type.Integer(), "Discord's own; null when it did not answer"),
    took_ms: Type.Integer(),
    reason: Type.Optional(Type.String({ description: 'Why it was not delivered' })),
  },
  { description: 'The outcome of the message. One that Discord refused is no error of this request' },
);
export type TestSendView = Shape<typeof TestSendView>;
