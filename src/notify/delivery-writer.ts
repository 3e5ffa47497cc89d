import { createHash } from 'node:crypto';
import { formatNotification, type Notification } from '../alarm/notification.ts';
import type { Clock } from '../base/clock.ts';
import { requestMsMax } from '../receiver/receiver.ts';
import { recordsOf } from '../log/batch.ts';
import type { Claim, Log } from '../log/log.ts';
import type { NewRecord } from '../log/record.ts';
import {
  formatDeliveryRecord,
  type DeliveryEnd,
  type DeliveryOutcome,
  type DeliveryRecord,
} from '../notice/delivery-record.ts';
import {
  failingAfter,
  noneFailing,
  nonePaused,
  parseDeliveriesEntry,
  pausedAfter,
  type FailingTargets,
  type PausedTargets,
} from '../notice/delivery-state.ts';
import { formatParkingRecord, type ParkingRecord } from '../notice/parking-record.ts';
import { restoredMs, SentNotifications } from '../notice/sent-notifications.ts';
import type { NotifyCount } from './notify-meters.ts';
import { topics } from '../topics.ts';

/** A notification that waits to be sent: where it stands in the log, and since when. */
export interface Waiting {
  readonly notification: Notification;
  /** The key of its record: what is sent under one key goes in order, one request at a time. */
  readonly key: string;
  readonly offset: number;
  readonly appendedMs: number;
  /** Whether the position waits for it: one that was parked has an outcome already. */
  readonly holds: boolean;
}

/** The outcome of one that waited. */
export interface Ending {
  readonly waiting: Waiting;
  readonly outcome: DeliveryOutcome;
  readonly messageId?: string | undefined;
  readonly attemptId?: string | undefined;
  readonly reason?: string | undefined;
  /** The name of the target that it was sent to, or that is paused. */
  readonly webhook?: string | undefined;
  readonly possibleRepeat?: boolean;
}

/** An attempt that this owner began. */
export interface Attempt {
  readonly id: string;
  readonly atMs: number;
  readonly batch: readonly Waiting[];
}

/** An attempt that certainly delivered nothing, the name of its target, and when that one may be sent to again. */
export interface Retraction {
  readonly attempt: Attempt;
  readonly webhook: string;
  readonly webhookNotBeforeMs: number | undefined;
}

/** What a former owner left of one key: its paused targets, and what waits for them. */
export interface RestoredParking {
  readonly key: string;
  /** Where the oldest parked notification stands; undefined when there is none. */
  readonly fromOffset: number | undefined;
  readonly paused: PausedTargets;
  readonly failing: FailingTargets;
}

/** From the decision to send until the request is written, at most: an attempt that took longer to append is started again. */
export const beginMsMax = 5_000;

/** Appends what this owner does to `deliveries`, and knows what it and the owners before it did. */
export class DeliveryWriter {
  readonly sent = new SentNotifications();
  /** Targets that former owners delivered to, the last of each, by key and name. */
  readonly served = new Map<string, { readonly key: string; readonly name: string; readonly atMs: number }>();
  readonly #claim: Claim;
  readonly #clock: Clock;
  readonly #count: Pick<NotifyCount, 'ended'>;

  constructor(claim: Claim, clock: Clock, count: Pick<NotifyCount, 'ended'>) {
    this.#claim = claim;
    this.#clock = clock;
    this.#count = count;
  }

  /** Reads the deliveries of the last day. Resolves to the parked targets. */
  async restore(log: Log): Promise<RestoredParking[]> {
    const parked = new Map<string, DeliveryEnd[]>();
    const paused = new Map<string, PausedTargets>();
    const failing = new Map<string, FailingTargets>();
    const from = { timestampMs: this.#clock.wallMs() - restoredMs };
    for await (const chunk of log.read(topics.deliveries.name, this.#claim.partition, { from })) {
      for (const stored of recordsOf(chunk)) {
        const record = parseDeliveriesEntry(stored);
        if (record === undefined) continue;
        const { webhookId: key } = record;
        paused.set(key, pausedAfter(paused.get(key) ?? nonePaused, record));
        failing.set(key, failingAfter(failing.get(key) ?? noneFailing, record));
        if (record.kind === 'parking') continue;
        this.sent.apply(record);
        if (record.kind !== 'outcome' || record.webhook === undefined) continue;
        const { webhook: name, outcome, atMs } = record;
        if (outcome === 'delivered' || outcome === 'merged') this.served.set(`${key} ${name}`, { key, name, atMs });
        if (outcome !== 'parked') continue;
        this.served.delete(`${key} ${name}`);
        const ends = parked.get(key) ?? [];
        parked.set(key, ends);
        ends.push(record);
      }
    }
    this.sent.forget(this.#clock.wallMs());
    return [...paused].flatMap(([key, targets]) => {
      const offsets = (parked.get(key) ?? [])
        .filter(({ notificationId, offset = 0 }) => !this.sent.isFinished(notificationId, key, offset))
        .map(({ offset = 0 }) => offset);
      const broken = failing.get(key) ?? noneFailing;
      if (offsets.length === 0 && targets.size === 0 && broken.size === 0) return [];
      const fromOffset = offsets.length === 0 ? undefined : leastOf(offsets);
      return [{ key, fromOffset, paused: targets, failing: broken }];
    });
  }

  /** Durable before the request is written. */
  async begin(batch: readonly Waiting[], attempt: number, shown: number): Promise<Attempt> {
    const atMs = this.#clock.wallMs();
    const attemptId = attemptIdOf(batch);
    const deadlineMs = atMs + beginMsMax + requestMsMax;
    const records = batch.map(({ notification, key }) => ({
      kind: 'attempt' as const,
      notificationId: notification.id,
      webhookId: key,
      attemptId,
      attempt,
      ...(shown < batch.length && { shown }),
      atMs,
      deadlineMs,
    }));
    await this.#append(records, atMs);
    return { id: attemptId, atMs, batch };
  }

  /** Of these attempts nothing was delivered: the next owner sends what they carried as if for the first time. */
  async retract(retractions: readonly Retraction[], notBeforeMs: number | undefined): Promise<void> {
    const atMs = this.#clock.wallMs();
    const records = retractions.flatMap(({ attempt: { id, atMs: attemptAtMs, batch }, webhook, webhookNotBeforeMs }) =>
      batch.map(({ notification, key }) => ({
        kind: 'withdrawn' as const,
        notificationId: notification.id,
        webhookId: key,
        attemptId: id,
        attemptAtMs,
        notBeforeMs,
        webhook,
        webhookNotBeforeMs,
        atMs,
      })),
    );
    await this.#append(records, atMs);
  }

  /** Durable before the position moves on. */
  async end(endings: readonly Ending[]): Promise<void> {
    if (endings.length === 0) return;
    await this.correct(endings);
    for (const { waiting, outcome } of endings) this.#count.ended(outcome, this.#clock.wallMs() - waiting.appendedMs);
  }

  /** Writes outcomes that take the place of others. */
  async correct(endings: readonly Ending[]): Promise<void> {
    const atMs = this.#clock.wallMs();
    const records = endings.map(
      ({ waiting, outcome, messageId, attemptId, reason, webhook, possibleRepeat = false }) => ({
        kind: 'outcome' as const,
        notificationId: waiting.notification.id,
        webhookId: waiting.key,
        outcome,
        messageId,
        attemptId,
        reason,
        webhook,
        offset: outcome === 'parked' || outcome === 'rerouted' ? waiting.offset : undefined,
        possibleRepeat,
        atMs,
      }),
    );
    await this.#append(records, atMs);
    for (const record of records) this.sent.apply(record);
    this.sent.forget(atMs);
  }

  /** Appends a notification again, under another key. */
  async reroute({ notification }: Waiting, key: string): Promise<void> {
    const record = { key: Buffer.from(key), value: Buffer.from(formatNotification(notification)) };
    await this.#claim.append(topics.notifications.name, [{ ...record, timestampMs: this.#clock.wallMs() }]);
  }

  /** Publishes which targets are paused, and which no longer. */
  async publish(parkings: readonly ParkingRecord[]): Promise<void> {
    if (parkings.length === 0) return;
    await this.#appendTexts(
      parkings.map((record) => [record.webhook, formatParkingRecord(record)]),
      this.#clock.wallMs(),
    );
  }

  #append(records: readonly DeliveryRecord[], timestampMs: number): Promise<void> {
    return this.#appendTexts(
      records.map((record) => [record.notificationId, formatDeliveryRecord(record)]),
      timestampMs,
    );
  }

  async #appendTexts(records: readonly (readonly [key: string, value: string])[], timestampMs: number): Promise<void> {
    const { partition } = this.#claim;
    await this.#claim.append(
      topics.deliveries.name,
      records.map(([key, value]): NewRecord => ({
        key: Buffer.from(key),
        value: Buffer.from(value),
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
