import { createHash } from 'node:crypto';
import type { Notification } from '../alarm/notification.ts';
import { recordsOf } from '../log/batch.ts';
import type { Claim, Log, NewRecord } from '../log/log.ts';
import {
  formatDeliveryRecord,
  type DeliveryEnd,
  type DeliveryOutcome,
  type DeliveryRecord,
  type DeliveryWithdrawal,
} from '../notice/delivery-record.ts';
import { nonePaused, parseDeliveriesEntry, pausedAfter, type PausedTargets } from '../notice/delivery-state.ts';
import { formatParkingRecord, type ParkingRecord } from '../notice/parking-record.ts';
import { postMsMax } from '../discord/discord-client.ts';
import { topics } from '../topics.ts';

/** A notification as it waits: where it stands in the log, and since when. */
export interface Waiting {
  readonly notification: Notification;
  readonly webhookId: string;
  readonly offset: number;
  readonly appendedMs: number;
  /** Whether the position waits for it: one that was parked has an outcome already. */
  readonly holds: boolean;
}

/** What became of one that waited. */
export interface Ending {
  readonly waiting: Waiting;
  readonly outcome: DeliveryOutcome;
  readonly messageId?: string | undefined;
  readonly attemptId?: string;
  readonly reason?: string;
  /** When parked: who is. */
  readonly webhook?: string;
  readonly possibleRepeat?: boolean;
}

/** An attempt that this owner began. */
export interface Attempt {
  readonly id: string;
  readonly atMs: number;
  readonly batch: readonly Waiting[];
}

/** An attempt that nobody knows the end of. */
export interface OpenAttempt {
  readonly attemptId: string;
  /** Those without an outcome. None when another owner's came late: its request may be under way all the same. */
  readonly notificationIds: Set<string>;
  readonly attempt: number;
  readonly atMs: number;
  readonly deadlineMs: number;
  /** `atMs` of the last record of it: clocks differ, and the log's order tells which was begun last. */
  readonly lastAtMs: number;
}

/** What is known of a notification by another of the same message. */
interface ProvenEnd {
  readonly outcome: 'delivered' | 'merged';
  readonly messageId: string | undefined;
}

/** What a former owner left of a parked webhook. */
export interface RestoredParking {
  readonly webhookId: string;
  /** Where the oldest notification stands that waits for it; undefined when none does. */
  readonly fromOffset: number | undefined;
  readonly paused: PausedTargets;
}

/** Ids of the last 24 h are remembered, so that none is sent twice; older notifications are not sent at all. */
export const rememberedMs = 24 * 3_600_000;
/** What was parked a day ago comes to its end only now: its record is a little older than a day. */
const restoredMs = 25 * 3_600_000;
/** From the decision to send until the request is written, at most: an attempt that took longer to append is begun anew. */
export const beginMsMax = 5_000;

/** What this partition's notifiers did, now and before: the attempts and outcomes in `deliveries`. */
export class DeliveryLog {
  readonly #claim: Claim;
  /** When it ended, and which records of it: one that went elsewhere may come back in a later one. */
  readonly #ended = new Map<string, { readonly atMs: number; readonly upTo: number }>();
  /** By webhook: until when its former owner was not to ask it, by that one's clock. */
  readonly #heldUntilMs = new Map<string, number>();
  /** What was parked after an attempt whose answer is not known. */
  readonly #doubtful = new Set<string>();
  /**
   * By webhook, then by attempt: what may be under way. Mostly one or none, since a webhook has one request under way at a
   * time; but an append that was given up may land late, behind newer ones.
   */
  readonly #open = new Map<string, Map<string, OpenAttempt>>();
  /** What went with a message that is known to have been delivered, and whose own outcome was lost in a crash. */
  readonly #proven = new Map<string, ProvenEnd>();

  constructor(claim: Claim) {
    this.#claim = claim;
  }

  /** Reads what was done in the last day. Resolves to what was left parked. */
  async restore(log: Log, nowMs: number): Promise<RestoredParking[]> {
    const parked = new Map<string, DeliveryEnd[]>();
    const paused = new Map<string, PausedTargets>();
    for await (const chunk of log.read(topics.deliveries.name, this.#claim.partition, {
      from: { timestampMs: nowMs - restoredMs },
    })) {
      for (const stored of recordsOf(chunk)) {
        const record = parseDeliveriesEntry(stored);
        if (record === undefined) continue;
        const { webhookId } = record;
        paused.set(webhookId, pausedAfter(paused.get(webhookId) ?? nonePaused, record));
        if (record.kind === 'parking') continue;
        this.#note(record);
        if (record.kind !== 'outcome' || record.outcome !== 'parked' || record.webhook === undefined) continue;
        const ends = parked.get(webhookId) ?? [];
        parked.set(webhookId, ends);
        ends.push(record);
      }
    }
    this.#forget(nowMs);
    return [...paused].flatMap(([webhookId, targets]) => {
      const offsets = (parked.get(webhookId) ?? [])
        .filter((end) => !this.hasEnded(end.notificationId, webhookId, end.offset ?? 0))
        .map(({ offset = 0 }) => offset);
      if (offsets.length === 0 && targets.size === 0) return [];
      return [{ webhookId, fromOffset: offsets.length === 0 ? undefined : leastOf(offsets), paused: targets }];
    });
  }

  /** Tells how it stands with parked webhooks. */
  async tell(news: readonly ParkingRecord[], nowMs: number): Promise<void> {
    if (news.length === 0) return;
    const { partition } = this.#claim;
    await this.#claim.append(
      topics.deliveries.name,
      news.map((record): NewRecord => ({
        key: Buffer.from(record.webhook),
        value: Buffer.from(formatParkingRecord(record)),
        timestampMs: nowMs,
        partition,
      })),
    );
  }

  /** Whether a notification's final end under this webhook is known, as it stands at this offset. */
  hasEnded(notificationId: string, webhookId: string, offset: number): boolean {
    return offset <= (this.#ended.get(`${webhookId} ${notificationId}`)?.upTo ?? -1);
  }

  /** How it ended, when that was never written down and follows from what was. */
  provenEnd(notificationId: string, webhookId: string): ProvenEnd | undefined {
    return this.#proven.get(`${webhookId} ${notificationId}`);
  }

  /** Whether it may have been delivered before: it was parked so, or a former owner's attempt has no end that anybody knows. */
  isDoubtful(notificationId: string, webhookId: string): boolean {
    if (this.#doubtful.has(`${webhookId} ${notificationId}`)) return true;
    const attempts = this.#open.get(webhookId)?.values() ?? [];
    return [...attempts].some(({ notificationIds }) => notificationIds.has(notificationId));
  }

  /**
   * The attempt that a former owner began with this webhook and whose end nobody knows; given once. What older ones carried
   * besides is sent in its turn, and marked.
   */
  takeOpenAttempt(webhookId: string): OpenAttempt | undefined {
    const attempts = [...(this.#open.get(webhookId)?.values() ?? [])];
    this.#open.delete(webhookId);
    const newest = newestOf(attempts.filter(({ notificationIds }) => notificationIds.size > 0)) ?? newestOf(attempts);
    if (newest === undefined) return undefined;
    for (const { notificationIds } of attempts)
      for (const id of notificationIds) if (!newest.notificationIds.has(id)) this.#doubtful.add(`${webhookId} ${id}`);
    return { ...newest, deadlineMs: Math.max(...attempts.map((attempt) => attempt.deadlineMs)) };
  }

  /** Until when the former owner was not to ask this webhook, in milliseconds since the epoch by its clock; 0: at once. Given once. */
  takeHold(webhookId: string): number {
    const untilMs = this.#heldUntilMs.get(webhookId) ?? 0;
    this.#heldUntilMs.delete(webhookId);
    return untilMs;
  }

  /** Durable before the request is written. */
  async begin(batch: readonly Waiting[], attempt: number, nowMs: number): Promise<Attempt> {
    const attemptId = attemptIdOf(batch);
    const deadlineMs = nowMs + beginMsMax + postMsMax;
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
      nowMs,
    );
    return { id: attemptId, atMs: nowMs, batch };
  }

  /** Of these nothing was delivered: whoever owns the partition next begins with them as if for the first time. */
  async withdraw(attempts: readonly Attempt[], nowMs: number, notBeforeMs: number | undefined): Promise<void> {
    const records = attempts.flatMap(({ id, atMs, batch }) =>
      batch.map(({ notification, webhookId }) => ({
        kind: 'withdrawn' as const,
        notificationId: notification.id,
        webhookId,
        attemptId: id,
        attemptAtMs: atMs,
        notBeforeMs,
        atMs: nowMs,
      })),
    );
    await this.#append(records, nowMs);
  }

  /** Durable before the position moves on. */
  async end(endings: readonly Ending[], nowMs: number): Promise<void> {
    const records = endings.map(
      ({ waiting, outcome, messageId, attemptId, reason, webhook, possibleRepeat = false }) => ({
        kind: 'outcome' as const,
        notificationId: waiting.notification.id,
        webhookId: waiting.webhookId,
        outcome,
        messageId,
        attemptId,
        reason,
        webhook,
        offset: outcome === 'parked' || outcome === 'rerouted' ? waiting.offset : undefined,
        possibleRepeat,
        atMs: nowMs,
      }),
    );
    await this.#append(records, nowMs);
    for (const record of records) this.#note(record);
    this.#forget(nowMs);
  }

  #note(record: DeliveryRecord): void {
    if (record.kind === 'outcome') {
      const { outcome, offset = Infinity, atMs, possibleRepeat } = record;
      const key = `${record.webhookId} ${record.notificationId}`;
      const before = this.#ended.get(key)?.upTo ?? -1;
      if (outcome !== 'parked') {
        // Noted anew at the end, so that the oldest stand first.
        this.#ended.delete(key);
        this.#ended.set(key, { atMs, upTo: outcome === 'rerouted' ? Math.max(before, offset) : Infinity });
        this.#doubtful.delete(key);
        this.#proven.delete(key);
      }
      if (possibleRepeat && before !== Infinity) this.#doubtful.add(key);
      this.#close(record);
      return;
    }
    if (record.kind === 'withdrawn') return this.#forgetAttempt(record);
    const { webhookId, notificationId, attemptId, attempt, atMs, deadlineMs } = record;
    const attempts = this.#open.get(webhookId) ?? new Map<string, OpenAttempt>();
    this.#open.set(webhookId, attempts);
    const known = attempts.get(attemptId);
    const notificationIds = known?.notificationIds ?? new Set<string>();
    // Whoever began it may not have heard of a former owner's late outcome.
    if (!this.hasEnded(notificationId, webhookId, Infinity)) notificationIds.add(notificationId);
    const isNewest = known === undefined || known.atMs <= atMs;
    const last = isNewest ? { attemptId, notificationIds, attempt, atMs, deadlineMs } : known;
    attempts.set(attemptId, { ...last, lastAtMs: atMs });
  }

  /** A notification of open attempts has an outcome. */
  #close({ webhookId, notificationId, outcome, messageId, attemptId, atMs }: DeliveryEnd): void {
    const attempts = this.#open.get(webhookId);
    if (attempts === undefined) return;
    for (const { notificationIds } of attempts.values()) notificationIds.delete(notificationId);
    const delivered = attemptId === undefined ? undefined : attempts.get(attemptId);
    if (delivered !== undefined && (outcome === 'delivered' || outcome === 'merged')) {
      for (const id of delivered.notificationIds) this.#proven.set(`${webhookId} ${id}`, { outcome, messageId });
      delivered.notificationIds.clear();
    }
    // What was begun after this outcome was written is somebody else's.
    for (const [id, attempt] of attempts)
      if (attempt.notificationIds.size === 0 && attempt.atMs <= atMs) attempts.delete(id);
    if (attempts.size === 0) this.#open.delete(webhookId);
  }

  #forgetAttempt({ webhookId, notificationId, attemptId, attemptAtMs, notBeforeMs = 0 }: DeliveryWithdrawal): void {
    const attempts = this.#open.get(webhookId);
    const withdrawn = attempts?.get(attemptId);
    if (attempts === undefined || withdrawn?.lastAtMs !== attemptAtMs) return;
    this.#heldUntilMs.set(webhookId, notBeforeMs);
    withdrawn.notificationIds.delete(notificationId);
    if (withdrawn.notificationIds.size === 0) attempts.delete(attemptId);
    if (attempts.size === 0) this.#open.delete(webhookId);
  }

  #forget(nowMs: number): void {
    for (const [key, { atMs }] of this.#ended) {
      if (atMs >= nowMs - restoredMs) return;
      this.#ended.delete(key);
    }
  }

  async #append(records: readonly DeliveryRecord[], timestampMs: number): Promise<void> {
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

function leastOf(offsets: readonly number[]): number {
  return offsets.reduce((least, offset) => Math.min(least, offset), Infinity);
}

function newestOf(attempts: readonly OpenAttempt[]): OpenAttempt | undefined {
  return attempts.toSorted((one, other) => one.atMs - other.atMs).at(-1);
}
