import { judgeableMs, parseNotification, type Notice, type Notification } from '../../alarm/notification.ts';
import { recordsOf } from '../../log/batch.ts';
import type { Log } from '../../log/log.ts';
import type { RecordChunk } from '../../log/record.ts';
import { deliveryAfter, isFinal, notAttempted, parseDeliveriesEntry } from '../../notice/delivery-state.ts';
import { topics } from '../../topics.ts';
import type { Feed } from './feed.ts';
import type { Sending } from './sending.ts';
import { WebhooksSeen, type WebhookSeen } from './webhooks-seen.ts';

/** How far back it reads at the start. */
export const deliveriesBackMs = 7 * 24 * 3_600_000;
/** Messages kept per partition. */
const keptMax = 2_500;
const rulesMax = 100_000;
/** Unfinished messages that are kept; of further ones only the approximate number is known. */
const waitingMax = 200_000;
const latenciesMax = 1_000;
const latencyWindowMs = 10 * 60_000;

export interface DeliveriesViewOptions {
  readonly log: Log;
  readonly feed: Feed;
  readonly now: () => number;
  readonly onNotification: (sending: Sending, notification: Notification) => void;
  /** Kinds that send no message. */
  readonly onNotice: (notice: Notice) => void;
}

/**
 * The messages of the last days and their outcomes, from `notifications` and `deliveries`, which are partitioned alike.
 * `deliveries` is read once all notifications of the start are known, so that each outcome finds its message.
 */
export class DeliveriesView {
  readonly #options: DeliveriesViewOptions;
  readonly #byPartition = new Map<number, Map<string, Sending>>();
  readonly #byRule = new Map<string, Sending>();
  readonly #webhooks = new WebhooksSeen();
  readonly #waiting = new Map<string, WebhookSeen>();
  #latencies: { readonly atMs: number; readonly tookMs: number }[] = [];

  constructor(options: DeliveriesViewOptions) {
    this.#options = options;
  }

  /** Calls back when all records of the start have been read; then follows until the signal aborts. */
  async run(signal: AbortSignal, caughtUp: () => void): Promise<void> {
    const { log, now } = this.#options;
    const fromMs = now() - deliveriesBackMs;
    const notifications = log.view(topics.notifications.name, (chunk) => this.#notifications(chunk), signal, fromMs);
    // When the view ends before, `ended` has the reason.
    await Promise.race([notifications.caughtUp, notifications.ended]).catch(() => {});
    const deliveries = log.view(topics.deliveries.name, (chunk) => this.#deliveries(chunk), signal, fromMs);
    deliveries.caughtUp.then(caughtUp, () => {});
    await Promise.all([notifications.ended, deliveries.ended]);
  }

  /** The message of a rule with the latest event, within the last seven days. */
  lastOfRule(ruleId: string): Sending | undefined {
    return this.#byRule.get(ruleId);
  }

  webhook(webhookId: string): WebhookSeen | undefined {
    return this.#webhooks.get(webhookId);
  }

  /** The webhooks with a message in the last seven days. */
  webhooks(): IterableIterator<WebhookSeen> {
    return this.#webhooks.values();
  }

  /** The webhooks with a target that is paused or failing. */
  troubledWebhooks(): WebhookSeen[] {
    return this.#webhooks.troubled();
  }

  /** By the notification's id, with its `~` if it was resent; undefined when it is no longer kept. */
  sending(notificationId: string): Sending | undefined {
    for (const sendings of this.#byPartition.values()) {
      const found = sendings.get(notificationId);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Notifications without a final outcome. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** p99 of the time from sample to Discord's answer, over the messages of the last ten minutes. */
  latencyP99Ms(): number | undefined {
    const sinceMs = this.#options.now() - latencyWindowMs;
    const took = this.#latencies.filter(({ atMs }) => atMs >= sinceMs).map(({ tookMs }) => tookMs);
    return took.sort((one, other) => one - other)[Math.ceil(took.length * 0.99) - 1];
  }

  #notifications(chunk: RecordChunk): void {
    for (const { key, value, partition, timestampMs } of recordsOf(chunk)) {
      const notification = value === null ? { problem: 'a tombstone' } : parseNotification(value);
      // The notifier counts and skips these.
      if ('problem' in notification) continue;
      if (!notification.message) {
        this.#options.onNotice(notification);
        continue;
      }
      const sending = this.#sending(partition, notification.id, Buffer.from(key ?? []).toString());
      // A notification that was appended twice after a crash is one message.
      if (sending.notification !== undefined) continue;
      sending.notification = notification;
      sending.appendedMs = timestampMs;
      if (!isFinal(sending.outcome)) this.#awaits(sending);
      this.#noteRule(sending);
      this.#options.onNotification(sending, notification);
    }
  }

  #deliveries(chunk: RecordChunk): void {
    for (const stored of recordsOf(chunk)) {
      const { partition, offset, timestampMs } = stored;
      const record = parseDeliveriesEntry(stored);
      if (record === undefined) continue;
      if (record.kind === 'parking') this.#webhooks.noteTargets(record);
      // A failed attempt is followed by another.
      if (record.kind === 'parking' || record.kind === 'withdrawn') continue;
      const sending = this.#sending(partition, record.notificationId, record.webhookId);
      Object.assign(sending, deliveryAfter(sending, record));
      this.#noteRule(sending);
      if (record.kind === 'attempt') this.#webhooks.requested(record);
      if (record.kind !== 'outcome') continue;
      this.#webhooks.ended(sending);
      this.#webhooks.noteTargets(record);
      this.#noteEnd(sending);
      const { outcome, notificationId, webhookId, reason } = record;
      if (outcome !== 'parked' && outcome !== 'dead' && outcome !== 'expired') continue;
      const place = { partition, offset, atMs: timestampMs };
      const failure = { notificationId, webhookId, outcome, reason };
      this.#options.feed.add({ kind: 'delivery', topic: 'deliveries', ...place, ...failure });
    }
    this.#options.feed.advance('deliveries', chunk.partition, chunk.nextOffset);
  }

  #sending(partition: number, id: string, webhookId: string): Sending {
    const sendings = this.#byPartition.get(partition) ?? new Map<string, Sending>();
    this.#byPartition.set(partition, sendings);
    const before = sendings.get(id);
    if (before !== undefined) return before;
    const sending = newSending(id, webhookId);
    sendings.set(id, sending);
    if (sendings.size > keptMax) sendings.delete(sendings.keys().next().value!);
    return sending;
  }

  #awaits(sending: Sending): void {
    if (this.#waiting.size >= waitingMax || this.#waiting.has(sending.id)) return;
    const webhook = this.#webhooks.at(sending.webhookId);
    webhook.waiting++;
    this.#waiting.set(sending.id, webhook);
  }

  #noteRule(sending: Sending): void {
    const ruleId = sending.notification?.ruleId;
    if (ruleId === undefined) return;
    const before = this.#byRule.get(ruleId);
    if (before !== undefined && heardMs(before) > heardMs(sending)) return;
    this.#byRule.delete(ruleId);
    this.#byRule.set(ruleId, sending);
    if (this.#byRule.size > rulesMax) this.#byRule.delete(this.#byRule.keys().next().value!);
  }

  #noteEnd({ id, webhookId, outcome, outcomeMs = 0, notification }: Sending): void {
    if (isFinal(outcome) && this.#waiting.delete(id)) this.#webhooks.at(webhookId).waiting--;
    if ((outcome !== 'delivered' && outcome !== 'merged') || notification === undefined) return;
    // A delay by the cooldown does not count as delivery time.
    if (notification.deferred) return;
    this.#latencies.push({ atMs: outcomeMs, tookMs: outcomeMs - judgeableMs(notification) });
    if (this.#latencies.length > latenciesMax * 2) this.#latencies = this.#latencies.slice(-latenciesMax);
  }
}

/** A message without any event yet. */
export function newSending(id: string, webhookId: string): Sending {
  return { ...notAttempted, id, webhookId, notification: undefined, appendedMs: undefined };
}

/** The time of its latest event. */
export function heardMs({ appendedMs, attemptedMs, outcomeMs }: Sending): number {
  return Math.max(appendedMs ?? 0, attemptedMs ?? 0, outcomeMs ?? 0);
}
