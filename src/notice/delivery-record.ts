/**
 * A record of the `deliveries` topic: an attempt to send a notification, its retraction, or the notification's outcome. Public
 * JSON under the notification's id as key:
 *
 *   {"kind": "attempt", "notification_id": …, "webhook_id": …, "attempt_id": …, "attempt": 1, "shown": 5, "at_ms": …,
 *    "deadline_ms": …}
 *   {"kind": "withdrawn", "notification_id": …, "webhook_id": …, "attempt_id": …, "attempt_at_ms": …, "not_before_ms": …,
 *    "webhook": "wh_…", "webhook_not_before_ms": …, "at_ms": …}
 *   {"kind": "outcome", "notification_id": …, "webhook_id": …, "outcome": "delivered", "message_id": …, "attempt_id": …, "webhook": "wh_…",
 *    "at_ms": …}
 *   {"kind": "outcome", "notification_id": …, "webhook_id": …, "outcome": "parked", "reason": …, "webhook": "wh_…", "offset": …, "at_ms": …}
 *
 * All notifications of one message have the same attempt id. An attempt is written before its request, so that the next owner
 * knows of it after a crash; an attempt without an outcome may have been delivered. An owner that ends in order retracts the
 * attempts that certainly delivered nothing. `webhook_id` is the key on `notifications`: the id of a Discord webhook, or
 * `receiver:<name>`.
 */
import { orProblem, recordJson, RecordReader } from '../alarm/record-reader.ts';

/**
 * The outcome of a notification.
 *
 * - `delivered`: the receiver accepted it, in the message named.
 * - `merged`: as delivered, as a line in the list of the message named.
 * - `parked`: its target is broken, the reason says how. It waits in `notifications`, and a later record has the final outcome.
 * - `dead`: it will never be accepted, the reason says why.
 * - `expired`: it was too old when it could be sent.
 * - `rerouted`: its rule has another webhook now, and it was appended anew under that one. It may come back in a later record.
 *
 * All but `parked` are final, `rerouted` for the record at its offset.
 */
export const outcomes = ['delivered', 'merged', 'parked', 'dead', 'expired', 'rerouted'] as const;
export type DeliveryOutcome = (typeof outcomes)[number];

export interface DeliveryAttempt {
  readonly kind: 'attempt';
  readonly notificationId: string;
  /** The key on `notifications`: a Discord webhook's numeric id, or `receiver:<name>`. No secret. */
  readonly webhookId: string;
  readonly attemptId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** How many of the message's are shown one by one, when it carries more: they stand first, in the order of the records. */
  readonly shown?: number;
  readonly atMs: number;
  /** When the request has certainly ended. */
  readonly deadlineMs: number;
}

/** An attempt certainly delivered nothing: the next owner need neither wait for it nor mark what it carried. */
export interface DeliveryWithdrawal {
  readonly kind: 'withdrawn';
  readonly notificationId: string;
  readonly webhookId: string;
  readonly attemptId: string;
  /** The attempt's own `atMs`: the same attempt may have been begun again since, which is not retracted. */
  readonly attemptAtMs: number;
  /** When anything may be sent under this key again, as its receiver said; undefined: at once. */
  readonly notBeforeMs: number | undefined;
  /** The name of its target. Undefined in records of an earlier version. */
  readonly webhook: string | undefined;
  /** When this target may be sent to again, after failures of its own; undefined: at once. */
  readonly webhookNotBeforeMs: number | undefined;
  readonly atMs: number;
}

export interface DeliveryEnd {
  readonly kind: 'outcome';
  readonly notificationId: string;
  readonly webhookId: string;
  readonly outcome: DeliveryOutcome;
  /** The receiver's; undefined when it gave none, or its answer was cut short. */
  readonly messageId: string | undefined;
  /** When delivered or merged: by which attempt. All of an attempt are in one message. */
  readonly attemptId: string | undefined;
  /** Why, when it was not delivered. Without any secret. */
  readonly reason: string | undefined;
  /**
   * The name of the target that it was sent to, or that is paused: `wh_`, 12 hex digits of a SHA-256 over its address and secret, and
   * the thread, if any. An earlier version wrote it when parked alone, and meant a webhook with all its threads.
   */
  readonly webhook: string | undefined;
  /** When parked or rerouted: where the notification stands in its partition of `notifications`. */
  readonly offset: number | undefined;
  /** When parked or rerouted: it may have been delivered all the same, and is marked when it is sent. */
  readonly possibleRepeat: boolean;
  readonly atMs: number;
}

export type DeliveryRecord = DeliveryAttempt | DeliveryWithdrawal | DeliveryEnd;

export function formatDeliveryRecord(record: DeliveryRecord): string {
  const common = { kind: record.kind, notification_id: record.notificationId, webhook_id: record.webhookId };
  if (record.kind === 'attempt') {
    const { attemptId, attempt, shown, atMs, deadlineMs } = record;
    return JSON.stringify({ ...common, attempt_id: attemptId, attempt, shown, at_ms: atMs, deadline_ms: deadlineMs });
  }
  if (record.kind === 'withdrawn') {
    const { attemptId, attemptAtMs, notBeforeMs, webhook, webhookNotBeforeMs, atMs } = record;
    const when = { attempt_at_ms: attemptAtMs, not_before_ms: notBeforeMs };
    const target = { webhook, webhook_not_before_ms: webhookNotBeforeMs };
    return JSON.stringify({ ...common, attempt_id: attemptId, ...when, ...target, at_ms: atMs });
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
        webhook: reader.optional('webhook', (field) => reader.text(field)),
        webhookNotBeforeMs: reader.optional('webhook_not_before_ms', (field) => reader.number(field)),
      };
    if (kind === 'attempt') {
      return {
        ...common,
        kind,
        attemptId: reader.text('attempt_id'),
        attempt: reader.number('attempt'),
        ...(reader.has('shown') && { shown: reader.place('shown') }),
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
