/**
 * A record of the `deliveries` topic: an attempt to send a notification, that it was withdrawn, or what became of the
 * notification. Public JSON under the notification's id as key:
 *
 *   {"kind": "attempt", "notification_id": …, "webhook_id": …, "attempt_id": …, "attempt": 1, "at_ms": …, "deadline_ms": …}
 *   {"kind": "withdrawn", "notification_id": …, "webhook_id": …, "attempt_id": …, "attempt_at_ms": …, "not_before_ms": …, "at_ms": …}
 *   {"kind": "outcome", "notification_id": …, "webhook_id": …, "outcome": "delivered", "message_id": …, "attempt_id": …, "at_ms": …}
 *   {"kind": "outcome", "notification_id": …, "webhook_id": …, "outcome": "parked", "reason": …, "webhook": "wh_…", "offset": …, "at_ms": …}
 *
 * All notifications of one message have the same attempt id. An attempt is written before its request, so that whoever
 * comes after a crash knows of it; an attempt without an outcome may have been delivered. Whoever gives up a webhook in order
 * withdraws those attempts of which it knows that Discord took nothing.
 */
import { orProblem, recordJson, RecordReader } from '../alarm/record-reader.ts';

/**
 * What became of a notification.
 *
 * - `delivered`: Discord took it, as an embed or a line of the message named.
 * - `merged`: as delivered, as a line in the list of the message named.
 * - `parked`: its webhook is broken, the reason says how. It waits in `notifications`, and a later record says how that ends.
 * - `dead`: it will never be taken, the reason says why.
 * - `expired`: it was too old to be sent when its turn came.
 * - `rerouted`: its rule has another webhook now, under which it was appended anew. It may come back, further on in the log.
 *
 * All but `parked` are final, `rerouted` for the record at its offset.
 */
export const outcomes = ['delivered', 'merged', 'parked', 'dead', 'expired', 'rerouted'] as const;
export type DeliveryOutcome = (typeof outcomes)[number];

export interface DeliveryAttempt {
  readonly kind: 'attempt';
  readonly notificationId: string;
  /** The webhook's numeric id: no secret. */
  readonly webhookId: string;
  readonly attemptId: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly atMs: number;
  /** When the request has ended for certain. */
  readonly deadlineMs: number;
}

/** An attempt of which nothing was delivered, as is known for certain: whoever comes next need neither wait nor doubt. */
export interface DeliveryWithdrawal {
  readonly kind: 'withdrawn';
  readonly notificationId: string;
  readonly webhookId: string;
  readonly attemptId: string;
  /** The attempt's own `atMs`: the same may have been begun again since, and that one is not meant. */
  readonly attemptAtMs: number;
  /** When the webhook may be asked again, by Discord's word; undefined: at once. */
  readonly notBeforeMs: number | undefined;
  readonly atMs: number;
}

export interface DeliveryEnd {
  readonly kind: 'outcome';
  readonly notificationId: string;
  readonly webhookId: string;
  readonly outcome: DeliveryOutcome;
  /** Discord's; undefined when its answer was cut short. */
  readonly messageId: string | undefined;
  /** When delivered or merged: by which attempt. All of an attempt are in one message. */
  readonly attemptId: string | undefined;
  /** Why, when it was not delivered. Without any secret. */
  readonly reason: string | undefined;
  /** When parked: for which pair of id and token, as `wh_` and the first 12 hex digits of its SHA-256. */
  readonly webhook: string | undefined;
  /** When parked or rerouted: where the notification stands in its partition of `notifications`. */
  readonly offset: number | undefined;
  /** When parked: whether it may have been delivered all the same, so that it is marked when it is sent after all. */
  readonly possibleRepeat: boolean;
  readonly atMs: number;
}

export type DeliveryRecord = DeliveryAttempt | DeliveryWithdrawal | DeliveryEnd;

export function formatDeliveryRecord(record: DeliveryRecord): string {
  const common = { kind: record.kind, notification_id: record.notificationId, webhook_id: record.webhookId };
  if (record.kind === 'attempt') {
    const { attemptId, attempt, atMs, deadlineMs } = record;
    return JSON.stringify({ ...common, attempt_id: attemptId, attempt, at_ms: atMs, deadline_ms: deadlineMs });
  }
  if (record.kind === 'withdrawn') {
    const { attemptId, attemptAtMs, notBeforeMs, atMs } = record;
    const when = { attempt_at_ms: attemptAtMs, not_before_ms: notBeforeMs, at_ms: atMs };
    return JSON.stringify({ ...common, attempt_id: attemptId, ...when });
  }
  const { outcome, messageId, attemptId, reason, webhook, offset, possibleRepeat, atMs } = record;
  // JSON leaves out what is undefined.
  const possible = possibleRepeat ? true : undefined;
  return JSON.stringify({
    ...common,
    outcome,
    message_id: messageId,
    attempt_id: attemptId,
    reason,
    webhook,
    offset,
    possible_repeat: possible,
    at_ms: atMs,
  });
}

/** Reads a record of the `deliveries` topic, or says what is wrong with it. */
export function parseDeliveryRecord(value: Uint8Array | string): DeliveryRecord | { readonly problem: string } {
  return orProblem((): DeliveryRecord => {
    const reader = new RecordReader(recordJson(value));
    const common = {
      notificationId: reader.text('notification_id'),
      webhookId: reader.text('webhook_id'),
      atMs: reader.number('at_ms'),
    };
    const kind = reader.oneOf('kind', ['attempt', 'withdrawn', 'outcome']);
    if (kind === 'withdrawn')
      return {
        ...common,
        kind,
        attemptId: reader.text('attempt_id'),
        attemptAtMs: reader.number('attempt_at_ms'),
        notBeforeMs: reader.optional('not_before_ms', (field) => reader.number(field)),
      };
    if (kind === 'attempt') {
      return {
        ...common,
        kind,
        attemptId: reader.text('attempt_id'),
        attempt: reader.number('attempt'),
        deadlineMs: reader.number('deadline_ms'),
      };
    }
    return {
      ...common,
      kind,
      outcome: reader.oneOf('outcome', outcomes),
      messageId: reader.optional('message_id', (field) => reader.text(field)),
      attemptId: reader.optional('attempt_id', (field) => reader.text(field)),
      reason: reader.optional('reason', (field) => reader.text(field)),
      webhook: reader.optional('webhook', (field) => reader.text(field)),
      offset: reader.optional('offset', (field) => reader.number(field)),
      possibleRepeat: reader.optional('possible_repeat', (field) => reader.flag(field)) ?? false,
    };
  });
}
