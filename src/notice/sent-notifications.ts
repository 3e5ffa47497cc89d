import { unreachable } from '../base/assert.ts';
import type { DeliveryAttempt, DeliveryEnd, DeliveryRecord, DeliveryWithdrawal } from './delivery-record.ts';
import { finishedAfter, type Finished } from './delivery-state.ts';

/** An attempt without an outcome: it may have been delivered. */
export interface OpenAttempt {
  readonly attemptId: string;
  /** Notifications without an outcome. May be empty when a stale owner's attempt arrived late; its request may still be running. */
  readonly notificationIds: Set<string>;
  readonly attempt: number;
  /** How many of its message were shown one by one, when it carried more. */
  readonly shown: number | undefined;
  readonly atMs: number;
  readonly deadlineMs: number;
  /** `atMs` of its last record: clocks differ, and the order of the log says which was begun last. */
  readonly lastAtMs: number;
}

/** The outcome of a notification that follows from another of the same message. */
export interface ProvenOutcome {
  readonly outcome: 'delivered' | 'merged';
  readonly messageId: string | undefined;
  /** The name of the target. */
  readonly webhook: string | undefined;
}

/** What was parked gets its final outcome after a day: its record is a little older than that. */
export const restoredMs = 25 * 3_600_000;

/**
 * What the notifiers of one partition did, now and before: which notifications are finished, and which attempts are open. The
 * fold of `deliveries` for whoever sends. Of a finished notification only its id is kept, for a day.
 */
export class SentNotifications {
  /** By key and notification id, the oldest first. */
  readonly #finished = new Map<string, Finished>();
  /** By key, and by key and target: until when the former owner was not to send, by that owner's clock. */
  readonly #heldUntilMs = new Map<string, number>();
  /** What was parked or rerouted after an attempt whose answer is not known. */
  readonly #possibleRepeats = new Set<string>();
  /**
   * By key, then by attempt. Mostly one or none, since a key has one request at a time; but an append that was given up may land
   * late, behind newer ones.
   */
  readonly #open = new Map<string, Map<string, OpenAttempt>>();
  /** What went with a message that was delivered, and whose own outcome was lost in a crash. */
  readonly #proven = new Map<string, ProvenOutcome>();

  apply(record: DeliveryRecord): void {
    switch (record.kind) {
      case 'attempt':
        return this.#begin(record);
      case 'withdrawn':
        return this.#retract(record);
      case 'outcome':
        return this.#finish(record);
      default:
        return unreachable(record);
    }
  }

  /** Whether a notification has its final outcome under this key, as it stands at this offset. */
  isFinished(notificationId: string, key: string, offset: number): boolean {
    return offset <= (this.#finished.get(`${key} ${notificationId}`)?.upToOffset ?? -1);
  }

  /** Its outcome, when that was never written and follows from what was. */
  provenOutcome(notificationId: string, key: string): ProvenOutcome | undefined {
    return this.#proven.get(`${key} ${notificationId}`);
  }

  /** Whether it may have been delivered before: it was parked so, or a former owner's attempt is open. */
  isPossibleRepeat(notificationId: string, key: string): boolean {
    if (this.#possibleRepeats.has(`${key} ${notificationId}`)) return true;
    const attempts = this.#open.get(key)?.values() ?? [];
    return [...attempts].some(({ notificationIds }) => notificationIds.has(notificationId));
  }

  /**
   * The open attempts that former owners began under this key, the newest first; given once. One notification is in the newest alone.
   * Each target of a key may have one: the caller, who knows the targets, repeats the newest of each.
   */
  takeOpenAttempts(key: string): OpenAttempt[] {
    const attempts = [...(this.#open.get(key)?.values() ?? [])].sort((one, other) => other.atMs - one.atMs);
    this.#open.delete(key);
    const seen = new Set<string>();
    for (const { notificationIds } of attempts)
      for (const id of notificationIds) {
        if (seen.has(id)) notificationIds.delete(id);
        seen.add(id);
      }
    return attempts;
  }

  /** These may have been delivered, and are sent in their turn. */
  notePossibleRepeats(key: string, notificationIds: Iterable<string>): void {
    for (const id of notificationIds) this.#possibleRepeats.add(`${key} ${id}`);
  }

  /**
   * Until when the former owner was not to send under this key, or to this target of it, in milliseconds since the epoch by its clock;
   * 0: at once. Given once.
   */
  takeHold(key: string, target?: string): number {
    const name = target === undefined ? key : `${key} ${target}`;
    const untilMs = this.#heldUntilMs.get(name) ?? 0;
    this.#heldUntilMs.delete(name);
    return untilMs;
  }

  /** Forgets what was finished more than a day ago. */
  forget(nowMs: number): void {
    for (const [key, { atMs }] of this.#finished) {
      if (atMs >= nowMs - restoredMs) return;
      this.#finished.delete(key);
    }
  }

  #begin(record: DeliveryAttempt): void {
    const { webhookId: key, notificationId, attemptId, attempt, shown, atMs, deadlineMs } = record;
    const attempts = this.#open.get(key) ?? new Map<string, OpenAttempt>();
    this.#open.set(key, attempts);
    const known = attempts.get(attemptId);
    const notificationIds = known?.notificationIds ?? new Set<string>();
    // The process that began it may not have seen a former owner's late outcome.
    if (!this.isFinished(notificationId, key, Infinity)) notificationIds.add(notificationId);
    const isNewest = known === undefined || known.atMs <= atMs;
    const last = isNewest ? { attemptId, notificationIds, attempt, shown, atMs, deadlineMs } : known;
    attempts.set(attemptId, { ...last, lastAtMs: atMs });
  }

  #finish(record: DeliveryEnd): void {
    const id = `${record.webhookId} ${record.notificationId}`;
    const before = this.#finished.get(id);
    const after = finishedAfter(before, record);
    if (after !== undefined && after !== before) {
      // Set anew at the end, so that the oldest stand first.
      this.#finished.delete(id);
      this.#finished.set(id, after);
      this.#possibleRepeats.delete(id);
      this.#proven.delete(id);
    }
    if (record.possibleRepeat && before?.upToOffset !== Infinity) this.#possibleRepeats.add(id);
    this.#close(record);
  }

  /** A notification of open attempts has an outcome. */
  #close({ webhookId: key, notificationId, outcome, messageId, attemptId, webhook, atMs }: DeliveryEnd): void {
    const attempts = this.#open.get(key);
    if (attempts === undefined) return;
    for (const { notificationIds } of attempts.values()) notificationIds.delete(notificationId);
    const delivered = attemptId === undefined ? undefined : attempts.get(attemptId);
    if (delivered !== undefined && (outcome === 'delivered' || outcome === 'merged')) {
      for (const id of delivered.notificationIds) this.#proven.set(`${key} ${id}`, { outcome, messageId, webhook });
      delivered.notificationIds.clear();
    }
    // What was begun after this outcome was written is another owner's.
    for (const [id, attempt] of attempts)
      if (attempt.notificationIds.size === 0 && attempt.atMs <= atMs) attempts.delete(id);
    if (attempts.size === 0) this.#open.delete(key);
  }

  #retract(record: DeliveryWithdrawal): void {
    const { webhookId: key, notificationId, attemptId, attemptAtMs, notBeforeMs = 0, webhook } = record;
    const attempts = this.#open.get(key);
    const retracted = attempts?.get(attemptId);
    if (attempts === undefined || retracted?.lastAtMs !== attemptAtMs) return;
    this.#heldUntilMs.set(key, notBeforeMs);
    if (webhook !== undefined) this.#heldUntilMs.set(`${key} ${webhook}`, record.webhookNotBeforeMs ?? 0);
    retracted.notificationIds.delete(notificationId);
    if (retracted.notificationIds.size === 0) attempts.delete(attemptId);
    if (attempts.size === 0) this.#open.delete(key);
  }
}
