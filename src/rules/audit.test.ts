// Who changed what: the topic `audit`, and what the API tells of it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { bearer, listeningServer, testAuth, testLogger, type TestServer } from '../http/testing/test-server.ts';
import { LogUnavailable, type Log } from '../log/log.ts';
import type { AuditView } from '../wire/audit.ts';
import { createRules, type Rules } from './rules.ts';

const token = 't'.repeat(68);
const url = `https://discord.com/api/webhooks/123456789012345678/${token}`;
const masked = 'https://discord.com/api/webhooks/1234…/****';
const rule = { metric_name: 'cpu', threshold: 90, discord_webhook_url: url };
const hook = { kind: 'webhook', address: 'https://hooks.example.com/s3cret-path', secret: 'sixteen-characters' };

let storage: TestLog;
let rules: Rules;
let server: TestServer;
let isBroken = false;
const meter = new Meter();
const stop = new AbortController();
let running: Promise<void>;
before(async () => {
  storage = await openTestLog();
  const { log } = storage;
  const writes = log.append.bind(log);
  const append: Log['append'] = async (topic, records) => {
    if (isBroken && topic === 'audit') throw new LogUnavailable('no disk');
    return writes(topic, records);
  };
  Object.defineProperty(log, 'append', { value: append });
  const health = new Health();
  rules = createRules({ log, health, meter, logger: testLogger });
  running = rules.service.run(stop.signal);
  server = await listeningServer([rules.routes], { health, meter, auth: testAuth() });
  await rules.caughtUp;
});
after(async () => {
  await server.server.close();
  stop.abort();
  await running;
  await storage.remove();
});

async function send(subject: string, method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const scope = 'rules:read rules:write receivers:read receivers:write';
  const answer = await fetch(server.url + path, {
    method,
    headers: { authorization: await bearer({ scope, subject }), ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, text);
  return JSON.parse(text) as Record<string, unknown>;
}

async function audit(query: string, scope = 'audit:read'): Promise<{ status: number; view: AuditView }> {
  const headers = { authorization: await bearer({ scope }) };
  const answer = await fetch(`${server.url}/api/v1/audit${query}`, { headers });
  return { status: answer.status, view: (await answer.json()) as AuditView };
}

test('each change is written down with its author, from what to what, and without a secret', async () => {
  const { id } = await send('alice', 'POST', '/rules', rule);
  await send('bob', 'PUT', `/rules/${String(id)}`, { ...rule, threshold: 95 });
  await send('bob', 'PUT', '/api/v1/receivers/ops', hook);
  await send('carol', 'PUT', '/api/v1/receivers/ops', { ...hook, address: 'https://hooks.example.com/an0ther-path' });
  await send('carol', 'DELETE', '/api/v1/receivers/ops');
  await send('alice', 'DELETE', `/rules/${String(id)}`);
  const { status, view } = await audit('');
  assert.equal(status, 200);
  const told = view.entries.map(({ author, action, subject }) => `${author} ${action} ${subject.split(':')[0]}`);
  assert.deepEqual(told, [
    'alice deleted rule',
    'carol deleted receiver',
    'carol replaced receiver',
    'bob created receiver',
    'bob replaced rule',
    'alice created rule',
  ]);
  const [deleted, , , made, replaced, created] = view.entries;
  assert.deepEqual([created!.before, created!.after], [null, { id, ...rule, discord_webhook_url: masked }]);
  assert.deepEqual(
    [replaced!.before?.threshold, replaced!.after?.threshold, replaced!.subject],
    [90, 95, `rule:${String(id)}`],
  );
  assert.deepEqual([deleted!.before?.threshold, deleted!.after], [95, null]);
  assert.equal(made!.after?.has_secret, true);
  assert.match(created!.version, /^"/);
  assert.ok(Math.abs(created!.time_ms - Date.now()) < 60_000);
  const records = await storage.records('audit');
  assert.equal(records.length, 6);
  assert.deepEqual(
    records.map(({ key }) => key),
    [`rule:${String(id)}`, `rule:${String(id)}`, 'receiver:ops', 'receiver:ops', 'receiver:ops', `rule:${String(id)}`],
  );
  for (const secret of [token, 's3cret-path', 'an0ther-path', 'sixteen-characters']) {
    assert.ok(!JSON.stringify([records, view]).includes(secret), secret);
  }
});

test('it is narrowed by subject, author and time, and read in pages', async () => {
  const pages = [await audit('?limit=2')];
  while (pages.at(-1)!.view.next !== undefined) pages.push(await audit(`?limit=2&after=${pages.at(-1)!.view.next}`));
  const paged = pages.flatMap(({ view }) => view.entries);
  assert.deepEqual(paged, (await audit('')).view.entries);
  assert.ok(pages.every(({ view }) => view.entries.length <= 2));
  assert.equal((await audit('?subject=receiver:ops')).view.entries.length, 3);
  assert.equal((await audit('?subject=receiver:ops&author=bob')).view.entries.length, 1);
  const [newest] = paged;
  assert.equal((await audit(`?to=${paged.at(-1)!.time_ms - 1}`)).view.entries.length, 0);
  assert.equal((await audit(`?from=${newest!.time_ms}`)).view.entries.at(0)?.author, 'alice');
  assert.equal((await audit(`?from=${new Date(newest!.time_ms + 1).toISOString()}`)).view.entries.length, 0);
  assert.equal((await audit('?from=yesterday')).status, 400);
  assert.equal((await audit('', 'rules:read admin')).status, 403);
});

test('records of others are left out; a change stands when it could not be written down, which is counted', async () => {
  const { length } = (await audit('')).view.entries;
  for (const value of ['nonsense', '{"time_ms":1}', '[]']) {
    await storage.log.append('audit', [{ key: Buffer.from('x'), value: Buffer.from(value), timestampMs: Date.now() }]);
  }
  assert.equal((await audit('')).view.entries.length, length);
  isBroken = true;
  await send('alice', 'POST', '/rules', rule);
  isBroken = false;
  assert.match(await meter.text(), /ssrms_audit_records_lost_total 1/);
});
