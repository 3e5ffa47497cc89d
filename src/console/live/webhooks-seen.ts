import type { DeliveryAttempt } from '../../notice/delivery-record.ts';
import { nonePaused, pausedAfter, type DeliveriesEntry, type PausedTargets } from '../../notice/delivery-state.ts';
import type { Sending } from './sending.ts';

/** What is known of one webhook, by its numeric id. */
export interface WebhookSeen {
  readonly webhookId: string;
  /** Messages that are due and have come to no end; those that are parked count. */
  waiting: number;
  lastDelivered: Sending | undefined;
  lastFailed: Sending | undefined;
  paused: PausedTargets;
  /** Requests of its last minute, oldest first. */
  readonly requests: { readonly attemptId: string; readonly atMs: number }[];
}

const webhooksMax = 20_000;
const requestsBackMs = 60_000;

/** The webhooks that messages were due to in the last seven days, and how it went. */
export class WebhooksSeen {
  readonly #byId = new Map<string, WebhookSeen>();

  get(webhookId: string): WebhookSeen | undefined {
    return this.#byId.get(webhookId);
  }

  values(): IterableIterator<WebhookSeen> {
    return this.#byId.values();
  }

  /** The webhook, made when it is not there. */
  at(webhookId: string): WebhookSeen {
    const before = this.#byId.get(webhookId);
    if (before !== undefined) return before;
    const none = { waiting: 0, lastDelivered: undefined, lastFailed: undefined };
    const webhook: WebhookSeen = { webhookId, ...none, paused: nonePaused, requests: [] };
    this.#byId.set(webhookId, webhook);
    if (this.#byId.size > webhooksMax) this.#byId.delete(this.#byId.keys().next().value!);
    return webhook;
  }

  /** A request begins; all notifications of one message have the same attempt. */
  requested({ webhookId, attemptId, atMs }: DeliveryAttempt): void {
    const { requests } = this.at(webhookId);
    if (requests.at(-1)?.attemptId === attemptId) return;
    requests.push({ attemptId, atMs });
    while (requests[0]!.atMs < atMs - requestsBackMs) requests.shift();
  }

  /** A notification got an outcome. */
  ended(sending: Sending): void {
    const webhook = this.at(sending.webhookId);
    if (sending.outcome === 'delivered' || sending.outcome === 'merged') webhook.lastDelivered = sending;
    else if (sending.outcome !== 'rerouted') webhook.lastFailed = sending;
  }

  /** A record of `deliveries` that may say which targets are paused. */
  notePaused(entry: DeliveriesEntry): void {
    const before = this.#byId.get(entry.webhookId);
    const paused = pausedAfter(before?.paused ?? nonePaused, entry);
    if (paused.size > 0 || before !== undefined) this.at(entry.webhookId).paused = paused;
  }
}
