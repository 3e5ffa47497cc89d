import { refresher } from '../base/refresher.ts';
import { recordsOf } from '../log/batch.ts';
import type { Log, RecordChunk } from '../log/log.ts';
import { parseDeliveryRecord } from '../notice/delivery-record.ts';
import type { Webhook } from '../rule/webhook-url.ts';
import { topics } from '../topics.ts';
import { webhookName } from '../discord/webhook-name.ts';

/** Why nothing is sent to a webhook, as the answer of `GET /rules?expand=delivery` shows it. Times are ISO 8601. */
export interface ParkedDelivery {
  readonly state: 'parked';
  readonly reason: string;
  readonly since: string;
  /** When the notifier looks at the webhook by itself, unless one of its rules was edited meanwhile. */
  readonly next_probe: string;
}

interface Parked {
  readonly reason: string;
  readonly sinceMs: number;
  readonly lastMs: number;
}

const hourMs = 3_600_000;
/** What is older is neither sent nor looked at: a notification expires after a day. */
const rememberedMs = 24 * hourMs;
/** discord.md's times of looking at a parked webhook: each after the one before, the last again and again. */
const probeAfterMs = [hourMs, 6 * hourMs, 24 * hourMs];

/**
 * Which webhooks are parked, materialized from the `deliveries` of the last day. It reads on from where it was when somebody
 * asks, and nothing in between; in memory is what is parked.
 */
export class ParkedView {
  readonly #log: Log;
  readonly #now: () => number;
  /** By partition: the first offset not read. */
  readonly #next = new Map<number, number>();
  /** By webhook id, then by the name of the pair of id and token: one mistyped token says nothing of another. */
  readonly #parked = new Map<string, Map<string, Parked>>();

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** Reads what has come. Resolves when all that was there at the call is known. */
  readonly refresh = refresher(() => this.#readAll());

  /** As it stood at the last refresh. */
  of(webhook: Webhook): ParkedDelivery | undefined {
    const parked = this.#parked.get(webhook.id)?.get(webhookName(webhook));
    if (parked === undefined) return undefined;
    const { reason, sinceMs } = parked;
    const since = new Date(sinceMs).toISOString();
    const probe = new Date(nextProbeMs(sinceMs, this.#now())).toISOString();
    return { state: 'parked', reason, since, next_probe: probe };
  }

  async #readAll(): Promise<void> {
    const count = await this.#log.partitionCount(topics.deliveries.name);
    await Promise.all(Array.from({ length: count }, (_, partition) => this.#readOn(partition)));
    for (const [webhookId, pairs] of this.#parked) {
      for (const [name, { lastMs }] of pairs) if (lastMs < this.#now() - rememberedMs) pairs.delete(name);
      if (pairs.size === 0) this.#parked.delete(webhookId);
    }
  }

  async #readOn(partition: number): Promise<void> {
    const offset = this.#next.get(partition);
    const from = offset === undefined ? { timestampMs: this.#now() - rememberedMs } : { offset };
    for await (const chunk of this.#log.read(topics.deliveries.name, partition, { from })) {
      this.#apply(chunk);
      this.#next.set(partition, chunk.nextOffset);
    }
  }

  #apply(chunk: RecordChunk): void {
    for (const { value } of recordsOf(chunk)) {
      const record = value === null ? { problem: 'a tombstone' } : parseDeliveryRecord(value);
      if ('problem' in record || record.kind !== 'outcome') continue;
      const { webhookId, outcome, webhook, reason = 'unknown', atMs } = record;
      if (outcome === 'delivered' || outcome === 'merged') this.#parked.delete(webhookId);
      if (outcome !== 'parked' || webhook === undefined) continue;
      const pairs = this.#parked.get(webhookId) ?? new Map<string, Parked>();
      this.#parked.set(webhookId, pairs);
      pairs.set(webhook, { reason, sinceMs: pairs.get(webhook)?.sinceMs ?? atMs, lastMs: atMs });
    }
  }
}

function nextProbeMs(sinceMs: number, nowMs: number): number {
  let probeMs = sinceMs;
  for (let probes = 0; probeMs <= nowMs; probes++) probeMs += probeAfterMs[Math.min(probes, probeAfterMs.length - 1)]!;
  return probeMs;
}
