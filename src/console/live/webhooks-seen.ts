import type { DeliveryAttempt } from '../../notice/delivery-record.ts';
import {
  failingAfter,
  noneFailing,
  nonePaused,
  pausedAfter,
  type DeliveriesEntry,
  type FailingTargets,
  type PausedTargets,
} from '../../notice/delivery-state.ts';
import type { Sending } from './sending.ts';

/** The facts about one webhook, by its numeric id. */
export interface WebhookSeen {
  readonly webhookId: string;
  /** Messages without a final outcome, parked ones included. */
  waiting: number;
  lastDelivered: Sending | undefined;
  lastFailed: Sending | undefined;
  paused: PausedTargets;
  failing: FailingTargets;
  /** Requests of its last minute, oldest first. */
  readonly requests: { readonly attemptId: string; readonly atMs: number }[];
}

const webhooksMax = 20_000;
const requestsBackMs = 60_000;

/** The webhooks with messages in the last seven days, and their outcomes. */
export class WebhooksSeen {
  readonly #byId = new Map<string, WebhookSeen>();
  readonly #troubled = new Set<string>();

  get(webhookId: string): WebhookSeen | undefined {
    return this.#byId.get(webhookId);
  }

  values(): IterableIterator<WebhookSeen> {
    return this.#byId.values();
  }

  /** The webhook's entry, created when missing. */
  at(webhookId: string): WebhookSeen {
    const before = this.#byId.get(webhookId);
    if (before !== undefined) return before;
    const none = { waiting: 0, lastDelivered: undefined, lastFailed: undefined };
    const webhook: WebhookSeen = { webhookId, ...none, paused: nonePaused, failing: noneFailing, requests: [] };
    this.#byId.set(webhookId, webhook);
    if (this.#byId.size > webhooksMax) this.#byId.delete(this.#byId.keys().next().value!);
    return webhook;
  }

  /** A request begins; all notifications of one message have the same attempt, and so have its repeats, at other times. */
  requested({ webhookId, attemptId, atMs }: DeliveryAttempt): void {
    const { requests } = this.at(webhookId);
    const last = requests.at(-1);
    if (last?.attemptId === attemptId && last.atMs === atMs) return;
    requests.push({ attemptId, atMs });
    while (requests[0]!.atMs < atMs - requestsBackMs) requests.shift();
  }

  /** A notification got an outcome. */
  ended(sending: Sending): void {
    const webhook = this.at(sending.webhookId);
    if (sending.outcome === 'delivered' || sending.outcome === 'merged') webhook.lastDelivered = sending;
    else if (sending.outcome !== 'rerouted') webhook.lastFailed = sending;
  }

  /** A record of `deliveries`, which may list paused or failing targets. */
  noteTargets(entry: DeliveriesEntry): void {
    const before = this.#byId.get(entry.webhookId);
    const paused = pausedAfter(before?.paused ?? nonePaused, entry);
    const failing = failingAfter(before?.failing ?? noneFailing, entry);
    if (paused.size + failing.size === 0 && before === undefined) return;
    Object.assign(this.at(entry.webhookId), { paused, failing });
    if (paused.size + failing.size > 0) this.#troubled.add(entry.webhookId);
    else this.#troubled.delete(entry.webhookId);
  }

  /** Those with a target that is paused or failing. */
  troubled(): WebhookSeen[] {
    return [...this.#troubled].flatMap((webhookId) => this.#byId.get(webhookId) ?? []);
  }
}
