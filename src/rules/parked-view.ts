import { refresher } from '../base/refresher.ts';
import { recordsOf } from '../log/batch.ts';
import { OffsetGone, type Log } from '../log/log.ts';
import type { RecordChunk } from '../log/record.ts';
import {
  failingAfter,
  noneFailing,
  nonePaused,
  parseDeliveriesEntry,
  pausedAfter,
  troubledTargets,
  type FailingTargets,
  type PausedTargets,
  type TroubledTarget as NotedTarget,
} from '../notice/delivery-state.ts';
import type { Webhook } from '../receiver/discord/address.ts';
import { receiverKey, receiverNameOf } from '../receiver/receiver-config.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { topics } from '../topics.ts';
import { webhookName } from '../receiver/discord/webhook-name.ts';
import type { TargetState } from '../wire/deliveries.ts';
import type { TroubledDelivery, TroubledTarget } from '../wire/rules.ts';
import { receiversOf } from '../rule/rule-level.ts';

/** The notifier publishes parked targets again within this time. */
const rememberedMs = 24 * 3_600_000;

/** The targets of one key that are parked, and those whose last requests failed. */
interface Troubled {
  readonly paused: PausedTargets;
  readonly failing: FailingTargets;
}

const well: Troubled = { paused: nonePaused, failing: noneFailing };

/** The name of the target that a receiver has now; undefined when there is no such receiver. */
export type TargetOfReceiver = (receiver: string) => string | undefined;

/**
 * Which targets are parked or failing, materialized from the `deliveries` of the last day. It reads on from where it was when somebody
 * asks, and nothing in between; in memory is what is parked or failing.
 */
export class ParkedView {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #targetOfReceiver: TargetOfReceiver;
  /** By partition: the first offset not read. */
  readonly #next = new Map<number, number>();
  /** By the key of notifications, then by the name of the target: one mistyped token says nothing of another. */
  readonly #troubled = new Map<string, Troubled>();

  constructor(log: Log, now: () => number, targetOfReceiver: TargetOfReceiver = () => undefined) {
    this.#log = log;
    this.#now = now;
    this.#targetOfReceiver = targetOfReceiver;
  }

  /** Reads what has come. Resolves when all that was there at the call is known. */
  readonly refresh = refresher(() => this.#readAll());

  /** As it stood at the last refresh. */
  of(webhook: Webhook): TroubledTarget | undefined {
    return this.#targetOf(webhook.id, webhookName(webhook));
  }

  /** What of the rule's targets was parked or failing at the last refresh; undefined when none was. */
  ofRule({ rule, webhook }: Pick<RuleEntry, 'rule' | 'webhook'>): TroubledDelivery | undefined {
    const ofWebhook = webhook === undefined ? undefined : this.of(webhook);
    const ofReceivers = receiversOf(rule).map((receiver) => this.ofReceiver(receiver));
    const [first, ...also] = [ofWebhook, ...ofReceivers].filter((target) => target !== undefined);
    return first === undefined || also.length === 0 ? first : { ...first, also };
  }

  ofReceiver(receiver: string): TroubledTarget | undefined {
    const key = receiverKey(receiver);
    // Most are well, and the name of a target is a hash.
    if (!this.#troubled.has(key)) return undefined;
    const name = this.#targetOfReceiver(receiver);
    const target = name === undefined ? undefined : this.#targetOf(key, name);
    return target && { ...target, receiver };
  }

  /** What troubles the target under this key that a rule's notifications go to. */
  ofKey(key: string, { webhook }: Pick<RuleEntry, 'webhook'>): TroubledTarget | undefined {
    const receiver = receiverNameOf(key);
    if (receiver !== undefined) return this.ofReceiver(receiver);
    return webhook?.id === key ? this.of(webhook) : undefined;
  }

  /** All targets that were parked or failing at the last refresh, under one key or under any. */
  targets(wantedKey?: string): TargetState[] {
    const keys = [...this.#troubled.keys()].filter((key) => wantedKey === undefined || key === wantedKey);
    return keys.flatMap((key) =>
      this.#targetsUnder(key).map(({ target, state, reason, sinceMs, tries, nextTryMs }) => {
        const common = { target, webhook_id: key, receiver: receiverNameOf(key), state, reason };
        return { ...common, since_ms: sinceMs, tries, next_try_ms: nextTryMs };
      }),
    );
  }

  #targetsUnder(key: string): NotedTarget[] {
    const { paused, failing } = this.#troubled.get(key) ?? well;
    return troubledTargets(paused, failing);
  }

  #targetOf(key: string, name: string): TroubledTarget | undefined {
    const found = this.#targetsUnder(key).find(({ target }) => target === name);
    if (found === undefined) return undefined;
    const { state, reason, sinceMs, tries, nextTryMs } = found;
    const [since, next] = [sinceMs, nextTryMs].map((timeMs) => new Date(timeMs).toISOString()) as [string, string];
    return { state, reason, since, ...(tries !== undefined && { tries }), next_probe: next };
  }

  async #readAll(): Promise<void> {
    const count = await this.#log.partitionCount(topics.deliveries.name);
    await Promise.all(Array.from({ length: count }, (_, partition) => this.#readOn(partition)));
    const sinceMs = this.#now() - rememberedMs;
    for (const [webhookId, { paused, failing }] of this.#troubled)
      this.#set(webhookId, {
        paused: new Map([...paused].filter(([, { lastMs }]) => lastMs >= sinceMs)),
        failing: new Map([...failing].filter(([, { atMs }]) => atMs >= sinceMs)),
      });
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
      // Not read for longer than records are kept, or the topic was recreated.
      if (!(error instanceof OffsetGone)) throw error;
      this.#next.delete(partition);
    }
  }

  #apply(chunk: RecordChunk): void {
    for (const record of recordsOf(chunk)) {
      const entry = parseDeliveriesEntry(record);
      if (entry === undefined) continue;
      const { paused, failing } = this.#troubled.get(entry.webhookId) ?? well;
      this.#set(entry.webhookId, { paused: pausedAfter(paused, entry), failing: failingAfter(failing, entry) });
    }
  }

  #set(webhookId: string, troubled: Troubled): void {
    if (troubled.paused.size + troubled.failing.size === 0) this.#troubled.delete(webhookId);
    else this.#troubled.set(webhookId, troubled);
  }
}
