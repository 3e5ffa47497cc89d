/**
 * A record of the `deliveries` topic: an attempt to send a notification, or what became of it. Public JSON under the
 * notification's id as key:
 *
 *   {"kind": "attempt", "notification_id": …, "webhook_id": …, "attempt_id": …, "attempt": 1, "at_ms": …, "deadline_ms": …}
 *   {"kind": "outcome", "notification_id": …, "webhook_id": …, "outcome": "delivered", "message_id": …, "at_ms": …}
 *
 * All notifications of one message have the same attempt id. An attempt is written before its request, so that whoever
 * comes after a crash knows of it; an attempt without an outcome may have been delivered.
 */
import { orProblem, recordJson, RecordReader } from '../alarm/record-reader.ts';

/**
 * What became of a notification. `delivered`: Discord took it. `dead`: it never will, the reason says why. `expired`: it was
 * too old to be sent when its turn came. `rerouted`: its rule has another webhook now, under which it was appended anew.
 */
export const outcomes = ['delivered', 'dead', 'expired', 'rerouted'] as const;
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

export interface DeliveryEnd {
  readonly kind: 'outcome';
  readonly notificationId: string;
  readonly webhookId: string;
  readonly outcome: DeliveryOutcome;
  readonly messageId: string | undefined;
  /** Why, when it was not delivered. Without any secret. */
  readonly reason: string | undefined;
  readonly atMs: number;
}

export type DeliveryRecord = DeliveryAttempt | DeliveryEnd;

export function formatDeliveryRecord(record: DeliveryRecord): string {
  const common = { kind: record.kind, notification_id: record.notificationId, webhook_id: record.webhookId };
  if (record.kind === 'attempt') {
    const { attemptId, attempt, atMs, deadlineMs } = record;
    return JSON.stringify({ ...common, attempt_id: attemptId, attempt, at_ms: atMs, deadline_ms: deadlineMs });
  }
  const { outcome, messageId, reason, atMs } = record;
  // JSON leaves out what is undefined.
  return JSON.stringify({ ...common, outcome, message_id: messageId, reason, at_ms: atMs });
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
    if (reader.oneOf('kind', ['attempt', 'outcome']) === 'attempt') {
      return {
        ...common,
        kind: 'attempt',
        attemptId: reader.text('attempt_id'),
        attempt: reader.number('attempt'),
        deadlineMs: reader.number('deadline_ms'),
      };
    }
    return {
      ...common,
      kind: 'outcome',
      outcome: reader.oneOf('outcome', outcomes),
      messageId: reader.optional('message_id', (field) => reader.text(field)),
      reason: reader.optional('reason', (field) => reader.text(field)),
    };
  });
}
