// What an operator sees of deliveries, and sends again, with a real notifier and the fake Discord.
import { afterEach, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../test/support/wait-until.ts';
import { startFakeDiscord, type FakeDiscord } from '../../test/support/fake-discord/fake-discord.ts';
import { notificationFor } from '../../test/support/notification.ts';
import { formatNotification, type Notification } from '../alarm/notification.ts';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { bearer, listeningServer, testAuth, testLogger, type TestServer } from '../http/testing/test-server.ts';
import { partitionOf } from '../log/murmur2.ts';
import { createNotify } from '../notify/notify.ts';
import { topics } from '../topics.ts';
import { createRules } from './rules.ts';

interface Shown {
  readonly notification_id: string;
  readonly webhook_id: string;
  readonly receiver?: string;
  readonly rule_id?: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly message_id?: string;
  readonly attempts: number;
}
interface Order {
  readonly resent: { notification_id: string; as: string }[];
  readonly revived: string[];
  readonly refused: { notification_id: string; reason: string }[];
  readonly left: number;
}

let fake: FakeDiscord;
let storage: TestLog;
let server: TestServer;
let stop: () => Promise<void>;

beforeEach(async () => {
  fake = await startFakeDiscord();
  storage = await openTestLog();
  await start({});
});
afterEach(async () => {
  await stop();
  await storage.remove();
  await fake.close();
});

async function start({ auth = false, notify = true }): Promise<void> {
  const [health, meter] = [new Health(), new Meter()];
  const options = { log: storage.log, health, meter, logger: testLogger, discordApiBase: fake.apiBase, version: '0' };
  const rules = createRules(options);
  const ended = new AbortController();
  const running = Promise.all([
    rules.service.run(ended.signal),
    ...(notify ? [createNotify({ ...options, rules: rules.feed }).run(ended.signal)] : []),
  ]);
  server = await listeningServer([rules.routes], { health, meter, ...(auth && { auth: testAuth() }) });
  while (health.starting().length > 0) await sleep(2);
  stop = async () => {
    await server.server.close();
    ended.abort();
    await running;
  };
}

async function send(method: string, path: string, body?: unknown, authorization?: string): Promise<Response> {
  return fetch(server.url + path, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(authorization !== undefined && { authorization }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function newRule(): Promise<{ ruleId: string; webhookId: string }> {
  const { url, webhook } = fake.addWebhook();
  const answer = await send('POST', '/rules', { metric_name: 'cpu', threshold: 90, discord_webhook_url: url });
  return { ruleId: ((await answer.json()) as { id: string }).id, webhookId: webhook.id };
}

async function enqueue(webhookId: string, notification: Notification, timestampMs = Date.now()): Promise<string> {
  const value = Buffer.from(formatNotification(notification));
  await storage.log.append(topics.notifications.name, [{ key: Buffer.from(webhookId), value, timestampMs }]);
  return notification.id;
}

/** How a notification ended, as the notifier appends it. */
async function noteEnd(notificationId: string, webhookId: string, end: object): Promise<void> {
  const common = { kind: 'outcome', notification_id: notificationId, webhook_id: webhookId, outcome: 'dead' };
  const record = { ...common, at_ms: Date.now(), ...end };
  await storage.log.append(topics.deliveries.name, [
    {
      key: Buffer.from(notificationId),
      value: Buffer.from(JSON.stringify(record)),
      timestampMs: record.at_ms,
      partition: partitionOf(Buffer.from(webhookId), topics.deliveries.partitions),
    },
  ]);
}

async function list(query = ''): Promise<{ total: number; deliveries: Shown[] }> {
  const answer = await send('GET', `/api/v1/deliveries${query}`);
  assert.equal(answer.status, 200, query);
  return (await answer.json()) as { total: number; deliveries: Shown[] };
}

async function order(body: unknown): Promise<Order> {
  const answer = await send('POST', '/api/v1/deliveries/resend', body);
  assert.equal(answer.status, 200);
  return (await answer.json()) as Order;
}

const outcomeOf = async (id: string): Promise<string | undefined> =>
  (await list()).deliveries.find((each) => each.notification_id === id)?.outcome;
const accepted = (webhookId: string): string[] =>
  fake.ledger.accepted(webhookId).flatMap((entry) => entry.alarms.map((alarm) => alarm.value || entry.content));

/** Twice refused by Discord: as embed, and as plain text. */
async function makeDead(x = 101): Promise<{ id: string; ruleId: string; webhookId: string }> {
  const { ruleId, webhookId } = await newRule();
  fake.faults.add([{ kind: 'odd_400', webhookId, times: 2 }]);
  const id = await enqueue(webhookId, notificationFor(ruleId, x));
  await waitUntil('it is dead', async () => (await outcomeOf(id)) === 'dead');
  return { id, ruleId, webhookId };
}

async function makeDeadOf(key: string, ruleId: string): Promise<string> {
  const id = await enqueue(key, notificationFor(ruleId, 1));
  await noteEnd(id, key, { reason: '400' });
  return id;
}

test('the list says of each notification what became of it, the newest first', async () => {
  const dead = await makeDead();
  await sleep(5);
  const { ruleId, webhookId } = await newRule();
  const id = await enqueue(webhookId, notificationFor(ruleId, 102));
  await waitUntil('it is delivered', async () => (await outcomeOf(id)) === 'delivered');
  const { total, deliveries } = await list();
  assert.equal(total, 2);
  const [first, second] = deliveries as [Shown, Shown];
  assert.deepEqual(
    [first.notification_id, first.webhook_id, first.rule_id, first.attempts],
    [id, webhookId, ruleId, 1],
  );
  assert.equal(first.message_id, fake.ledger.accepted(webhookId)[0]?.messageId);
  assert.deepEqual([second.notification_id, second.outcome, second.attempts], [dead.id, 'dead', 2]);
  assert.match(second.reason ?? '', /400/);
});

test('the list is narrowed by webhook, rule, outcome and time, and cut at the limit', async () => {
  await stop();
  await start({ notify: false });
  const [one, other] = [await newRule(), await newRule()];
  const nowMs = Date.now();
  const hourMs = 3_600_000;
  const old = await enqueue(one.webhookId, notificationFor(one.ruleId, 1), nowMs - 5 * hourMs);
  await noteEnd(old, one.webhookId, { outcome: 'delivered', message_id: '1', at_ms: nowMs - 5 * hourMs });
  const dead = await enqueue(one.webhookId, notificationFor(one.ruleId, 2));
  await noteEnd(dead, one.webhookId, { reason: '400' });
  const waiting = await enqueue(other.webhookId, notificationFor(other.ruleId, 3), nowMs - 50);
  const named = await enqueue('receiver:ops', notificationFor(one.ruleId, 4), nowMs - 60);
  await noteEnd(named, 'receiver:ops', { outcome: 'expired', at_ms: nowMs - 60 });
  const table: [string, string[]][] = [
    ['', [dead, waiting, old, named]],
    [`?webhook=${one.webhookId}`, [dead, old]],
    [`?rule=${other.ruleId}`, [waiting]],
    ['?receiver=ops', [named]],
    ['?outcome=dead', [dead]],
    ['?outcome=waiting', [waiting]],
    ['?since=4h', [dead, waiting, named]],
    [`?since=${new Date(nowMs - 6 * hourMs).toISOString()}&outcome=delivered`, [old]],
    ['?limit=1', [dead]],
  ];
  for (const [query, ids] of table) {
    const { deliveries } = await list(query);
    assert.deepEqual(deliveries.map((each) => each.notification_id).sort(), [...ids].sort(), query);
  }
  assert.equal((await list('?limit=1')).total, 4);
  assert.equal((await list('?receiver=ops')).deliveries[0]!.receiver, 'ops');
  assert.equal((await list(`?webhook=${one.webhookId}`)).deliveries[0]!.receiver, undefined);
  for (const wrong of [
    'since=yesterday',
    'since=31d',
    'webhook=abc',
    'receiver=%20ops',
    'outcome=lost',
    'limit=0',
    'colour=red',
  ]) {
    const answer = await send('GET', `/api/v1/deliveries?${wrong}`);
    assert.equal(answer.status, 400, wrong);
    assert.match(await answer.text(), new RegExp(wrong.split('=')[0]!), wrong);
  }
});

test('what is dead is sent again under an id of its own, once, and not when it has arrived', async () => {
  const { id, webhookId } = await makeDead();
  const again = await order({ notification_ids: [id] });
  assert.deepEqual(again, { resent: [{ notification_id: id, as: `${id}~1` }], revived: [], refused: [], left: 0 });
  await waitUntil('it arrives', () => accepted(webhookId).length === 1);
  await waitUntil('its end is known', async () => (await outcomeOf(`${id}~1`)) === 'delivered');
  const third = await order({ notification_ids: [`${id}~1`] });
  assert.deepEqual(third.resent, []);
  assert.match(third.refused[0]?.reason ?? '', /it was delivered, message \d+/);
  assert.deepEqual(await order({ outcome: 'dead' }), { resent: [], revived: [], refused: [], left: 0 });
  await sleep(200);
  assert.deepEqual(accepted(webhookId), ['101']);
});

test('orders given at once, on one instance or on two, are one order', async () => {
  const { id, webhookId } = await makeDead();
  const orders = await Promise.all([order({ notification_ids: [id] }), order({ outcome: 'dead' })]);
  assert.deepEqual(
    orders.flatMap(({ resent }) => resent.map(({ as }) => as)),
    [`${id}~1`],
  );
  // What another instance appends that has not seen the order yet has the same id.
  const record = (await storage.records(topics.notifications.name)).find(({ value }) => value?.includes(`${id}~1`));
  await storage.log.append(topics.notifications.name, [
    { key: Buffer.from(record!.key), value: Buffer.from(record!.value!), timestampMs: Date.now() },
  ]);
  await waitUntil('it arrives', () => accepted(webhookId).length === 1);
  await sleep(300);
  assert.equal(accepted(webhookId).length, 1);
});

test('what died twice can be sent a third time, and goes where its rule points now', async () => {
  const { id, ruleId, webhookId } = await makeDead();
  fake.faults.add([{ kind: 'odd_400', webhookId, times: 2 }]);
  await order({ rule: ruleId, outcome: 'dead' });
  await waitUntil('it is dead again', async () => (await outcomeOf(`${id}~1`)) === 'dead');
  const { url, webhook } = fake.addWebhook();
  await send('PUT', `/rules/${ruleId}`, { metric_name: 'cpu', threshold: 90, discord_webhook_url: url });
  assert.deepEqual((await order({ since: '1h' })).resent, [{ notification_id: id, as: `${id}~2` }]);
  const appended = (await storage.records(topics.notifications.name)).find(({ value }) => value?.includes(`${id}~2`));
  assert.equal(appended?.key, webhook.id);
  await waitUntil('it arrives there', () => accepted(webhook.id).length === 1);
  assert.deepEqual(accepted(webhookId), []);
});

test('what a named receiver refused is sent to it again', async () => {
  await stop();
  await start({ notify: false });
  const { url } = fake.addWebhook();
  assert.equal((await send('PUT', '/api/v1/receivers/ops', { kind: 'discord', address: url })).status, 201);
  const rule = { metric_name: 'cpu', threshold: 90, notify: ['ops'] };
  const { id: ruleId } = (await (await send('POST', '/rules', rule)).json()) as { id: string };
  const other = await makeDeadOf('receiver:dev', ruleId);
  const id = await makeDeadOf('receiver:ops', ruleId);
  const { resent, refused } = await order({ receiver: 'ops' });
  assert.deepEqual([resent, refused], [[{ notification_id: id, as: `${id}~1` }], []]);
  const again = (await storage.records(topics.notifications.name)).filter(({ value }) => value?.includes('~1'));
  assert.deepEqual(
    again.map(({ key }) => key),
    ['receiver:ops'],
  );
  assert.equal(await outcomeOf(other), 'dead');
});

test('of what is parked the rule is written again as it is, and nothing is appended that would be sent twice', async () => {
  await stop();
  await start({ notify: false });
  const { ruleId, webhookId } = await newRule();
  const ids = [
    await enqueue(webhookId, notificationFor(ruleId, 1)),
    await enqueue(webhookId, notificationFor(ruleId, 2)),
  ];
  for (const id of ids)
    await noteEnd(id, webhookId, { outcome: 'parked', reason: '404', webhook: 'wh_0123456789ab', offset: 0 });
  const before = await storage.records(topics.rules.name);
  const { resent, revived } = await order({ webhook: webhookId, outcome: 'parked' });
  assert.deepEqual([resent, [...revived].sort()], [[], [...ids].sort()]);
  const after = await storage.records(topics.rules.name);
  assert.equal(after.length, 2);
  assert.deepEqual(after[1], before[0]);
  assert.equal((await storage.records(topics.notifications.name)).length, 2);
});

test('what is parked is sent, once, when its webhook is well again and somebody orders it', async () => {
  const { ruleId, webhookId } = await newRule();
  fake.control({ killWebhook: webhookId });
  const ids = [
    await enqueue(webhookId, notificationFor(ruleId, 101)),
    await enqueue(webhookId, notificationFor(ruleId, 102)),
  ];
  await waitUntil('both are parked', async () => (await list('?outcome=parked')).total === 2);
  const { deliveries } = await list('?outcome=parked');
  assert.match(deliveries[0]?.reason ?? '', /404 Unknown Webhook/);
  const shown = async () =>
    (await (await send('GET', '/rules?expand=delivery')).json()) as { delivery?: { reason: string } }[];
  assert.match((await shown())[0]?.delivery?.reason ?? '', /404 Unknown Webhook/);
  fake.control({ reviveWebhook: webhookId });
  const { resent, revived } = await order({ notification_ids: ids });
  assert.deepEqual([resent, [...revived].sort()], [[], [...ids].sort()]);
  await waitUntil('both arrive', () => accepted(webhookId).length === 2);
  await waitUntil('both ends are known', async () => (await list('?outcome=delivered')).total === 2);
  await sleep(300);
  assert.deepEqual(accepted(webhookId), ['101', '102']);
  assert.equal((await shown())[0]?.delivery, undefined);
  const posts = fake.ledger.entries.filter((entry) => entry.method === 'POST');
  assert.equal(posts.length, 2, 'one that met the dead webhook, and one that carried both');
});

test('what cannot be sent again is refused, each with its reason', async () => {
  await stop();
  await start({ notify: false });
  const [kept, gone] = [await newRule(), await newRule()];
  const waiting = await enqueue(kept.webhookId, notificationFor(kept.ruleId, 1));
  const orphan = await enqueue(gone.webhookId, notificationFor(gone.ruleId, 2));
  await noteEnd(orphan, gone.webhookId, { reason: 'its rule was deleted' });
  const [forgotten, never] = [randomUUID(), randomUUID()];
  await noteEnd(forgotten, kept.webhookId, {});
  await send('DELETE', `/rules/${gone.ruleId}`);
  const { refused, resent } = await order({ notification_ids: [waiting, orphan, forgotten, never] });
  assert.deepEqual(resent, []);
  const reasons = Object.fromEntries(refused.map((each) => [each.notification_id, each.reason]));
  assert.match(reasons[waiting] ?? '', /still to be sent/);
  assert.match(reasons[orphan] ?? '', /rule has been deleted/);
  assert.match(reasons[forgotten] ?? '', /no longer in the log/);
  assert.match(reasons[never] ?? '', /no such notification/);
  assert.equal((await storage.records(topics.notifications.name)).length, 2);
});

test('an order that says nothing, or something unknown, is refused with what is allowed', async () => {
  for (const [body, text] of [
    [{}, /names notification_ids/],
    [[], /JSON object/],
    [{ notification_ids: [] }, /1 to 500 ids/],
    [{ notification_ids: ['a'] }, /1 to 500 ids/],
    [{ notification_ids: [randomUUID()], rule: '0'.repeat(36) }, /stands alone/],
    [{ outcome: 'delivered' }, /dead, expired or parked/],
    [{ webhook: 5 }, /numeric id/],
    [{ receiver: 'a b' }, /the name of a receiver/],
    [{ receiver: 'ops', webhook: '123456789012345678' }, /without webhook/],
    [{ since: 'soon' }, /12h/],
    [{ colour: 'red' }, /not known here/],
    [{ __proto__: null, constructor: 'x' }, /not known here/],
  ] as const) {
    const answer = await send('POST', '/api/v1/deliveries/resend', body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.match(await answer.text(), text, JSON.stringify(body));
  }
});

test('both routes × {no token, expired, wrong signature, wrong audience, each scope}', async () => {
  await stop();
  await start({ auth: true, notify: false });
  for (const [method, path, body, needed] of [
    ['GET', '/api/v1/deliveries', undefined, 'alarms:read'],
    ['POST', '/api/v1/deliveries/resend', { outcome: 'dead' }, 'rules:write'],
  ] as const) {
    assert.equal((await send(method, path, body)).status, 401);
    for (const wrong of [{ issuedAgoSeconds: 700 }, { secret: 'z'.repeat(32) }, { audience: 'other' }])
      assert.equal((await send(method, path, body, await bearer({ scope: needed, ...wrong }))).status, 401);
    for (const scope of ['', 'rules:read', 'rules:write', 'metrics:write', 'alarms:read', 'admin']) {
      const { status } = await send(method, path, body, await bearer({ scope }));
      assert.equal(status, scope === needed ? 200 : 403, `${path} with ${scope}`);
    }
  }
});
