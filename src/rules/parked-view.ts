import { refresher } from '../base/refresher.ts';
import { recordsOf } from '../log/batch.ts';
import { OffsetGone, type Log, type RecordChunk } from '../log/log.ts';
import { parseDeliveryRecord } from '../notice/delivery-record.ts';
import { isParkingKey, parseParkingRecord } from '../notice/parking-record.ts';
import type { Webhook } from '../rule/webhook-url.ts';
import { topics } from '../topics.ts';
import { webhookName } from '../discord/webhook-name.ts';

/** Why nothing is sent to a webhook, as the answer of `GET /rules?expand=delivery` shows it. Times are ISO 8601. */
export interface ParkedDelivery {
  readonly state: 'parked';
  readonly reason: string;
  readonly since: string;
  /** When the notifier looks at the webhook again. */
  readonly next_probe: string;
}

interface Parked {
  readonly reason: string;
  readonly sinceMs: number;
  readonly probeAtMs: number;
  readonly lastMs: number;
}

const hourMs = 3_600_000;
/** What is still parked is told again within this time. */
const rememberedMs = 24 * hourMs;
/** The first look, as long as the notifier has not told of it: that takes it a second. */
const firstProbeMs = hourMs;

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
    const { reason, sinceMs, probeAtMs } = parked;
    const [since, probe] = [sinceMs, probeAtMs].map((timeMs) => new Date(timeMs).toISOString()) as [string, string];
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
    for (const { key, value } of recordsOf(chunk)) {
      if (value === null) continue;
      if (isParkingKey(key)) this.#noteParking(parseParkingRecord(value));
      else this.#noteDelivery(parseDeliveryRecord(value));
    }
  }

  #noteParking(record: ReturnType<typeof parseParkingRecord>): void {
    if ('problem' in record) return;
    const { webhookId, webhook, parked, atMs } = record;
    if (parked === undefined) this.#parked.get(webhookId)?.delete(webhook);
    else this.#pairsOf(webhookId).set(webhook, { ...parked, lastMs: atMs });
  }

  #noteDelivery(record: ReturnType<typeof parseDeliveryRecord>): void {
    if ('problem' in record || record.kind !== 'outcome') return;
    const { webhookId, outcome, webhook, reason = 'unknown', atMs } = record;
    if (outcome === 'delivered' || outcome === 'merged') this.#parked.delete(webhookId);
    if (outcome !== 'parked' || webhook === undefined) return;
    const pairs = this.#pairsOf(webhookId);
    const known = pairs.get(webhook) ?? { reason, sinceMs: atMs, probeAtMs: atMs + firstProbeMs };
    pairs.set(webhook, { ...known, lastMs: atMs });
  }

  #pairsOf(webhookId: string): Map<string, Parked> {
    const pairs = this.#parked.get(webhookId) ?? new Map<string, Parked>();
    this.#parked.set(webhookId, pairs);
    return pairs;
  }
}
