import type { DeliveryAttempt } from '../../notice/delivery-record.ts';
import type { ParkingRecord } from '../../notice/parking-record.ts';
import type { Sending } from './deliveries-view.ts';

/** Why nothing is sent to a pair of id and token, and when it is looked at again. */
export interface ParkedSeen {
  readonly reason: string;
  readonly sinceMs: number;
  /** undefined: the notifier has not told yet. */
  readonly probeAtMs: number | undefined;
}

/** What is known of one webhook, by its numeric id. */
export interface WebhookSeen {
  readonly webhookId: string;
  /** Messages that are due and have come to no end; those that are parked count. */
  waiting: number;
  lastDelivered: Sending | undefined;
  lastFailed: Sending | undefined;
  /** By the name of the pair of id and token, `wh_…`: a mistyped token says nothing of another. */
  readonly parked: Map<string, ParkedSeen>;
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
    const webhook: WebhookSeen = { webhookId, ...none, parked: new Map(), requests: [] };
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

  /** A message came to an outcome; `pair`: when it was parked, for which id and token. */
  ended(sending: Sending, pair: string | undefined): void {
    const webhook = this.at(sending.webhookId);
    const { outcome, outcomeMs = 0, reason = 'unknown' } = sending;
    if (outcome === 'delivered' || outcome === 'merged') {
      webhook.lastDelivered = sending;
      webhook.parked.clear();
      return;
    }
    if (outcome !== 'rerouted') webhook.lastFailed = sending;
    if (outcome !== 'parked' || pair === undefined || webhook.parked.has(pair)) return;
    webhook.parked.set(pair, { reason, sinceMs: outcomeMs, probeAtMs: undefined });
  }

  /** The notifier tells how it stands with a parked one. */
  told({ webhook: pair, webhookId, parked }: ParkingRecord): void {
    if (parked === undefined) {
      this.#byId.get(webhookId)?.parked.delete(pair);
      return;
    }
    const { reason, sinceMs, probeAtMs } = parked;
    this.at(webhookId).parked.set(pair, { reason, sinceMs, probeAtMs });
  }
}
