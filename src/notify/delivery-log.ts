import { createHash } from 'node:crypto';
import type { Notification } from '../alarm/notification.ts';
import { recordsOf } from '../log/batch.ts';
import type { Claim, Log, NewRecord } from '../log/log.ts';
import {
  formatDeliveryRecord,
  parseDeliveryRecord,
  type DeliveryOutcome,
  type DeliveryRecord,
} from '../notice/delivery-record.ts';
import { topics } from '../topics.ts';
import { postMsMax } from '../discord/discord-client.ts';

/** A notification as it waits: where it stands in the log, and since when. */
export interface Waiting {
  readonly notification: Notification;
  readonly webhookId: string;
  readonly offset: number;
  readonly appendedMs: number;
}

/** An attempt that nobody knows the end of. */
export interface OpenAttempt {
  readonly attemptId: string;
  readonly notificationIds: Set<string>;
  readonly attempt: number;
  readonly deadlineMs: number;
}

/** Ids of the last 24 h are remembered, so that none is sent twice; older notifications are not sent at all. */
export const rememberedMs = 24 * 3_600_000;

/** What this partition's notifiers did, now and before: the attempts and outcomes in `deliveries`. */
export class DeliveryLog {
  readonly #claim: Claim;
  readonly #ended = new Map<string, number>();
  /** By webhook: it has one request under way at a time, so a newer attempt says that the one before had ended. */
  readonly #open = new Map<string, OpenAttempt>();

  constructor(claim: Claim) {
    this.#claim = claim;
  }

  /** Reads what was done in the last 24 h. */
  async restore(log: Log, nowMs: number): Promise<void> {
    for await (const chunk of log.read(topics.deliveries.name, this.#claim.partition, {
      from: { timestampMs: nowMs - rememberedMs },
    })) {
      for (const { value } of recordsOf(chunk)) {
        const record = value === null ? { problem: 'a tombstone' } : parseDeliveryRecord(value);
        if (!('problem' in record)) this.#note(record);
      }
    }
  }

  /** Whether a notification's end under this webhook is known. */
  hasEnded(notificationId: string, webhookId: string): boolean {
    return this.#ended.has(`${webhookId} ${notificationId}`);
  }

  /** The attempt that a former owner began with this webhook and whose end nobody knows; given once. */
  takeOpenAttempt(webhookId: string): OpenAttempt | undefined {
    const open = this.#open.get(webhookId);
    this.#open.delete(webhookId);
    return open;
  }

  /** Durable before the request is written. Resolves to the attempt's id. */
  async begin(batch: readonly Waiting[], attempt: number, nowMs: number): Promise<string> {
    const attemptId = attemptIdOf(batch);
    const deadlineMs = nowMs + postMsMax;
    await this.#append(
      batch.map(({ notification, webhookId }) => ({
        kind: 'attempt' as const,
        notificationId: notification.id,
        webhookId,
        attemptId,
        attempt,
        atMs: nowMs,
        deadlineMs,
      })),
    );
    return attemptId;
  }

  /** Durable before the position moves on. */
  async end(
    batch: readonly Waiting[],
    end: { outcome: DeliveryOutcome; messageId?: string | undefined; reason?: string },
    nowMs: number,
  ): Promise<void> {
    const records = batch.map(({ notification, webhookId }) => ({
      kind: 'outcome' as const,
      notificationId: notification.id,
      webhookId,
      outcome: end.outcome,
      messageId: end.messageId,
      reason: end.reason,
      webhook: undefined,
      atMs: nowMs,
    }));
    await this.#append(records);
    for (const record of records) this.#note(record);
    this.#forget(nowMs);
  }

  #note(record: DeliveryRecord): void {
    if (record.kind === 'outcome') {
      this.#ended.set(`${record.webhookId} ${record.notificationId}`, record.atMs);
      const open = this.#open.get(record.webhookId);
      if (open?.notificationIds.delete(record.notificationId) && open.notificationIds.size === 0)
        this.#open.delete(record.webhookId);
      return;
    }
    const { webhookId, notificationId, attemptId, attempt, deadlineMs } = record;
    const before = this.#open.get(webhookId);
    const notificationIds = before?.attemptId === attemptId ? before.notificationIds : new Set<string>();
    notificationIds.add(notificationId);
    this.#open.set(webhookId, { attemptId, notificationIds, attempt, deadlineMs });
  }

  /** Ends were noted in the order of time, so the oldest stand first. */
  #forget(nowMs: number): void {
    for (const [key, atMs] of this.#ended) {
      if (atMs >= nowMs - rememberedMs) return;
      this.#ended.delete(key);
    }
  }

  async #append(records: readonly DeliveryRecord[]): Promise<void> {
    const timestampMs = Date.now();
    const { partition } = this.#claim;
    await this.#claim.append(
      topics.deliveries.name,
      records.map((record): NewRecord => ({
        key: Buffer.from(record.notificationId),
        value: Buffer.from(formatDeliveryRecord(record)),
        timestampMs,
        partition,
      })),
    );
  }
}

function attemptIdOf(batch: readonly Waiting[]): string {
  const ids = batch.map(({ notification }) => notification.id).join(' ');
  return createHash('sha256').update(ids).digest('hex').slice(0, 32);
}
