// B21: forty thousand series of one rule breach, all on one webhook; meanwhile another rule of the same webhook fires again and again.
// From the append of its notification to its message at a Discord that allows a webhook 5 messages in 2 s, as the real one does; the
// hidden limit of a channel, 30 in a minute, is aside, since it would be all that is measured.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatNotification, type Notification } from '../src/alarm/notification.ts';
import { Health } from '../src/base/health.ts';
import { createLogger } from '../src/base/logger.ts';
import { Meter } from '../src/base/meter.ts';
import { openSqliteLog } from '../src/log/sqlite/sqlite-log.ts';
import { createNotify } from '../src/notify/notify.ts';
import { RuleBook } from '../src/rule/rule-book.ts';
import { topics } from '../src/topics.ts';
import { startFakeDiscord } from '../test/support/fake-discord/fake-discord.ts';
import { discordRateLimits } from '../test/support/fake-discord/rate-limits.ts';
import { notificationFor } from '../test/support/notification.ts';
import { waitUntil } from '../test/support/wait-until.ts';
import type { Options } from './support/options.ts';
import { once, type Result } from './support/result.ts';
import { bootstrap } from './support/statistics.ts';

const series = 40_000;

export async function floodOfOneRule({ isShort }: Options): Promise<Result[]> {
  const alarms = isShort ? 5 : 20;
  const dataDir = mkdtempSync(join(tmpdir(), 'ssrms-flood-'));
  const logger = createLogger('silent', 'bench');
  const channel = { count: 1_000_000, windowMs: 1_000 };
  const fake = await startFakeDiscord({ limits: { ...discordRateLimits, channel } });
  const log = await openSqliteLog({ dataDir, logger });
  await log.ensureTopics(Object.values(topics));
  const book = new RuleBook({ apiBase: fake.apiBase });
  const { webhook, url } = fake.addWebhook();
  const [flooding, quiet] = [randomUUID(), randomUUID()];
  for (const [offset, id] of [flooding, quiet].entries()) {
    const rule = { id, metric_name: 'cpu', threshold: 90, discord_webhook_url: url };
    book.apply({ key: id, value: JSON.stringify(rule), partition: 0, offset });
  }
  const rules = { book, caughtUp: Promise.resolve(), subscribe: () => () => {} };
  const append = async (due: readonly Notification[]): Promise<void> => {
    const key = Buffer.from(webhook.id);
    const records = due.map((one) => ({ key, value: Buffer.from(formatNotification(one)), timestampMs: Date.now() }));
    await log.append(topics.notifications.name, records);
  };
  const stop = new AbortController();
  const base = { version: '0', discordApiBase: fake.apiBase };
  const running = createNotify({ log, rules, health: new Health(), meter: new Meter(), logger, ...base }).run(
    stop.signal,
  );
  const beganMs = performance.now();
  const flood = Array.from({ length: series }, (_, nth) =>
    notificationFor(flooding, 91 + nth, { series: { name: 'cpu', tags: { host: `web-${nth}` } } }),
  );
  for (let from = 0; from < series; from += 4_000) await append(flood.slice(from, from + 4_000));
  const took: number[] = [];
  for (let nth = 0; nth < alarms; nth++) {
    const value = String(1_000_000 + nth);
    const appendedMs = performance.now();
    await append([notificationFor(quiet, 1_000_000 + nth)]);
    const has = (): boolean =>
      fake.ledger.accepted(webhook.id).some((entry) => entry.alarms.some((alarm) => alarm.value === value));
    await waitUntil('the other alarm arrives', has, { msMax: 120_000, pollMs: 2 });
    took.push((performance.now() - appendedMs) / 1_000);
    await sleep(500);
  }
  const messages = fake.ledger.accepted(webhook.id).length;
  const drainSeconds = (performance.now() - beganMs) / 1_000;
  stop.abort();
  await running;
  await log.close();
  await fake.close();
  rmSync(dataDir, { recursive: true, force: true });
  const row = (what: string, value: number, unit: string): Result => ({
    scenario: 'B21',
    what,
    value: once(value),
    unit,
  });
  return [
    {
      scenario: 'B21',
      what: `${series} series of one rule: until another rule's message, median`,
      value: bootstrap(took),
      unit: 's',
    },
    { ...row('the same, the longest', Math.max(...took), 's'), goal: { atMost: 5 } },
    row('messages meanwhile', messages, ''),
    row('seconds that were looked at', drainSeconds, 's'),
  ];
}
