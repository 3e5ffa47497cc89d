// Alarms of which a test knows each one, from its sample to its message at Discord: a metric and a webhook for each rule, which
// notifies at every sample, and no value twice. What arrived, in which order and how often, the fake's ledger then says.
import { setTimeout as sleep } from 'node:timers/promises';
import { partitionOf } from '../../src/log/murmur2.ts';
import { topics } from '../../src/topics.ts';
import type { ExpectedAlarm } from '../support/fake-discord/ledger-facts.ts';
import type { FakeWebhook, NewWebhook } from '../support/fake-discord/webhook-table.ts';
import type { OracleRule } from '../support/oracle/oracle-rule.ts';
import { discordUrlOf, drawId } from './load.ts';
import type { Fleet } from './fleet.ts';

/** A rule is in force within a second. */
const inForceMs = 1_500;
const firstWebhookId = 1_200_000_000_000_000_000n;

interface Recipient {
  readonly rule: OracleRule;
  readonly metric: string;
  readonly webhook: FakeWebhook;
}

export class Letters {
  readonly expected: ExpectedAlarm[] = [];
  readonly recipients: Recipient[] = [];
  readonly #fleet: Fleet;
  readonly #name: string;
  readonly #sentMs = new Map<string, number>();
  #written = 0;
  #nextId = firstWebhookId;

  constructor(fleet: Fleet, name = 'letters') {
    this.#fleet = fleet;
    this.#name = name;
  }

  /** One recipient after the other for each partition of `notifications`, so that every instance has some. */
  async begin(count: number = topics.notifications.partitions, wanted: NewWebhook = {}): Promise<void> {
    const before = this.recipients.length;
    for (let index = before; index < before + count; index++) {
      const id = this.#idIn(index % topics.notifications.partitions);
      const { webhook } = this.#fleet.fake.addWebhook({ ...wanted, id });
      const metric = `${this.#name}-${index}`;
      const rule: OracleRule = {
        id: drawId(this.#fleet.random),
        metric_name: metric,
        threshold: 0,
        trigger: 'every_sample',
        discord_webhook_url: discordUrlOf(webhook),
      };
      this.recipients.push({ rule, metric, webhook });
    }
    await this.#fleet.publish(this.recipients.slice(before).map(({ rule }) => rule));
    await sleep(inForceMs);
  }

  /** One alarm for each of these recipients, all when none is named. Resolves when the samples are in the log. */
  async send(indices: readonly number[] = this.recipients.keys().toArray()): Promise<ExpectedAlarm[]> {
    const timestampMs = Date.now();
    const sent = indices.map((index) => {
      const { rule, metric, webhook } = this.recipients[index]!;
      const value = ++this.#written;
      const record = { key: Buffer.from(metric), value: Buffer.from(JSON.stringify({ value })), timestampMs };
      return { record, alarm: { webhookId: webhook.id, ruleId: rule.id, value: String(value) } };
    });
    this.expected.push(...sent.map(({ alarm }) => alarm));
    for (const { alarm } of sent) this.#sentMs.set(alarm.value, timestampMs);
    await this.#fleet.log.append(
      'metrics',
      sent.map(({ record }) => record),
    );
    return sent.map(({ alarm }) => alarm);
  }

  /** Sends to all again and again until the signal aborts. */
  async keepSending(signal: AbortSignal, everyMs: number): Promise<void> {
    while (!signal.aborted) {
      await this.send();
      await sleep(everyMs);
    }
  }

  hasArrived({ webhookId, value }: ExpectedAlarm): boolean {
    return this.#fleet.fake.ledger
      .accepted(webhookId)
      .some(({ alarms }) => alarms.some((alarm) => alarm.value === value));
  }

  /** Letters that came more than once: when Discord took the first of each, in milliseconds since the epoch. */
  doubledMs(): number[] {
    const taken = this.#fleet.fake.ledger
      .accepted()
      .flatMap(({ webhookId, alarms, atMs }) => alarms.map(({ value }) => ({ letter: `${webhookId} ${value}`, atMs })));
    const byLetter = Map.groupBy(taken, ({ letter }) => letter);
    const letters = this.expected.map(({ webhookId, value }) => byLetter.get(`${webhookId} ${value}`) ?? []);
    return letters.filter(({ length }) => length > 1).map(([first]) => first!.atMs);
  }

  /** How long each letter to these recipients took from its sample to Discord, the shortest first. */
  delaysMs(indices: readonly number[]): number[] {
    return indices
      .flatMap((index) => this.#fleet.fake.ledger.accepted(this.recipients[index]!.webhook.id))
      .flatMap(({ alarms, atMs }) => alarms.map(({ value }) => atMs - this.#sentMs.get(value)!))
      .sort((one, other) => one - other);
  }

  /** Those that Discord has not accepted. */
  missing(): readonly string[] {
    return this.#fleet.fake.facts(this.expected).lost;
  }

  #idIn(partition: number): string {
    for (;;) {
      const id = String(this.#nextId++);
      if (partitionOf(Buffer.from(id), topics.notifications.partitions) === partition) return id;
    }
  }
}

/** Of sorted values. */
export const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)] ?? NaN;
