// Rules with wrong tokens in their thousands: Discord bans an address for 10,000 invalid answers in ten minutes, for all that it sends.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { notificationFor } from '../../test/support/notification.ts';
import { noRateLimits } from '../../test/support/fake-discord/rate-limits.ts';
import { waitUntil as until } from '../../test/support/wait-until.ts';
import { fastClock } from '../base/testing/fast-clock.ts';
import { deliveries, enqueue, newBench, newRule, valuesAt } from './testing/notify-bench.ts';

/** So many times as fast as time: ten minutes are five seconds. */
const factor = 120;
const tenMinutesMs = 10 * 60_000;

test('3,000 rules with wrong tokens on three webhooks cost few invalid answers, and neither a served webhook nor a new one a delay', async () => {
  const invalid = { count: 10_000, windowMs: tenMinutesMs / factor, banMs: 1_000 };
  // Its other limits would count in real time, and so answer 429 to whoever keeps them in time that is faster.
  const bench = await newBench({ limits: { ...noRateLimits, invalid } });
  const { fake, log, rules } = bench;
  const [healthy, newcomer, ...attacked] = Array.from({ length: 5 }, () => newRule(bench));
  const clock = fastClock(factor, { isDayFast: true });
  const stop = bench.start(clock);
  const checkInvalid = (): void => {
    const { invalidShare } = fake.facts([]);
    assert.ok(invalidShare <= 0.01, `${invalidShare} of what brings a ban`);
  };
  await enqueue(log, healthy!.webhookId, [notificationFor(healthy!.ruleId, 1)]);
  await until('the healthy one is served', () => valuesAt(fake, healthy!.webhookId).length === 1);

  const wrong = Array.from({ length: 3_000 }, (_, index) => {
    const { webhookId } = attacked[index % attacked.length]!;
    return { ruleId: randomUUID(), webhookId, url: `${fake.apiBase}/webhooks/${webhookId}/${'x'.repeat(60)}${index}` };
  });
  for (const { ruleId, url } of wrong) rules.set(ruleId, url);
  const beganMs = clock.monotonicMs();
  for (const { webhookId } of attacked)
    await enqueue(
      log,
      webhookId,
      wrong.filter((one) => one.webhookId === webhookId).map(({ ruleId }) => notificationFor(ruleId, 7)),
    );
  await until('the first are refused', () => fake.summary().invalid > 0);
  await enqueue(log, newcomer!.webhookId, [notificationFor(newcomer!.ruleId, 2)]);
  for (let value = 2; value <= 10; value++) {
    await enqueue(log, healthy!.webhookId, [notificationFor(healthy!.ruleId, value)]);
    await until('it is delivered', () => valuesAt(fake, healthy!.webhookId).length === value);
  }
  await until('the new one is delivered', () => valuesAt(fake, newcomer!.webhookId).length === 1);
  await until('all wait', async () => {
    if (fake.facts([]).invalidShare > 0.01) return true;
    const ends = (await deliveries(log)).filter((one) => one.kind === 'outcome');
    return ends.filter(({ outcome }) => outcome === 'parked').length === wrong.length;
  });
  checkInvalid();
  const report = () => bench.health.report().checks.notify?.detail ?? '';
  assert.match(report(), /\d+ webhooks not tried yet: \d+ requests were refused in 10 min, and more than 80 might/);
  await until('ten minutes are over', () => clock.monotonicMs() - beganMs > tenMinutesMs);
  assert.ok(fake.summary().invalid >= 20, 'some must have been tried');
  checkInvalid();

  // What is known outlives a restart: which targets are served, which were refused, and which were not tried.
  await stop();
  const endedMs = clock.monotonicMs();
  bench.start(clock);
  await enqueue(log, healthy!.webhookId, [notificationFor(healthy!.ruleId, 11)]);
  await until('the healthy one is served', () => valuesAt(fake, healthy!.webhookId).length === 11);
  await until('some time is over', () => clock.monotonicMs() - endedMs > tenMinutesMs / 4);
  checkInvalid();
});

test('when Discord is slow and many webhooks are new, none is parked', async () => {
  const bench = await newBench({ latencyMs: [500, 500], limits: noRateLimits });
  const rules = Array.from({ length: 150 }, () => newRule(bench));
  for (const { ruleId, webhookId } of rules) await enqueue(bench.log, webhookId, [notificationFor(ruleId, 7)]);
  bench.start(fastClock(20));
  await until('all are delivered', () => rules.every(({ webhookId }) => valuesAt(bench.fake, webhookId).length === 1));
  const ends = await until('all have an outcome', async () => {
    const found = (await deliveries(bench.log)).filter((one) => one.kind === 'outcome');
    return found.length >= rules.length ? found : undefined;
  });
  assert.deepEqual(new Set(ends.map(({ outcome }) => outcome)), new Set(['delivered']));
});
