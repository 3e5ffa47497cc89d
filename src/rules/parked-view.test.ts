import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { listeningServer, testLogger, type TestServer } from '../http/testing/test-server.ts';
import { partitionOf } from '../log/murmur2.ts';
import type { DeliveriesView } from '../wire/deliveries.ts';
import type { Webhook } from '../receiver/discord/address.ts';
import { topics } from '../topics.ts';
import { ParkedView } from './parked-view.ts';
import { createRules } from './rules.ts';
import { webhookName } from '../receiver/discord/webhook-name.ts';
import { formatParkingRecord, type ParkedWebhook, type ParkingRecord } from '../notice/parking-record.ts';

const hourMs = 3_600_000;
let storage: TestLog;
let server: TestServer;
let end: () => Promise<void>;

before(async () => {
  storage = await openTestLog();
  const [health, meter] = [new Health(), new Meter()];
  const rules = createRules({ log: storage.log, health, meter, logger: testLogger });
  const stop = new AbortController();
  const running = rules.service.run(stop.signal);
  server = await listeningServer([rules.routes], { health, meter });
  while (health.starting().length > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  end = async () => {
    await server.server.close();
    stop.abort();
    await running;
    await storage.remove();
  };
});
after(() => end());

let ids = 0;
const newWebhook = (id = `11000000000000${String(++ids).padStart(5, '0')}`): Webhook => ({
  id,
  token: `${ids}`.padEnd(68, 't'),
});
const urlOf = ({ id, token, threadId }: Webhook): string =>
  `https://discord.com/api/webhooks/${id}/${token}${threadId === undefined ? '' : `?thread_id=${threadId}`}`;

async function noteEnd(webhook: Webhook, outcome: string, atMs: number): Promise<void> {
  const isParked = outcome === 'parked';
  const record = {
    kind: 'outcome',
    notification_id: `n${++ids}`,
    webhook_id: webhook.id,
    outcome,
    at_ms: atMs,
    ...(isParked && { reason: '404 Unknown Webhook (code 10015)', webhook: webhookName(webhook), offset: 0 }),
  };
  await storage.log.append(topics.deliveries.name, [
    {
      key: Buffer.from(record.notification_id),
      value: Buffer.from(JSON.stringify(record)),
      timestampMs: atMs,
      partition: partitionOf(Buffer.from(webhook.id), topics.deliveries.partitions),
    },
  ]);
}

function tell(
  webhook: Webhook,
  parked: ParkedWebhook | undefined,
  atMs: number,
  name = webhookName(webhook),
): Promise<void> {
  return publish({ webhook: name, webhookId: webhook.id, parked, atMs });
}

async function publish(record: ParkingRecord): Promise<void> {
  await storage.log.append(topics.deliveries.name, [
    {
      key: Buffer.from(record.webhook),
      value: Buffer.from(formatParkingRecord(record)),
      timestampMs: record.atMs,
      partition: partitionOf(Buffer.from(record.webhookId), topics.deliveries.partitions),
    },
  ]);
}

async function makeRule(webhook: Webhook): Promise<string> {
  const answer = await fetch(`${server.url}/rules`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metric_name: 'cpu', threshold: 1, discord_webhook_url: urlOf(webhook) }),
  });
  return ((await answer.json()) as { id: string }).id;
}

interface Listed {
  readonly id: string;
  readonly delivery?: unknown;
}
const list = async (query: string): Promise<Listed[]> =>
  (await (await fetch(`${server.url}/rules${query}`)).json()) as Listed[];
const deliveryOf = async (ruleId: string): Promise<unknown> =>
  (await list('?expand=delivery')).find(({ id }) => id === ruleId)?.delivery;

test('a rule whose webhook is parked shows it when asked, and only then', async () => {
  const [gone, well] = [newWebhook(), newWebhook()];
  const [broken, fine] = [await makeRule(gone), await makeRule(well)];
  const sinceMs = Date.now() - 1_000;
  await noteEnd(gone, 'parked', sinceMs);
  const expected = {
    state: 'parked',
    reason: '404 Unknown Webhook (code 10015)',
    since: new Date(sinceMs).toISOString(),
    next_probe: new Date(sinceMs + hourMs).toISOString(),
  };
  assert.deepEqual(await deliveryOf(broken), expected);
  assert.equal(await deliveryOf(fine), undefined);
  assert.ok((await list('')).every((rule) => !('delivery' in rule)));
  assert.ok((await list('?limit=500')).every((rule) => !('delivery' in rule)));
  const plain = await (await fetch(`${server.url}/rules/${broken}`)).text();
  assert.equal(
    plain,
    JSON.stringify({ id: broken, metric_name: 'cpu', threshold: 1, discord_webhook_url: urlOf(gone) }),
  );

  const page = await fetch(`${server.url}/rules?expand=delivery&limit=1`);
  assert.match(page.headers.get('link') ?? '', /expand=delivery/);
  assert.equal((await fetch(`${server.url}/rules?expand=all`)).status, 400);
});

test('it is shown as long as it lasts: parked again it began when it first was, delivered it is over', async () => {
  const webhook = newWebhook();
  const ruleId = await makeRule(webhook);
  const sinceMs = Date.now() - 90 * 60_000;
  await noteEnd(webhook, 'parked', sinceMs);
  await noteEnd(webhook, 'parked', Date.now());
  const shown = (await deliveryOf(ruleId)) as { since: string; next_probe: string };
  assert.equal(shown.since, new Date(sinceMs).toISOString());
  for (const outcome of ['dead', 'expired', 'rerouted']) await noteEnd(webhook, outcome, Date.now());
  assert.notEqual(await deliveryOf(ruleId), undefined);
  await noteEnd(webhook, 'delivered', Date.now());
  assert.equal(await deliveryOf(ruleId), undefined);
  await noteEnd(webhook, 'parked', Date.now());
  assert.notEqual(await deliveryOf(ruleId), undefined);
  await noteEnd(webhook, 'merged', Date.now());
  assert.equal(await deliveryOf(ruleId), undefined);
});

test('what the notifier tells is shown: when it looks again, also of what was parked days ago, and when that is over', async () => {
  const webhook = newWebhook();
  const ruleId = await makeRule(webhook);
  const [sinceMs, probeAtMs] = [Date.now() - 72 * hourMs, Date.now() + 5 * hourMs];
  const schedule = { probes: 4, scheduledAtMs: probeAtMs, probeAtMs };
  const parked = { reason: '404 gone', sinceMs, ...schedule, ruleIds: [ruleId], isTarget: true };
  await tell(webhook, parked, Date.now() - 5 * hourMs);
  const shown = {
    state: 'parked',
    reason: '404 gone',
    since: new Date(sinceMs).toISOString(),
    next_probe: new Date(probeAtMs).toISOString(),
  };
  assert.deepEqual(await deliveryOf(ruleId), shown);
  await noteEnd(webhook, 'parked', Date.now());
  assert.deepEqual(await deliveryOf(ruleId), shown);
  await tell(webhook, undefined, Date.now());
  assert.equal(await deliveryOf(ruleId), undefined);
});

test('one mistyped token says nothing of another rule with the same webhook', async () => {
  const wrong = newWebhook();
  const right = { ...wrong, token: 'r'.repeat(68) };
  const [broken, fine] = [await makeRule(wrong), await makeRule(right)];
  await noteEnd(wrong, 'parked', Date.now());
  assert.notEqual(await deliveryOf(broken), undefined);
  assert.equal(await deliveryOf(fine), undefined);
});

test('a rule shows its parked receivers, too: the first one, and further ones beside it', async () => {
  const put = (path: string, method: string, body: object): Promise<Response> =>
    fetch(`${server.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const [direct, ops, dev] = [newWebhook(), newWebhook(), newWebhook()];
  const names = ['ops', 'dev'];
  for (const [name, target] of Object.entries({ ops, dev }))
    await put(`/api/v1/receivers/${name}`, 'PUT', { kind: 'discord', address: urlOf(target) });
  const fields = { metric_name: 'cpu', threshold: 1, notify: names };
  const idOf = async (answer: Response): Promise<string> => ((await answer.json()) as { id: string }).id;
  const onlyNamed = await idOf(await put('/rules', 'POST', fields));
  const all = await idOf(await put('/rules', 'POST', { ...fields, discord_webhook_url: urlOf(direct) }));
  const sinceMs = Date.now() - hourMs;
  const schedule = { probes: 0, scheduledAtMs: 0, probeAtMs: Date.now() };
  const parked = { reason: '404 gone', sinceMs, ...schedule, ruleIds: [], isTarget: true };
  const park = (key: string, target: Webhook): Promise<void> =>
    tell({ ...target, id: key }, parked, Date.now(), webhookName(target));
  await park('receiver:dev', dev);
  const ofDev = {
    state: 'parked',
    receiver: 'dev',
    reason: '404 gone',
    since: new Date(sinceMs).toISOString(),
    next_probe: new Date(parked.probeAtMs).toISOString(),
  };
  assert.deepEqual(await deliveryOf(onlyNamed), ofDev);
  await park('receiver:ops', ops);
  assert.deepEqual(await deliveryOf(onlyNamed), { ...ofDev, receiver: 'ops', also: [ofDev] });
  await park(direct.id, direct);
  const { receiver, ...ofWebhook } = ofDev;
  assert.equal(receiver, 'dev');
  assert.deepEqual(await deliveryOf(all), { ...ofWebhook, also: [{ ...ofDev, receiver: 'ops' }, ofDev] });
  // What was parked under the receiver's former address is not what it has now.
  await put('/api/v1/receivers/ops', 'PUT', { kind: 'discord', address: urlOf(newWebhook()) });
  assert.deepEqual(await deliveryOf(onlyNamed), ofDev);
});

test('a view begun later knows the last day, and no more', async () => {
  const [old, recent] = [newWebhook(), newWebhook()];
  await noteEnd(old, 'parked', Date.now() - 25 * hourMs);
  await noteEnd(recent, 'parked', Date.now() - 23 * hourMs);
  let nowMs = Date.now();
  const view = new ParkedView(storage.log, () => nowMs);
  await view.refresh();
  assert.equal(view.of(old), undefined);
  assert.equal(view.of(recent)?.state, 'parked');
  nowMs += 2 * hourMs;
  await view.refresh();
  assert.equal(view.of(recent), undefined);
});

test('whoever asks at once learns of what had been appended when they asked', async () => {
  const view = new ParkedView(storage.log, Date.now);
  const seen: boolean[] = [];
  for (let round = 0; round < 20; round++) {
    const webhook = newWebhook();
    const earlier = view.refresh();
    await noteEnd(webhook, 'parked', Date.now());
    await Promise.all([earlier, view.refresh()]);
    seen.push(view.of(webhook) !== undefined);
  }
  assert.ok(seen.every(Boolean));
});

test('what a failing thread answers is shown with its rule, and in the list of deliveries, and says nothing of the channel', async () => {
  const channel = newWebhook();
  const thread = { ...channel, threadId: '123456789012345678' };
  const failing = { reason: '500', sinceMs: Date.now() - 9_000, tries: 4, lastTryMs: 1, nextTryMs: Date.now() + 8_000 };
  const [ofChannel, ofThread] = [await makeRule(channel), await makeRule(thread)];
  const record = { webhook: webhookName(thread), webhookId: channel.id, parked: undefined, atMs: Date.now() };
  await publish({ ...record, failing });
  const [since, next] = [failing.sinceMs, failing.nextTryMs].map((timeMs) => new Date(timeMs).toISOString());
  const shown = { state: 'failing', reason: '500', since, tries: 4, next_probe: next };
  assert.deepEqual(await deliveryOf(ofThread), shown);
  assert.equal(await deliveryOf(ofChannel), undefined);
  const answer = await fetch(`${server.url}/api/v1/deliveries?webhook=${channel.id}`);
  const { targets } = (await answer.json()) as DeliveriesView;
  const times = { since_ms: failing.sinceMs, tries: 4, next_try_ms: failing.nextTryMs };
  assert.deepEqual(targets, [
    { target: webhookName(thread), webhook_id: channel.id, state: 'failing', reason: '500', ...times },
  ]);
  await publish(record);
  assert.equal(await deliveryOf(ofThread), undefined);
});
