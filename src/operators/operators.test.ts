import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeDiscord } from '../../test/support/fake-discord/fake-discord.ts';
import { systemClock } from '../base/clock.ts';
import { Health, type HealthReport } from '../base/health.ts';
import { createLogger } from '../base/logger.ts';
import { ReceiverBook } from '../receiver/receiver-book.ts';
import { createOperators } from './operators.ts';

test('operators are told once that health fails, with the reasons, and once that it has recovered', async (t) => {
  const fake = await startFakeDiscord();
  t.after(() => fake.close());
  const { url, webhook } = fake.addWebhook();
  const book = new ReceiverBook({ discordApiBase: fake.apiBase });
  const health = new Health();
  let log: HealthReport = { status: 'pass' };
  health.add('log', () => log);
  const gone: HealthReport = { status: 'fail', detail: 'Kafka does not answer. Repair: start `it`' };
  const record = { key: 'ops', value: JSON.stringify({ kind: 'discord', address: url }), partition: 0, offset: 0 };
  let nowMs = 0;
  const seen: string[] = [];
  /** What happens at the looks, two seconds apart. */
  const at: Record<number, () => void> = {
    1: () => seen.push(health.report().checks['operators']?.detail ?? ''),
    2: () => void book.apply(record),
    // Four seconds are no failure.
    3: () => (log = gone),
    5: () => (log = { status: 'pass' }),
    10: () => (log = gone),
    // A first try that Discord refuses is repeated.
    14: () => fake.faults.add([{ kind: 'html_status', status: 502, webhookId: webhook.id }]),
    17: () => fake.faults.clear(),
    40: () => (log = { status: 'warn', detail: 'one replica' }),
  };
  const operators = createOperators({
    receiver: 'ops',
    receivers: { book, caughtUp: Promise.resolve(), subscribe: () => () => true },
    service: 'alarms',
    health,
    logger: createLogger('silent', 'test'),
    version: '0',
    discordApiBase: fake.apiBase,
    clock: {
      ...systemClock,
      monotonicMs: () => nowMs,
      async pause() {
        nowMs += 2_000;
        at[nowMs / 2_000]?.();
        return nowMs < 130_000;
      },
    },
  });
  await operators.run(new AbortController().signal);
  assert.deepEqual(seen, ['OPS_RECEIVER names ops, and there is no such receiver']);
  const embeds = fake.webhooks.changedSince(0, 100).flatMap(({ payload }) => payload.embeds ?? []);
  const titles = embeds.map(({ title }) => title?.replace(/ on \S+ \(process \d+\)/, ''));
  assert.deepEqual(titles, ['ssrms alarms does not do its work', 'ssrms alarms works again']);
  assert.match(embeds[0]!.description!, /`log: Kafka does not answer\. Repair: start 'it'`/);
  const passes = { status: 'pass', detail: 'no message to ops is undelivered' };
  assert.deepEqual(health.report().checks['operators'], passes);
});
