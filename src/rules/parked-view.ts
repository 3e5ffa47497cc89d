import { refresher } from '../base/refresher.ts';
import { recordsOf } from '../log/batch.ts';
import { OffsetGone, type Log } from '../log/log.ts';
import type { RecordChunk } from '../log/record.ts';
import { nonePaused, parseDeliveriesEntry, pausedAfter, type PausedTargets } from '../notice/delivery-state.ts';
import type { Webhook } from '../receiver/discord/address.ts';
import { receiverKey } from '../receiver/receiver-config.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { topics } from '../topics.ts';
import { webhookName } from '../receiver/discord/webhook-name.ts';
import type { ParkedDelivery, ParkedTarget } from '../wire/rules.ts';

const hourMs = 3_600_000;
/** The notifier publishes again within this time what is still parked. */
const rememberedMs = 24 * hourMs;
/** When a parked target is probed first; assumed until the notifier has published it, which takes a second. */
const firstProbeMs = hourMs;

/** The name of the target that a receiver has now; undefined when there is no such receiver. */
export type TargetOfReceiver = (receiver: string) => string | undefined;

/**
 * Which targets are parked, materialized from the `deliveries` of the last day. It reads on from where it was when somebody
 * asks, and nothing in between; in memory is what is parked.
 */
export class ParkedView {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #targetOfReceiver: TargetOfReceiver;
  /** By partition: the first offset not read. */
  readonly #next = new Map<number, number>();
  /** By the key of notifications, then by the name of the target: one mistyped token says nothing of another. */
  readonly #parked = new Map<string, PausedTargets>();

  constructor(log: Log, now: () => number, targetOfReceiver: TargetOfReceiver = () => undefined) {
    this.#log = log;
    this.#now = now;
    this.#targetOfReceiver = targetOfReceiver;
  }

  /** Reads what has come. Resolves when all that was there at the call is known. */
  readonly refresh = refresher(() => this.#readAll());

  /** As it stood at the last refresh. */
  of(webhook: Webhook): ParkedTarget | undefined {
    return this.#parkedTarget(webhook.id, webhookName(webhook));
  }

  /** What of the rule's targets was parked at the last refresh; undefined when none was. */
  ofRule({ rule, webhook }: Pick<RuleEntry, 'rule' | 'webhook'>): ParkedDelivery | undefined {
    const ofWebhook = webhook === undefined ? undefined : this.of(webhook);
    const ofReceivers = (rule.notify ?? []).map((receiver) => this.#parkedReceiver(receiver));
    const [first, ...also] = [ofWebhook, ...ofReceivers].filter((target) => target !== undefined);
    return first === undefined || also.length === 0 ? first : { ...first, also };
  }

  #parkedReceiver(receiver: string): ParkedTarget | undefined {
    const key = receiverKey(receiver);
    // Most are not, and the name of a target is a hash.
    if (!this.#parked.has(key)) return undefined;
    const name = this.#targetOfReceiver(receiver);
    const parked = name === undefined ? undefined : this.#parkedTarget(key, name);
    return parked && { ...parked, receiver };
  }

  #parkedTarget(key: string, name: string): ParkedTarget | undefined {
    const parked = this.#parked.get(key)?.get(name);
    if (parked === undefined) return undefined;
    const { reason, sinceMs, published } = parked;
    const probeAtMs = published?.probeAtMs ?? sinceMs + firstProbeMs;
    const [since, probe] = [sinceMs, probeAtMs].map((timeMs) => new Date(timeMs).toISOString()) as [string, string];
    return { state: 'parked', reason, since, next_probe: probe };
  }

  async #readAll(): Promise<void> {
    const count = await this.#log.partitionCount(topics.deliveries.name);
    await Promise.all(Array.from({ length: count }, (_, partition) => this.#readOn(partition)));
    const sinceMs = this.#now() - rememberedMs;
    for (const [webhookId, paused] of this.#parked)
      this.#set(webhookId, new Map([...paused].filter(([, { lastMs }]) => lastMs >= sinceMs)));
  }

  async #readOn(partition: number): Promise<void> {
    const offset = this.#next.get(partition);
    const from = offset === undefined ? { timestampMs: this.#now() - rememberedMs } : { offset };
    try {
      for await (const chunk of this.#log.read(topics.deliveries.name, partition, { from })) {
        this.#apply(chunk);
        this.#next.set(partition, chunk.nextOffset);
      }
    } catch (error) {
      // Nobody asked for as long as it is kept, or the topic was made anew.
      if (!(error instanceof OffsetGone)) throw error;
      this.#next.delete(partition);
    }
  }

  #apply(chunk: RecordChunk): void {
    for (const record of recordsOf(chunk)) {
      const entry = parseDeliveriesEntry(record);
      if (entry !== undefined)
        this.#set(entry.webhookId, pausedAfter(this.#parked.get(entry.webhookId) ?? nonePaused, entry));
    }
  }

  #set(webhookId: string, paused: PausedTargets): void {
    if (paused.size === 0) this.#parked.delete(webhookId);
    else this.#parked.set(webhookId, paused);
  }
}
