import { webhookName } from '../discord/webhook-name.ts';
import type { ParkingRecord } from '../notice/parking-record.ts';
import type { Webhook } from '../rule/webhook-url.ts';
import type { RestoredParking, Waiting } from './delivery-log.ts';
import { hurried, park, postponed, probed, type Parked } from './schedule/parking.ts';

/** Rules remembered for a parked pair, to find its URL again. */
const rulesMax = 10;
/** What is parked is told again after this time, so that it stands in the records of the last day. */
const toldEveryMs = 6 * 3_600_000;

interface ParkedPair {
  state: Parked;
  readonly ruleIds: Set<string>;
  /** When its state was told last; undefined when it has changed since. */
  toldMs: number | undefined;
}

interface ParkedWebhook {
  readonly pairs: Map<string, ParkedPair>;
  /** What was known of pairs that were revived, until something is delivered. */
  readonly revived: Map<string, Parked>;
  /** Where the oldest notification that waits here may stand, and when it was appended. Infinity when none does. */
  fromOffset: number;
  oldestMs: number;
}

/**
 * The parked webhooks of one partition, and from where on the notifications that wait for them must be read again. Nothing
 * else of them is in memory, however many there are.
 */
export class ParkedWebhooks {
  readonly #webhooks = new Map<string, ParkedWebhook>();
  /** Pairs that are parked no longer, which is not told yet. */
  readonly #freed: { readonly webhook: string; readonly webhookId: string }[] = [];

  restore({ webhookId, fromOffset, paused }: RestoredParking): void {
    const webhook = this.#webhook(webhookId);
    if (fromOffset !== undefined) [webhook.fromOffset, webhook.oldestMs] = [fromOffset, 0];
    for (const [name, { reason, sinceMs, published }] of paused) {
      const parked = park(name, reason, sinceMs);
      if (published === undefined) webhook.pairs.set(name, { state: parked, ruleIds: new Set(), toldMs: undefined });
      else {
        const { atMs, probes, scheduledAtMs, probeAtMs, ruleIds } = published;
        const state = { ...parked, probes, scheduledAtMs, probeAtMs };
        webhook.pairs.set(name, { state, ruleIds: new Set(ruleIds), toldMs: atMs });
      }
    }
  }

  /** How it stands with the pairs of which that was not told yet, or long ago. */
  takeNews(nowMs: number): ParkingRecord[] {
    const news: ParkingRecord[] = this.#freed.splice(0).map((pair) => ({ ...pair, parked: undefined, atMs: nowMs }));
    for (const [webhookId, { pairs }] of this.#webhooks)
      for (const [webhook, pair] of pairs) {
        if (pair.toldMs !== undefined && nowMs - pair.toldMs < toldEveryMs) continue;
        pair.toldMs = nowMs;
        news.push({ webhook, webhookId, parked: { ...pair.state, ruleIds: [...pair.ruleIds] }, atMs: nowMs });
      }
    return news;
  }

  isParked(webhookId: string, webhook: Webhook): boolean {
    const pairs = this.#webhooks.get(webhookId)?.pairs;
    return pairs !== undefined && pairs.size > 0 && pairs.has(webhookName(webhook));
  }

  stateOf(webhookId: string, webhook: Webhook): Parked | undefined {
    return this.#webhooks.get(webhookId)?.pairs.get(webhookName(webhook))?.state;
  }

  park(webhook: Webhook, reason: string, nowMs: number): Parked {
    const name = webhookName(webhook);
    const parked = this.#webhook(webhook.id);
    const pair = parked.pairs.get(name);
    const state = park(name, reason, nowMs, pair?.state ?? parked.revived.get(name));
    parked.pairs.set(name, { state, ruleIds: pair?.ruleIds ?? new Set(), toldMs: undefined });
    return state;
  }

  /** This notification waits for its parked webhook. */
  note({ webhookId, offset, appendedMs, notification }: Waiting, webhook: Webhook): void {
    const parked = this.#webhook(webhookId);
    parked.fromOffset = Math.min(parked.fromOffset, offset);
    parked.oldestMs = Math.min(parked.oldestMs, appendedMs);
    const ruleIds = parked.pairs.get(webhookName(webhook))?.ruleIds;
    if (ruleIds !== undefined && ruleIds.size < rulesMax) ruleIds.add(notification.ruleId);
  }

  /** From where on what waits for this webhook must be read; given once, since reading notes what goes on waiting. */
  takeFrom(webhookId: string): number | undefined {
    const parked = this.#webhooks.get(webhookId);
    if (parked === undefined || parked.fromOffset === Infinity) return undefined;
    const { fromOffset } = parked;
    parked.fromOffset = Infinity;
    parked.oldestMs = Infinity;
    return fromOffset;
  }

  /** Something was delivered with this pair. */
  served(webhook: Webhook): void {
    const parked = this.#webhooks.get(webhook.id);
    if (parked === undefined) return;
    parked.revived.delete(webhookName(webhook));
    if (parked.pairs.size === 0 && parked.revived.size === 0 && parked.fromOffset === Infinity)
      this.#webhooks.delete(webhook.id);
  }

  /** One of the webhook's rules was edited: its pairs are looked at soon. */
  hurry(webhookId: string, nowMs: number, ruleId: string): void {
    for (const pair of this.#webhooks.get(webhookId)?.pairs.values() ?? []) {
      change(pair, hurried(pair.state, nowMs));
      // The newest edit is the best guess at a URL that holds.
      pair.ruleIds.add(ruleId);
    }
  }

  /** The pairs that are to be looked at now, and the rules in which their URL may stand. */
  due(nowMs: number): { webhookId: string; name: string; ruleIds: ReadonlySet<string> }[] {
    return [...this.#webhooks].flatMap(([webhookId, { pairs }]) =>
      [...pairs]
        .filter(([, { state }]) => state.probeAtMs <= nowMs)
        .map(([name, { ruleIds }]) => ({ webhookId, name, ruleIds })),
    );
  }

  /** It was looked at. When it is alive it is parked no longer. */
  probed(webhookId: string, name: string, isAlive: boolean, nowMs: number): void {
    const parked = this.#webhooks.get(webhookId);
    const pair = parked?.pairs.get(name);
    if (parked === undefined || pair === undefined) return;
    change(pair, probed(pair.state, nowMs));
    if (!isAlive) return;
    this.forget(webhookId, name);
    parked.revived.set(name, pair.state);
  }

  /** Nothing was learned of it. */
  postponed(webhookId: string, name: string, nowMs: number): void {
    const pair = this.#webhooks.get(webhookId)?.pairs.get(name);
    if (pair !== undefined) change(pair, postponed(pair.state, nowMs));
  }

  /** No rule has this pair any more. */
  forget(webhookId: string, name: string): void {
    if (this.#webhooks.get(webhookId)?.pairs.delete(name) === true) this.#freed.push({ webhook: name, webhookId });
  }

  /** The webhooks for which something was appended before this time. */
  withOlderThan(timeMs: number): string[] {
    return [...this.#webhooks].filter(([, parked]) => parked.oldestMs < timeMs).map(([webhookId]) => webhookId);
  }

  /** When the oldest was appended that waits for each webhook, as far as that is known. */
  oldestTimes(): number[] {
    return [...this.#webhooks.values()].map(({ oldestMs }) => oldestMs).filter((time) => time > 0 && time < Infinity);
  }

  has(webhookId: string): boolean {
    return this.#webhooks.has(webhookId);
  }

  states(): Parked[] {
    return [...this.#webhooks.values()].flatMap(({ pairs }) => [...pairs.values()].map(({ state }) => state));
  }

  #webhook(webhookId: string): ParkedWebhook {
    let webhook = this.#webhooks.get(webhookId);
    if (webhook === undefined) {
      webhook = { pairs: new Map(), revived: new Map(), fromOffset: Infinity, oldestMs: Infinity };
      this.#webhooks.set(webhookId, webhook);
    }
    return webhook;
  }
}

function change(pair: ParkedPair, state: Parked): void {
  pair.state = state;
  pair.toldMs = undefined;
}
