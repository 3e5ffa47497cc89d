import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { bearer } from '../../http/testing/test-server.ts';
import { formatDeliveryRecord, type DeliveryRecord } from '../../notice/delivery-record.ts';
import { formatParkingRecord, type ParkedWebhook } from '../../notice/parking-record.ts';
import { waitForValue } from '../../../test/support/wait-until.ts';
import { topics } from '../../topics.ts';
import type { StatusView } from '../../wire/status.ts';
import { WebhooksSeen } from '../live/webhooks-seen.ts';
import { startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';

const webhookId = (n: number): string => `12345678901234567${n}`;
const urlOf = (n: number, letter = 't'): string =>
  `https://discord.com/api/webhooks/${webhookId(n)}/${letter.repeat(68)}`;

let system: ConsoleSystem;
before(async () => {
  system = await startConsoleSystem();
});
after(() => system.stop());

interface Webhook {
  readonly webhook_id: string;
  readonly receiver?: string;
  readonly url?: string;
  readonly state: string;
  readonly rules: number;
  readonly rule_ids: readonly string[];
  readonly requests_2s: number;
  readonly requests_60s: number;
  readonly last_delivered?: { readonly took_ms: number };
  readonly last_failed?: { readonly reason: string };
  readonly failing: readonly { readonly name: string; readonly tries: number }[];
  readonly parked: readonly { readonly name: string; readonly reason: string; readonly next_probe_ms?: number }[];
}

async function list(query = ''): Promise<{ total: number; webhooks: readonly Webhook[]; text: string }> {
  const answer = await fetch(`${system.url}/api/v1/webhooks${query}`);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return { ...(JSON.parse(text) as { total: number; webhooks: Webhook[] }), text };
}

async function webhook(n: number, holds: (seen: Webhook) => boolean): Promise<Webhook> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = (await list()).webhooks.find(({ webhook_id: id }) => id === webhookId(n));
    if (found !== undefined && holds(found)) return found;
    assert.ok(Date.now() < deadline, `not in time: ${JSON.stringify(found)}`);
    await sleep(10);
  }
}

async function write(order: string, fields?: object): Promise<string> {
  const [method, path] = order.split(' ') as [string, string];
  const answer = await fetch(`${system.url}${path}`, {
    method,
    ...(fields !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, text);
  return (JSON.parse(text) as { id: string }).id;
}

async function append(key: string, value: string): Promise<void> {
  const record = { key: Buffer.from(key), value: Buffer.from(value), timestampMs: Date.now(), partition: 3 };
  await system.storage.log.append(topics.deliveries.name, [record]);
}

const common = { notificationId: 'n', atMs: 0 };

function attempt(n: number, attemptId: string, atMs: number): Promise<void> {
  const about = { ...common, kind: 'attempt', webhookId: webhookId(n), attempt: 1, deadlineMs: atMs + 9 } as const;
  return append(attemptId, formatDeliveryRecord({ ...about, notificationId: `${n} ${attemptId}`, attemptId, atMs }));
}

function outcome(
  to: number | 'receiver:ops',
  attemptId: string,
  more: Partial<Extract<DeliveryRecord, { kind: 'outcome' }>>,
): Promise<void> {
  const none = {
    messageId: undefined,
    reason: undefined,
    webhook: undefined,
    offset: undefined,
    possibleRepeat: false,
  };
  const about = {
    kind: 'outcome',
    webhookId: typeof to === 'number' ? webhookId(to) : to,
    notificationId: `${to} ${attemptId}`,
    outcome: 'delivered',
  } as const;
  return append(attemptId, formatDeliveryRecord({ ...none, ...about, attemptId, atMs: Date.now(), ...more }));
}

test('webhooks are those of rules and those that messages were due to, each with its rules, and no token', async () => {
  const rule = { metric_name: 'a', threshold: 1 };
  const ids: string[] = [];
  for (let count = 0; count < 7; count++)
    ids.push(await write('POST /rules', { ...rule, discord_webhook_url: urlOf(1) }));
  const full = await webhook(1, ({ rules }) => rules === 7);
  assert.deepEqual([full.state, full.url], ['quiet', 'https://discord.com/api/webhooks/1234…/****']);
  assert.deepEqual(full.rule_ids, ids.slice(0, 5));
  await write(`PUT /rules/${ids[0]}`, { ...rule, discord_webhook_url: urlOf(2) });
  await write(`DELETE /rules/${ids[1]}`);
  await webhook(2, ({ rules, rule_ids: named }) => rules === 1 && named[0] === ids[0]);
  assert.deepEqual((await webhook(1, ({ rules }) => rules === 5)).rule_ids, ids.slice(2, 5));
  await write(`PUT /rules/${ids[0]}`, { ...rule, discord_webhook_url: urlOf(1) });
  await webhook(1, ({ rules }) => rules === 6);
  assert.equal((await list(`?q=${webhookId(2)}`)).total, 0, 'nobody has it, and nothing was due to it');
  await attempt(3, 'x', Date.now());
  assert.equal((await webhook(3, () => true)).state, 'unused');
  const { text, total } = await list();
  assert.doesNotMatch(text, /tttt/);
  assert.equal(total, 2);
  assert.equal((await list('?limit=1')).webhooks.length, 1);
  assert.equal((await list('?q=unused')).webhooks[0]?.webhook_id, webhookId(3));
  for (const query of ['?limit=0', '?limit=501', '?x=1'])
    assert.equal((await fetch(`${system.url}/api/v1/webhooks${query}`)).status, 400, query);
});

test('health: what is delivered, fails, is parked until when, and how many requests that took', async () => {
  await write('POST /rules', { metric_name: 'b', threshold: 1, discord_webhook_url: urlOf(4, 'u') });
  const nowMs = Date.now();
  await attempt(4, 'old', nowMs - 90_000);
  await attempt(4, 'minute', nowMs - 30_000);
  await attempt(4, 'now', nowMs);
  await attempt(4, 'now', nowMs);
  await outcome(4, 'now', { atMs: nowMs + 150 });
  const healthy = await webhook(4, ({ state }) => state === 'ok');
  assert.deepEqual([healthy.last_delivered?.took_ms, healthy.requests_60s], [150, 2]);
  assert.ok(healthy.requests_2s <= 1);
  await outcome(4, 'minute', { outcome: 'dead', reason: '400 <b>Bad</b>', atMs: nowMs + 200 });
  assert.equal((await webhook(4, ({ state }) => state === 'failing')).last_failed?.reason, '400 <b>Bad</b>');

  await outcome(4, 'old', {
    outcome: 'parked',
    reason: '404 gone',
    webhook: 'wh_0123456789ab',
    offset: 1,
    atMs: nowMs + 300,
  });
  const parked = await webhook(4, ({ state }) => state === 'parked');
  assert.deepEqual(parked.parked, [{ name: 'wh_0123456789ab', reason: '404 gone', since_ms: nowMs + 300 }]);
  const told: ParkedWebhook = {
    reason: '404 gone',
    sinceMs: nowMs + 300,
    probes: 1,
    isTarget: true,
    scheduledAtMs: nowMs + 7_000_000,
    probeAtMs: nowMs + 3_600_000,
    ruleIds: [],
  };
  const parking = { webhook: 'wh_0123456789ab', webhookId: webhookId(4), atMs: nowMs };
  await append('wh_0123456789ab', formatParkingRecord({ ...parking, parked: told }));
  await webhook(4, ({ parked: [first] }) => first?.next_probe_ms === nowMs + 3_600_000);
  assert.equal((await list()).webhooks[0]?.webhook_id, webhookId(4), 'what is wrong comes first');
  await append('wh_0123456789ab', formatParkingRecord({ ...parking, parked: undefined }));
  assert.deepEqual((await webhook(4, ({ state }) => state === 'failing')).parked, []);
});

test('a target whose requests fail is shown with what it answers, how many tries there were, and when the next is', async () => {
  await write('POST /rules', { metric_name: 'f', threshold: 1, discord_webhook_url: urlOf(6) });
  const nowMs = Date.now();
  const target = 'wh_0123456789ab/123456789012345678';
  const failing = { reason: '500', sinceMs: nowMs - 9_000, tries: 4, lastTryMs: nowMs, nextTryMs: nowMs + 8_000 };
  const record = { webhook: target, webhookId: webhookId(6), parked: undefined, atMs: nowMs };
  await attempt(6, 'again', nowMs - 3_000);
  await attempt(6, 'again', nowMs - 1_000);
  await append(target, formatParkingRecord({ ...record, failing }));
  const seen = await webhook(6, ({ failing: [first] }) => first !== undefined);
  assert.equal(seen.state, 'failing');
  assert.equal(seen.requests_60s, 2, 'a repeat is a request, too');
  assert.deepEqual(seen.failing, [
    {
      name: target,
      reason: '500',
      since_ms: failing.sinceMs,
      tries: 4,
      last_try_ms: failing.lastTryMs,
      next_try_ms: failing.nextTryMs,
    },
  ]);
  const troubled = async (): Promise<StatusView['troubled']> =>
    ((await (await fetch(`${system.url}/api/v1/status`)).json()) as StatusView).troubled;
  const { count, first } = await waitForValue('the status', troubled, (found) => found.count > 0);
  const shown = { target, webhook_id: webhookId(6), state: 'failing', reason: '500', since_ms: failing.sinceMs };
  assert.deepEqual([count, first], [1, [{ ...shown, tries: 4, next_try_ms: failing.nextTryMs }]]);
  await append(target, formatParkingRecord(record));
  await waitForValue('that it is over', troubled, (found) => found.count === 0);
  assert.deepEqual((await webhook(6, () => true)).failing, []);
});

test('a named receiver is listed with the rules that name it, and is unused when none does', async () => {
  const ops = { kind: 'webhook', address: 'https://hooks.example.com/ssrms', secret: 'sixteen-characters' };
  await write('PUT /api/v1/receivers/ops', ops);
  const id = await write('POST /rules', { metric_name: 'c', threshold: 1, notify: ['ops'] });
  const found = (holds: (seen: Webhook) => boolean): Promise<Webhook> =>
    waitForValue('the receiver', async () => (await list('?q=receiver:ops')).webhooks[0]!, holds);
  const { state, receiver, url, rules, rule_ids: ids } = await found((seen) => seen !== undefined);
  assert.deepEqual([state, receiver, url, rules, ids], ['quiet', 'ops', undefined, 1, [id]]);
  const parked = { outcome: 'parked', reason: '404 gone', webhook: 'wh_0123456789ab', offset: 1 } as const;
  await outcome('receiver:ops', 'r', parked);
  assert.equal((await found((seen) => seen.state === 'parked')).parked[0]?.reason, '404 gone');
  await write(`DELETE /rules/${id}`);
  await found((seen) => seen.state === 'unused');
});

test('of a webhook that is asked all day, the requests of a minute are held', () => {
  const seen = new WebhooksSeen();
  const about = { kind: 'attempt', notificationId: 'n', webhookId: webhookId(9), attempt: 1, deadlineMs: 0 } as const;
  for (let count = 0; count < 1_000; count++)
    seen.requested({ ...about, attemptId: String(count), atMs: count * 2_000 });
  const { requests } = seen.get(webhookId(9))!;
  assert.deepEqual([requests.length, requests[0]!.atMs, requests.at(-1)!.atMs], [31, 1_938_000, 1_998_000]);
});

test('only who may read alarms sees webhooks', async () => {
  const own = await startConsoleSystem({ auth: true });
  try {
    const status = async (scope: string): Promise<number> =>
      (await fetch(`${own.url}/api/v1/webhooks`, { headers: { authorization: await bearer({ scope }) } })).status;
    assert.deepEqual([await status('alarms:read'), await status('rules:read rules:write')], [200, 403]);
    assert.equal((await fetch(`${own.url}/api/v1/webhooks`)).status, 401);
  } finally {
    await own.stop();
  }
});
