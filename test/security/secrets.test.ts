// I13: a webhook's token or a receiver's secret is in no log line, figure, error, list or topic but `rules` and `receivers`, whatever
// goes wrong: the system as a real process that logs all it can, the fake Discord and a webhook with every kind of bad answer, and users
// who paste URLs into wrong places.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerResponse } from 'node:http';
import { startScriptedServer, type ScriptedServer } from '../../src/receiver/receiver.contract.ts';
import { waitUntil } from '../support/wait-until.ts';
import { recordsOf } from '../../src/log/batch.ts';
import { openSqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import { testLogger } from '../../src/http/testing/test-server.ts';
import { topics } from '../../src/topics.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import type { Fault } from '../support/fake-discord/fault.ts';
import { runSsrms, startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'ssrms-secrets-'));
/** What was said, by whom: answers of the API, output of processes, records of topics. */
const heard: { readonly where: string; readonly text: string }[] = [];
const secrets = new Set<string>();
let fake: FakeDiscord;
let hook: ScriptedServer;
let up: SsrmsProcess;

/** What Discord may do wrong with a webhook, once or for good. */
const faults: Omit<Fault, 'webhookId'>[] = [
  { kind: 'unknown_webhook' },
  { kind: 'wrong_token' },
  { kind: 'missing_permissions' },
  { kind: 'odd_400' },
  { kind: 'redirect', location: 'http://169.254.169.254/' },
  { kind: 'status', status: 500, times: 1 },
  { kind: 'html_status', status: 502, times: 1 },
  { kind: 'limited', times: 1, ms: 500 },
  { kind: 'reset', times: 1 },
  { kind: 'close', times: 1 },
  { kind: 'accepted_cut_body', times: 1 },
  { kind: 'accepted_huge_body', times: 1 },
  { kind: 'accepted_huge_headers', times: 1 },
  // The deadline of 15 s passes.
  { kind: 'timeout', times: 1 },
];

function newWebhook(): { id: string; url: string } {
  const { url, webhook } = fake.addWebhook();
  // The end of it alone gives it away as well.
  secrets.add(webhook.token).add(webhook.token.slice(14, 44));
  return { id: webhook.id, url };
}

async function write(topic: string, records: readonly (readonly [string, string])[]): Promise<void> {
  const log = await openSqliteLog({ dataDir, logger: testLogger });
  await log.ensureTopics(Object.values(topics));
  await log.append(
    topic,
    records.map(([key, value]) => ({ key: Buffer.from(key), value: Buffer.from(value), timestampMs: Date.now() })),
  );
  await log.close();
}

before(async () => {
  [fake, hook] = await Promise.all([startFakeDiscord(), startScriptedServer()]);
  const hostile = (index: number, text: (id: string, url: string) => readonly [string, string]) =>
    text(`00000000-0000-4000-8000-00000000000${index}`, newWebhook().url);
  const rule = (id: string, fields: object): string =>
    JSON.stringify({ id, metric_name: 'm', threshold: 1, ...fields });
  await write(topics.rules.name, [
    hostile(1, (id, url) => [id, `{"discord_webhook_url": "${url}`]),
    hostile(2, (id, url) => [id, rule(id, { discord_webhook_url: url.replace('http:', 'ftp:') })]),
    hostile(3, (id, url) => [id, rule(id, { discord_webhook_url: url, [url]: 1 })]),
    hostile(4, (id, url) => [id, rule(id, { discord_webhook_url: url, operator: url })]),
    hostile(5, (id, url) => [url, rule(id, { discord_webhook_url: url })]),
    hostile(6, (id, url) => [id, JSON.stringify(url)]),
  ]);
  up = await startSsrms(['up'], {
    env: { DATA_DIR: dataDir, DISCORD_API_BASE: fake.apiBase, WEBHOOK_ALLOW: '127.0.0.1', LOG_LEVEL: 'trace' },
  });
});
after(async () => {
  await up.stop();
  await Promise.all([fake.close(), hook.close()]);
  rmSync(dataDir, { recursive: true, force: true });
});

/** Asks, and listens to the answer. */
async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const answer = await fetch(up.url + path, {
    method,
    redirect: 'manual',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  heard.push({ where: `${method} ${path.slice(0, 40)} (${answer.status})`, text });
  return { status: answer.status, text };
}

/** A rule is said back to who made it, and that answer is not judged. */
async function makeRule(metric: string, url: string): Promise<string> {
  const { text, status } = await ask('POST', '/rules', { metric_name: metric, threshold: 1, discord_webhook_url: url });
  assert.equal(status, 201, text);
  heard.pop();
  return (JSON.parse(text) as { id: string }).id;
}

/** Everything heard so far, once; all who said a token are named. */
function assertSilent(): void {
  const leaks = heard.splice(0).flatMap(({ where, text }) => {
    const said = [...secrets].find((secret) => text.includes(secret));
    return said === undefined ? [] : [`${where}: …${around(text, said)}`];
  });
  assert.deepEqual(leaks, []);
}

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return text.slice(Math.max(0, at - 120), at + 20);
}

test('users who paste a URL into a wrong place are refused without hearing it again', async () => {
  const { id, url } = newWebhook();
  const pasted = encodeURIComponent(url);
  const path = new URL(url).pathname;
  const rule = { metric_name: 'm', threshold: 1, discord_webhook_url: url };
  const made = await makeRule('pasted', url);
  const refused: [string, string, unknown?][] = [
    ['POST', '/rules', { ...rule, threshold: url }],
    ['POST', '/rules', { ...rule, operator: url }],
    ['POST', '/rules', { ...rule, id: url }],
    ['POST', '/rules', { ...rule, [url]: 1 }],
    ['POST', '/rules', { ...rule, tags: { host: { url } } }],
    ['POST', '/rules', { ...rule, tags: { [url]: 5 } }],
    ['POST', '/rules', { ...rule, metric_name: `${url}\n` }],
    ['POST', '/rules', { ...rule, discord_webhook_url: `${url}/slack` }],
    ['POST', '/rules', { ...rule, discord_webhook_url: `${url}#x` }],
    ['POST', '/rules', { ...rule, discord_webhook_url: url.replace('http:', 'ftp:') }],
    ['POST', '/rules', { ...rule, discord_webhook_url: [url] }],
    ['POST', '/rules', `{"discord_webhook_url": "${url}`],
    ['POST', '/rules', url],
    ['POST', '/rules', [url]],
    ['PUT', `/rules/${made}`, { ...rule, enabled: url }],
    ['PUT', `/rules/${pasted}`, rule],
    ['GET', `/rules/${pasted}`],
    ['DELETE', `/rules/${pasted}`],
    ['GET', `/rules?limit=${pasted}`],
    ['GET', `/rules?${pasted}=1`],
    ['GET', `/rules?expand=${pasted}`],
    ['GET', path],
    ['POST', path, rule],
    ['GET', path.replaceAll('/', '%2F').replace('%2F', '/')],
    ['POST', '/api/v1/webhooks/test', { ...rule, discord_webhook_url: `${url}/github` }],
    ['POST', '/api/v1/webhooks/test', { ...rule, threshold: url }],
    ['POST', `/rules/${pasted}/test`],
    ['GET', `/api/v1/deliveries?webhook=${pasted}`],
    ['GET', `/api/v1/deliveries?since=${pasted}`],
    ['GET', `/api/v1/deliveries?outcome=${pasted}`],
    ['POST', '/api/v1/deliveries/resend', { webhook: url }],
    ['POST', '/api/v1/deliveries/resend', { since: url }],
    ['POST', '/api/v1/deliveries/resend', { notification_ids: [url.slice(0, 80), url.slice(-78)] }],
    ['POST', '/api/v1/deliveries/resend', { [url]: 'x' }],
    ['POST', '/api/v1/metrics', { name: [url], value: 1 }],
    ['POST', '/api/v1/metrics', { name: 'm', value: url }],
    ['POST', '/api/v1/metrics', { name: 'm', value: 1, timestamp: url }],
    ['GET', `/api/v1/rules?limit=${pasted}`],
    ['GET', `/api/v1/alarms?state=${pasted}`],
  ];
  for (const [method, address, body] of refused) {
    const { status, text } = await ask(method, address, body);
    assert.ok(status >= 400 && status < 500, `${method} ${address}: ${status} ${text}`);
  }
  await ask('GET', `/api/v1/rules?q=${encodeURIComponent(`metric:${id}`)}`);
  for (const args of [
    ['--webhook', url],
    ['resend', '--since', url],
    ['resend', url],
  ]) {
    const { output } = await runSsrms(['deliveries', ...args, '--url', up.url]);
    heard.push({ where: `ssrms deliveries ${args[0]}`, text: output });
  }
  assertSilent();
});

test('whatever Discord answers, nobody is told the token', async () => {
  const webhookIds: string[] = [];
  for (const [index, fault] of faults.entries()) {
    const { id, url } = newWebhook();
    fake.faults.add([{ ...fault, webhookId: id }]);
    webhookIds.push(id);
    await makeRule(`m${index}`, url);
  }
  await ask(
    'POST',
    '/api/v1/metrics',
    faults.map((_, index) => ({ name: `m${index}`, value: 5 })),
  );
  for (const kind of ['unknown_webhook', 'html_status', 'reset'] as const) {
    const { id, url } = newWebhook();
    fake.faults.add([{ kind, webhookId: id }]);
    assert.equal((await ask('POST', '/api/v1/webhooks/test', { discord_webhook_url: url })).status, 200);
  }
  const met = (): Set<string> => new Set(fake.ledger.entries.map(({ fault }) => fault));
  await waitUntil('every fault is met', () => faults.every(({ kind }) => met().has(kind)));
  // All whose trouble passes, also the one that is waited for to the deadline.
  const passing = webhookIds.filter((_, index) => faults[index]?.times !== undefined);
  await waitUntil('what can be delivered is', () => passing.every((id) => fake.ledger.accepted(id).length > 0));
  await ask('POST', '/api/v1/deliveries/resend', { since: '1h' });
  for (const path of [
    '/metrics',
    '/health',
    '/health/ready',
    '/health/live',
    '/api/v1/status',
    '/api/v1/alarms',
    '/api/v1/alarms/history',
    '/api/v1/rules',
    '/api/v1/deliveries',
    '/api/v1/openapi.json',
    '/',
  ])
    await ask('GET', path);
  // The part of a rule's answer that is not the rule.
  const expanded = JSON.parse((await ask('GET', '/rules?expand=delivery')).text) as { delivery?: unknown }[];
  heard.pop();
  heard.push({ where: 'delivery of rules', text: JSON.stringify(expanded.map(({ delivery }) => delivery)) });
  assert.ok(expanded.some(({ delivery }) => delivery !== undefined));
  // Nobody listens, and then the address is blocked.
  await fake.door.set('refused');
  await ask('POST', '/api/v1/metrics', [
    { name: 'm5', value: 0 },
    { name: 'm5', value: 6 },
  ]);
  await waitUntil('it is noticed', () => up.output().includes('ECONNREFUSED'));
  await ask('GET', '/health');
  await fake.door.set('open');
  assertSilent();
});

/** What a webhook receiver may answer. */
const hookAnswers: readonly ((response: ServerResponse) => void)[] = [
  (response) => response.writeHead(200).end('{"id": "1"}'),
  (response) => response.writeHead(302, { location: `http://127.0.0.1/${hookSecrets.path}` }).end(),
  (response) => response.writeHead(400).end(`"${hookSecrets.path}"`),
  (response) => response.writeHead(404).end(hookSecrets.secret),
  (response) => response.writeHead(500).end(hookSecrets.secret),
  (response) => response.destroy(),
];
const hookSecrets = { path: 'a-path-that-nobody-may-hear', secret: 'a-secret-that-nobody-may-hear' };

test('whatever a webhook receiver answers, nobody is told its address or secret', async () => {
  for (const secret of Object.values(hookSecrets)) secrets.add(secret);
  const address = `${hook.origin}/${hookSecrets.path}`;
  hook.answer = (response, { path }) => hookAnswers[Number(path.split('=')[1])]!(response);
  for (const index of hookAnswers.keys()) {
    const receiver = { kind: 'webhook', address: `${address}?n=${index}`, secret: hookSecrets.secret };
    assert.equal((await ask('PUT', `/api/v1/receivers/hook-${index}`, receiver)).status, 201);
    const rule = { metric_name: `hook-${index}`, threshold: 1, notify: [`hook-${index}`] };
    assert.equal((await ask('POST', '/rules', rule)).status, 201);
  }
  for (const wrong of [
    { kind: 'webhook', address: `${address}#x`, secret: hookSecrets.secret },
    { kind: 'webhook', address: address.replace('http:', 'ftp:'), secret: hookSecrets.secret },
    { kind: 'discord', address, secret: hookSecrets.secret },
    { kind: hookSecrets.secret, address, [hookSecrets.path]: 1 },
    { kind: 'webhook', address: [address], secret: [hookSecrets.secret], limits: hookSecrets },
  ])
    assert.equal((await ask('PUT', '/api/v1/receivers/wrong', wrong)).status, 400);
  await ask(
    'POST',
    '/api/v1/metrics',
    [...hookAnswers.keys()].map((index) => ({ name: `hook-${index}`, value: 5 })),
  );
  const asked = (): Set<string> => new Set(hook.requests.map(({ path }) => path));
  await waitUntil('every answer is met', () => asked().size === hookAnswers.length);
  for (const path of [
    '/api/v1/receivers',
    '/api/v1/receivers/hook-1',
    '/health',
    '/metrics',
    '/api/v1/deliveries',
    '/api/v1/webhooks',
  ])
    assert.equal((await ask('GET', path)).status, 200, path);
  assertSilent();
});

test('no output of the process and no topic but `rules` and `receivers` has a secret', async () => {
  assert.equal(await up.stop(), 0);
  const output = up.output();
  // It did speak: of the unreadable rules and of the webhooks in trouble.
  assert.match(output, /a record of rules cannot be read/);
  assert.match(output, /wh_[0-9a-f]{12}/);
  heard.push({ where: 'output of the process', text: output });
  const log = await openSqliteLog({ dataDir, logger: testLogger });
  let rules = '';
  for (const { name } of Object.values(topics)) {
    for (let partition = 0; partition < (await log.partitionCount(name)); partition++) {
      for await (const chunk of log.read(name, partition, { from: { offset: 0 } })) {
        for (const { key, value } of recordsOf(chunk)) {
          const text = `${Buffer.from(key ?? []).toString()} ${Buffer.from(value ?? []).toString()}`;
          if (name === topics.rules.name || name === topics.receivers.name) rules += text;
          else heard.push({ where: `topic ${name}`, text });
        }
      }
    }
  }
  await log.close();
  for (const topic of ['metrics', 'alarms', 'notifications', 'deliveries'])
    assert.ok(
      heard.some(({ where }) => where === `topic ${topic}`),
      `${topic} has records`,
    );
  // The search finds what it searches for.
  assert.ok([...secrets].filter((secret) => rules.includes(secret)).length > 20);
  assertSilent();
});
