// The notifier on the embedded log, against the fake Discord: real requests, real answers.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fastClock } from '../base/testing/fast-clock.ts';
import { waitUntil as until } from '../../test/support/wait-until.ts';
import { notificationFor } from '../../test/support/notification.ts';
import type { Notification } from '../alarm/notification.ts';
import type { Log } from '../log/log.ts';
import { partitionOf } from '../log/murmur2.ts';
import { formatDeliveryRecord, type DeliveryRecord } from '../notice/delivery-record.ts';
import { webhookName } from '../receiver/discord/webhook-name.ts';
import { topics } from '../topics.ts';
import { deliveries, enqueue, newBench, newRule, outcomesOf, valuesAt, withClaims } from './testing/notify-bench.ts';

test('what is due at once becomes messages of up to ten, in order, each with an attempt and an outcome', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  await enqueue(
    bench.log,
    webhookId,
    Array.from({ length: 23 }, (_, index) => notificationFor(ruleId, 100 + index)),
  );
  bench.start();
  await until('all arrive', () => valuesAt(bench.fake, webhookId).length === 23);
  assert.deepEqual(
    valuesAt(bench.fake, webhookId),
    Array.from({ length: 23 }, (_, index) => String(100 + index)),
  );
  assert.deepEqual(
    bench.fake.ledger.accepted(webhookId).map((entry) => entry.alarms.length),
    [10, 10, 3],
  );
  await until('all have outcomes', async () => (await outcomesOf(bench.log)).length === 23);
  const records = await deliveries(bench.log);
  const firstOf = (id: string): string => records.find((record) => record.notificationId === id)!.kind;
  for (const { notificationId } of records) assert.equal(firstOf(notificationId), 'attempt');
});

test('a rate limit is obeyed to the time it names, and loses nothing', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  bench.start();
  for (let index = 0; index < 12; index++) {
    await enqueue(bench.log, webhookId, [notificationFor(ruleId, 100 + index)]);
    await sleep(30);
  }
  await until('all arrive', () => valuesAt(bench.fake, webhookId).length === 12);
  const { whileEmpty, overlapped, pings } = bench.fake.summary();
  assert.deepEqual({ whileEmpty, overlapped, pings }, { whileEmpty: 0, overlapped: 0, pings: 0 });
});

test('a 429 in the middle pauses its webhook alone', async () => {
  const bench = await newBench();
  const [limited, other] = [newRule(bench), newRule(bench)];
  bench.fake.faults.add([{ kind: 'limited_body_only', webhookId: limited.webhookId, times: 1, ms: 1_500 }]);
  bench.start();
  await enqueue(bench.log, limited.webhookId, [notificationFor(limited.ruleId, 101)]);
  await enqueue(bench.log, other.webhookId, [notificationFor(other.ruleId, 102)]);
  await until(
    'both arrive',
    () => valuesAt(bench.fake, limited.webhookId).length === 1 && valuesAt(bench.fake, other.webhookId).length === 1,
  );
  assert.equal(bench.fake.summary().whileEmpty, 0);
});

test('a webhook that is gone is not asked again, and what is due to it waits until its rule is edited', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  bench.fake.control({ killWebhook: webhookId });
  bench.start();
  await enqueue(bench.log, webhookId, [notificationFor(ruleId, 101)]);
  await until('health says so', () => bench.health.report().checks.notify?.status === 'warn');
  const token = bench.fake.webhooks.get(webhookId)!.token;
  const said = bench.health.report().checks.notify?.detail ?? '';
  assert.match(said, /wh_[0-9a-f]{12}: 404 Unknown Webhook/);
  assert.ok(!said.includes(token));
  await sleep(500);
  assert.equal(bench.fake.ledger.entries.length, 1);
  bench.fake.control({ reviveWebhook: webhookId });
  bench.rules.set(ruleId, bench.fake.urlOf(bench.fake.webhooks.get(webhookId)!));
  await until('it arrives', () => valuesAt(bench.fake, webhookId).length === 1);
});

/** The group's position in the partition of this webhook. */
async function positionOf(log: Log, webhookId: string): Promise<number | undefined> {
  const partition = partitionOf(Buffer.from(webhookId), topics.notifications.partitions);
  let committed: number | undefined;
  await withClaims(log, (claim) => {
    if (claim.partition === partition) ({ committed } = claim);
  });
  return committed;
}

test('a parked webhook holds up no position, stays parked over a restart, and hears all when its rule is edited', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  bench.fake.control({ killWebhook: webhookId });
  const stop = bench.start();
  await enqueue(
    bench.log,
    webhookId,
    Array.from({ length: 3 }, (_, index) => notificationFor(ruleId, 101 + index)),
  );
  await until('all are parked', async () => (await outcomesOf(bench.log)).length === 3);
  await enqueue(bench.log, webhookId, [notificationFor(ruleId, 104)]);
  await until('the next too', async () => (await outcomesOf(bench.log)).length === 4);
  await stop();
  const parked = (await deliveries(bench.log)).filter((record) => record.kind === 'outcome');
  for (const end of parked) {
    assert.equal(end.outcome, 'parked');
    assert.match(end.webhook ?? '', /^wh_[0-9a-f]{12}$/);
    assert.match(end.reason ?? '', /^404 Unknown Webhook/);
  }
  assert.equal(await positionOf(bench.log, webhookId), 4, 'the position has passed them');

  bench.start();
  await enqueue(bench.log, webhookId, [notificationFor(ruleId, 105)]);
  await until('the fifth is parked without a request', async () => (await outcomesOf(bench.log)).length === 5);
  assert.equal(bench.fake.ledger.entries.length, 1);
  bench.fake.control({ reviveWebhook: webhookId });
  bench.rules.set(ruleId, bench.fake.urlOf(bench.fake.webhooks.get(webhookId)!));
  await until('all arrive', () => valuesAt(bench.fake, webhookId).length === 5);
  assert.deepEqual(valuesAt(bench.fake, webhookId), ['101', '102', '103', '104', '105']);
  await until('all have ended', async () => (await outcomesOf(bench.log)).length === 10);
  await until('health is well again', () => bench.health.report().checks.notify?.status === 'pass');
});

test('one mistyped token silences nobody else, and another token for the rule frees what waited', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  const url = bench.fake.urlOf(bench.fake.webhooks.get(webhookId)!);
  const mistyped = randomUUID();
  bench.rules.set(mistyped, `${url.slice(0, -4)}AAAA`);
  bench.start();
  await enqueue(bench.log, webhookId, [notificationFor(mistyped, 101), notificationFor(ruleId, 102)]);
  await until('the good one arrives', () => valuesAt(bench.fake, webhookId).length === 1);
  assert.deepEqual(valuesAt(bench.fake, webhookId), ['102']);
  bench.rules.set(mistyped, url);
  await until('the other arrives', () => valuesAt(bench.fake, webhookId).length === 2);
});

test('what a webhook cannot take in time stays in the log, and delays no other of its partition', async () => {
  const bench = await newBench();
  const partitionAt = (id: string): number => partitionOf(Buffer.from(id), topics.notifications.partitions);
  const slow = newRule(bench);
  let quick = newRule(bench);
  while (partitionAt(quick.webhookId) !== partitionAt(slow.webhookId)) quick = newRule(bench);
  bench.fake.faults.add([{ kind: 'limited_body_only', webhookId: slow.webhookId, times: 1, ms: 3_000 }]);
  const stop = bench.start();
  const many = Array.from({ length: 900 }, (_, index) => notificationFor(slow.ruleId, 1_000 + index));
  await enqueue(bench.log, slow.webhookId, many);
  await enqueue(bench.log, quick.webhookId, [notificationFor(quick.ruleId, 101)]);
  await until('the other arrives', () => valuesAt(bench.fake, quick.webhookId).length === 1);
  assert.equal(valuesAt(bench.fake, slow.webhookId).length, 0);
  const isEnded = async (): Promise<boolean> => {
    const ended = (await deliveries(bench.log)).filter(
      (one) => one.kind === 'outcome' && one.webhookId === slow.webhookId,
    );
    return ended.length === many.length;
  };
  await until('all have ended, those that were left in the log too', isEnded, { msMax: 90_000 });
  await stop();
  const outcomes = (await outcomesOf(bench.log)).reduce(
    (sum, outcome) => sum.set(outcome, (sum.get(outcome) ?? 0) + 1),
    new Map<string, number>(),
  );
  assert.ok(outcomes.get('merged')! > 500, JSON.stringify([...outcomes]));
  assert.equal(bench.fake.summary().whileEmpty, 0);
});

test('a rule with another webhook now hears there of what was due before', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  const { webhook, url } = bench.fake.addWebhook();
  bench.rules.set(ruleId, url);
  await enqueue(bench.log, webhookId, [notificationFor(ruleId, 101)]);
  bench.start();
  await until('it arrives there', () => valuesAt(bench.fake, webhook.id).length === 1);
  assert.deepEqual(valuesAt(bench.fake, webhookId), []);
  await until('both ends are known', async () => (await outcomesOf(bench.log)).length === 2);
  assert.deepEqual((await outcomesOf(bench.log)).sort(), ['delivered', 'rerouted']);
});

test('a rule that gets another webhook and its former one again while a message waits loses nothing', async () => {
  const bench = await newBench();
  const [here, there] = [newRule(bench), newRule(bench)];
  const urlOf = (webhookId: string): string => bench.fake.urlOf(bench.fake.webhooks.get(webhookId)!);
  for (const { webhookId } of [here, there])
    bench.fake.faults.add([{ kind: 'limited_body_only', webhookId, times: 1, ms: 2_000 }]);
  bench.start();
  await enqueue(bench.log, here.webhookId, [notificationFor(here.ruleId, 101)]);
  await until('it waits here', () => bench.fake.ledger.entries.length === 1);
  bench.rules.set(here.ruleId, urlOf(there.webhookId));
  await until('it waits there', () => bench.fake.ledger.entries.length === 2);
  bench.rules.set(here.ruleId, urlOf(here.webhookId));
  await until('it arrives here', () => valuesAt(bench.fake, here.webhookId).length === 1);
  assert.deepEqual(valuesAt(bench.fake, there.webhookId), []);
});

test('what can never be delivered ends as dead, what is older than a day as expired, and says why', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  bench.rules.set(ruleId, null);
  const old = newRule(bench);
  await enqueue(bench.log, webhookId, [notificationFor(ruleId, 101)]);
  await enqueue(bench.log, old.webhookId, [notificationFor(old.ruleId, 102)], 25 * 3_600_000);
  // A group without a position begins ten minutes back: an owner that was away for long has one.
  await withClaims(bench.log, (claim) => claim.commit(0));
  // It waits ten seconds for a rule that may still be on its way.
  bench.start(fastClock(10, { isDayFast: true }));
  await until('both have ended', async () => (await outcomesOf(bench.log)).length === 2);
  const ends = (await deliveries(bench.log)).filter((record) => record.kind === 'outcome');
  assert.deepEqual(ends.map((end) => `${end.outcome}: ${end.reason}`).sort(), [
    'dead: its rule was deleted before it could be delivered',
    'expired: older than 24 h',
  ]);
  assert.equal(bench.fake.ledger.entries.length, 0);
});

test('an id is sent once, however often it is appended and whoever owns the partition', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  const [one, other] = [notificationFor(ruleId, 101), notificationFor(ruleId, 102)];
  const stop = bench.start();
  await enqueue(bench.log, webhookId, [one]);
  await until('it arrives', () => valuesAt(bench.fake, webhookId).length === 1);
  await enqueue(bench.log, webhookId, [one]);
  await stop();
  bench.start();
  await enqueue(bench.log, webhookId, [one, other]);
  await until('the other arrives', () => valuesAt(bench.fake, webhookId).length === 2);
  await sleep(300);
  assert.deepEqual(valuesAt(bench.fake, webhookId), ['101', '102']);
});

test('an attempt that a former owner left open is waited out, then repeated exactly, and marked', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  const [one, other, later] = [101, 102, 103].map((x) => notificationFor(ruleId, x)) as [
    Notification,
    Notification,
    Notification,
  ];
  await enqueue(bench.log, webhookId, [one, other, later]);
  const partition = partitionOf(Buffer.from(webhookId), topics.notifications.partitions);
  const deadlineMs = Date.now() + 1_000;
  const attempt = { kind: 'attempt' as const, webhookId, attemptId: 'open', attempt: 1, atMs: Date.now(), deadlineMs };
  await bench.log.append(
    topics.deliveries.name,
    [one, other].map(({ id }) => ({
      key: Buffer.from(id),
      value: Buffer.from(formatDeliveryRecord({ ...attempt, notificationId: id })),
      timestampMs: Date.now(),
      partition,
    })),
  );
  bench.start();
  await until('all arrive', () => valuesAt(bench.fake, webhookId).length === 3);
  const [repeat, rest] = bench.fake.ledger.accepted(webhookId);
  assert.ok(repeat!.atMs >= deadlineMs - 20, 'not before the former request has ended for certain');
  assert.deepEqual(
    repeat!.alarms.map((alarm) => [alarm.value, alarm.footer]),
    [
      ['101', 'possible repeat'],
      ['102', 'possible repeat'],
    ],
  );
  assert.deepEqual(
    rest!.alarms.map((alarm) => [alarm.value, alarm.footer]),
    [['103', '']],
  );
});

test('what waits for a webhook that is well again is sent at once, also when an attempt of it was left open', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  const [one, other] = [notificationFor(ruleId, 101), notificationFor(ruleId, 102)];
  await enqueue(bench.log, webhookId, [one, other]);
  const url = bench.fake.urlOf(bench.fake.webhooks.get(webhookId)!);
  const [partition, atMs] = [partitionOf(Buffer.from(webhookId), topics.notifications.partitions), Date.now()];
  // More than is read at once, so that the sender has begun before all of it was.
  const filler = { key: Buffer.from('nobody'), value: Buffer.alloc(600_000), timestampMs: Date.now(), partition };
  for (let count = 0; count < 4; count++) await bench.log.append(topics.notifications.name, [filler]);
  const { id, token } = bench.fake.webhooks.get(webhookId)!;
  const webhook = webhookName({ id, token });
  const parked = { kind: 'outcome', outcome: 'parked', reason: '404', webhook, possibleRepeat: true, atMs } as const;
  const none = { messageId: undefined, attemptId: undefined };
  const left: DeliveryRecord[] = [
    { ...parked, ...none, notificationId: one.id, webhookId, offset: 0 },
    { ...parked, ...none, notificationId: other.id, webhookId, offset: 1 },
    // It was on its way for long.
    { kind: 'attempt', notificationId: one.id, webhookId, attemptId: 'late', attempt: 1, atMs, deadlineMs: atMs + 500 },
  ];
  await bench.log.append(
    topics.deliveries.name,
    left.map((record) => ({
      key: Buffer.from(record.notificationId),
      value: Buffer.from(formatDeliveryRecord(record)),
      timestampMs: atMs,
      partition,
    })),
  );
  // The former owner's position has passed them.
  await withClaims(bench.log, (claim) => claim.commit(claim.partition === partition ? 6 : 0));
  bench.start();
  await until('it is known to be parked', () => bench.health.report().checks.notify?.status === 'warn');
  bench.rules.set(ruleId, url);
  await until('all arrive', () => valuesAt(bench.fake, webhookId).length === 2);
});

test('who is asked to end while Discord refuses leaves no doubt: the next owner neither waits nor marks', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  bench.fake.faults.add([{ kind: 'limited_body_only', webhookId, times: 1, ms: 1_500 }]);
  const stop = bench.start();
  await enqueue(bench.log, webhookId, [notificationFor(ruleId, 101)]);
  await until('it is refused', () => bench.fake.ledger.entries.length === 1);
  await stop();
  const stoppedAt = performance.now();
  bench.start();
  await until('it arrives', () => valuesAt(bench.fake, webhookId).length === 1);
  // An open attempt is waited out for 20 s.
  assert.ok(performance.now() - stoppedAt < 15_000);
  assert.equal(bench.fake.ledger.accepted(webhookId)[0]!.alarms[0]!.footer, '');
});

test('an answer that is lost after the message was taken leads to one repeat, marked; one that never left, to none', async () => {
  const bench = await newBench();
  const [taken, lost] = [newRule(bench), newRule(bench)];
  bench.fake.faults.add([
    { kind: 'accepted_reset', webhookId: taken.webhookId, times: 1 },
    { kind: 'status', status: 502, webhookId: lost.webhookId, times: 2 },
  ]);
  bench.start();
  await enqueue(bench.log, taken.webhookId, [notificationFor(taken.ruleId, 101)]);
  await enqueue(bench.log, lost.webhookId, [notificationFor(lost.ruleId, 102)]);
  await until('the repeat arrives', () => valuesAt(bench.fake, taken.webhookId).length === 2);
  const footers = bench.fake.ledger.accepted(taken.webhookId).map((entry) => entry.alarms[0]!.footer);
  assert.deepEqual(footers, ['', 'possible repeat']);
  await until('the other arrives', () => valuesAt(bench.fake, lost.webhookId).length === 1);
});

test('a body that Discord refuses is sent once more as plain text', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  bench.fake.faults.add([{ kind: 'odd_400', webhookId, times: 1 }]);
  bench.start();
  await enqueue(bench.log, webhookId, [notificationFor(ruleId, 101)]);
  await until('it arrives', () => bench.fake.ledger.accepted(webhookId).length === 1);
  assert.match(bench.fake.ledger.accepted(webhookId)[0]!.content, /cpu.*101/);
  bench.fake.faults.add([{ kind: 'odd_400', webhookId, times: 2 }]);
  await enqueue(bench.log, webhookId, [notificationFor(ruleId, 102)]);
  await until('it is given up', async () => (await outcomesOf(bench.log)).includes('dead'));
});
