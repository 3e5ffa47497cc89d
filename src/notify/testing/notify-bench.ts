import { after } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  startFakeDiscord,
  type FakeDiscord,
  type FakeDiscordOptions,
} from '../../../test/support/fake-discord/fake-discord.ts';
import { formatNotification, type Notification } from '../../alarm/notification.ts';
import { systemClock, type Clock } from '../../base/clock.ts';
import { Health } from '../../base/health.ts';
import { createLogger } from '../../base/logger.ts';
import { Meter } from '../../base/meter.ts';
import { recordsOf } from '../../log/batch.ts';
import type { Claim, Log } from '../../log/log.ts';
import { partitionOf } from '../../log/murmur2.ts';
import { openSqliteLog } from '../../log/sqlite/sqlite-log.ts';
import { parseDeliveryRecord, type DeliveryRecord } from '../../notice/delivery-record.ts';
import { isParkingKey } from '../../notice/parking-record.ts';
import type { Webhook } from '../../receiver/discord/address.ts';
import { webhookName } from '../../receiver/discord/webhook-name.ts';
import { RuleBook } from '../../rule/rule-book.ts';
import type { RuleFeed, RuleListener } from '../../rule/rule-feed.ts';
import { topics } from '../../topics.ts';
import { createNotify, notifyGroup } from '../notify.ts';

const logger = createLogger('silent', 'test');
const closing: (() => unknown)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

/** The rules as a test sets them. */
export class TestRules implements RuleFeed {
  readonly book: RuleBook;
  readonly caughtUp = Promise.resolve();
  readonly #listeners = new Set<RuleListener>();
  #offset = 0;

  constructor(apiBase: string) {
    this.book = new RuleBook({ apiBase });
  }

  subscribe(listener: RuleListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(id: string, url: string | null): void {
    const rule = { id, metric_name: 'cpu', threshold: 90, discord_webhook_url: url };
    const value = url === null ? null : JSON.stringify(rule);
    const change = this.book.apply({ key: id, value, partition: 0, offset: this.#offset });
    const place = { partition: 0, offset: this.#offset++, timestampMs: Date.now() };
    for (const listener of this.#listeners) listener(change, place);
  }
}

/** A notifier on the embedded log, and the fake Discord that it sends to. */
export interface NotifyBench {
  readonly fake: FakeDiscord;
  readonly log: Log;
  readonly rules: TestRules;
  readonly health: Health;
  /** Starts a notifier; the returned function stops it and resolves when it has ended. */
  start(clock?: Clock): () => Promise<void>;
  /** What an earlier version left: these notifications of one partition wait for a whole webhook, and the position has passed them. */
  pausedBefore(webhook: Webhook, due: readonly Notification[], reason: string): Promise<void>;
}

export async function newBench(discord: FakeDiscordOptions = {}): Promise<NotifyBench> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ssrms-notify-'));
  const fake = await startFakeDiscord(discord);
  const log = await openSqliteLog({ dataDir, logger });
  await log.ensureTopics(Object.values(topics));
  const rules = new TestRules(fake.apiBase);
  const health = new Health();
  closing.push(
    () => rmSync(dataDir, { recursive: true, force: true }),
    () => fake.close(),
    () => log.close(),
  );
  return {
    fake,
    log,
    rules,
    health,
    start(clock = systemClock) {
      const stop = new AbortController();
      const options = { log, rules, health, meter: new Meter(), logger, version: '0', discordApiBase: fake.apiBase };
      const running = createNotify({ ...options, clock }).run(stop.signal);
      const end = async (): Promise<void> => {
        stop.abort();
        await running;
      };
      closing.push(end);
      return end;
    },
    pausedBefore: (webhook, due, reason) => writePaused(log, webhook, due, reason),
  };
}

export async function enqueue(log: Log, webhookId: string, due: readonly Notification[], ageMs = 0): Promise<void> {
  const timestampMs = Date.now() - ageMs;
  await log.append(
    topics.notifications.name,
    due.map((one) => ({ key: Buffer.from(webhookId), value: Buffer.from(formatNotification(one)), timestampMs })),
  );
}

/** A rule with a webhook of its own. */
export function newRule({ fake, rules }: NotifyBench): { ruleId: string; webhookId: string } {
  const ruleId = randomUUID();
  const { webhook, url } = fake.addWebhook();
  rules.set(ruleId, url);
  return { ruleId, webhookId: webhook.id };
}

export const valuesAt = (fake: FakeDiscord, webhookId: string): string[] =>
  fake.ledger.accepted(webhookId).flatMap((entry) => entry.alarms.map((alarm) => alarm.value));

export async function deliveries(log: Log): Promise<DeliveryRecord[]> {
  const found: DeliveryRecord[] = [];
  for (let partition = 0; partition < topics.deliveries.partitions; partition++) {
    for await (const chunk of log.read(topics.deliveries.name, partition, { from: { offset: 0 } })) {
      for (const { key, value } of recordsOf(chunk)) {
        if (isParkingKey(key)) continue;
        const record = parseDeliveryRecord(value!);
        assert.ok(!('problem' in record), JSON.stringify(record));
        found.push(record);
      }
    }
  }
  return found;
}

export const outcomesOf = async (log: Log): Promise<string[]> =>
  (await deliveries(log)).flatMap((record) => (record.kind === 'outcome' ? [record.outcome] : []));

async function writePaused(log: Log, webhook: Webhook, due: readonly Notification[], reason: string): Promise<void> {
  const [atMs, name] = [Date.now(), webhookName(webhook)];
  const partition = partitionOf(Buffer.from(webhook.id), topics.deliveries.partitions);
  const ends = due.map(({ id }, offset) => {
    const end = { kind: 'outcome', notification_id: id, webhook_id: webhook.id, outcome: 'parked', reason };
    return [id, { ...end, webhook: name, offset, at_ms: atMs }] as const;
  });
  const paused = { kind: 'webhook', webhook: name, webhook_id: webhook.id, state: 'parked', reason, since_ms: atMs };
  const hour = atMs + 3_600_000;
  const schedule = { probes: 0, scheduled_ms: hour, next_probe_ms: hour, rule_ids: due.map(({ ruleId }) => ruleId) };
  await log.append(
    topics.deliveries.name,
    [...ends, [name, { ...paused, ...schedule, at_ms: atMs }] as const].map(([key, value]) => ({
      key: Buffer.from(key),
      value: Buffer.from(JSON.stringify(value)),
      timestampMs: atMs,
      partition,
    })),
  );
  await withClaims(log, (claim) => claim.commit(claim.partition === partition ? due.length : 0));
}

/** As a notifier that claims all partitions and gives them up again. */
export async function withClaims(log: Log, handle: (claim: Claim) => Promise<void> | void): Promise<void> {
  const stop = new AbortController();
  let claimed = 0;
  await log.process(
    topics.notifications.name,
    notifyGroup,
    async (claim) => {
      await handle(claim);
      if (++claimed === topics.notifications.partitions) stop.abort();
      await new Promise((resolve) => claim.signal.addEventListener('abort', resolve));
    },
    stop.signal,
  );
}
