// One rule with thousands of alarms beside another of the same webhook.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { notificationFor } from '../../test/support/notification.ts';
import { waitUntil as until } from '../../test/support/wait-until.ts';
import { deliveries, enqueue, newBench, newRule, valuesAt } from './testing/notify-bench.ts';

const count = 8_000;

test('a rule with thousands of alarms is summarized, each has an outcome, and another rule’s alarm need not wait for them', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  const quiet = randomUUID();
  bench.rules.set(quiet, bench.fake.urlOf(bench.fake.webhooks.get(webhookId)!));
  const flood = Array.from({ length: count }, (_, index) =>
    notificationFor(ruleId, 1_000 + index, { series: { name: 'cpu', tags: { host: `web-${index}` } } }),
  );
  await enqueue(bench.log, webhookId, flood);
  bench.start();
  await until('the flood is being sent', () => bench.fake.ledger.accepted(webhookId).length >= 2);
  const other = notificationFor(quiet, 7);
  const appendedMs = performance.now();
  await enqueue(bench.log, webhookId, [other]);
  await until('the other alarm arrives', () => valuesAt(bench.fake, webhookId).includes('7'));
  assert.ok(performance.now() - appendedMs < 5_000, `after ${performance.now() - appendedMs} ms`);

  const ends = await until('all have an outcome', async () => {
    const found = (await deliveries(bench.log)).filter((one) => one.kind === 'outcome');
    return found.length > count ? found : undefined;
  });
  assert.equal(new Set(ends.map(({ notificationId }) => notificationId)).size, ends.length, 'none twice');
  assert.deepEqual(new Set(ends.map(({ outcome }) => outcome)), new Set(['delivered', 'merged']));
  const messages = bench.fake.ledger.accepted(webhookId);
  assert.ok(messages.length < 20, `${messages.length} messages`);
  for (const { messageId } of ends) assert.match(messageId ?? '', /^\d+$/);
  const said = JSON.stringify(bench.fake.webhooks.changedSince(0, 100));
  assert.match(said, /cpu > 90: 1,\d\d\d more series/);
  assert.match(said, /host = `?web-\d+/);
  assert.equal(bench.fake.summary().whileEmpty, 0);
});
