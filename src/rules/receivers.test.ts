// Named receivers over the API: written, masked, kept, refused, deleted; and rules that name them.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { bearer, listeningServer, testAuth, testLogger, type TestServer } from '../http/testing/test-server.ts';
import { recordsOf } from '../log/batch.ts';
import type { Log } from '../log/log.ts';
import type { Scope } from '../http/scope.ts';
import { topics } from '../topics.ts';
import { createRules, type Rules } from './rules.ts';

const token = 't'.repeat(68);
const discord = { kind: 'discord', address: `https://discord.com/api/webhooks/123456789012345678/${token}` };
const hook = { kind: 'webhook', address: 'https://hooks.example.com/ssrms/s3cret-path', secret: 'sixteen-characters' };

let storage: TestLog;
let rules: Rules;
let server: TestServer;
const stop = new AbortController();
let running: Promise<void>;
before(async () => {
  storage = await openTestLog();
  const [health, meter] = [new Health(), new Meter()];
  rules = createRules({ log: storage.log, health, meter, logger: testLogger });
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

const all: Scope[] = ['receivers:read', 'receivers:write', 'rules:read', 'rules:write'];

async function send(
  method: string,
  path: string,
  { body, headers = {}, scopes = all }: { body?: object; headers?: Record<string, string>; scopes?: Scope[] } = {},
): Promise<{ status: number; body: Record<string, unknown>; etag: string | null; text: string }> {
  const answer = await fetch(server.url + path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    headers: {
      authorization: await bearer({ scope: scopes.join(' ') }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
  });
  const text = await answer.text();
  return {
    status: answer.status,
    body: JSON.parse(text) as Record<string, unknown>,
    etag: answer.headers.get('etag'),
    text,
  };
}

const at = (name: string): string => `/api/v1/receivers/${name}`;

async function stored(name: string): Promise<string | null | undefined> {
  let value: string | null | undefined;
  for await (const chunk of storage.log.read(topics.receivers.name, 0, { from: { offset: 0 } }))
    for (const record of recordsOf(chunk))
      if (Buffer.from(record.key ?? []).toString() === name)
        value = record.value === null ? null : Buffer.from(record.value).toString();
  return value;
}

test('a receiver is created, listed, read and replaced, and no secret of it is read back', async () => {
  const made = await send('PUT', at('ops'), { body: hook });
  assert.deepEqual([made.status, made.body['name'], made.body['has_secret']], [201, 'ops', true]);
  assert.equal((await send('PUT', at('dev'), { body: discord })).status, 201);
  const list = await send('GET', '/api/v1/receivers');
  assert.deepEqual(
    (list.body['receivers'] as { name: string }[]).map(({ name }) => name),
    ['dev', 'ops'],
  );
  const read = await send('GET', at('ops'));
  assert.equal(read.etag, made.etag);
  for (const { text } of [made, list, read])
    for (const secret of [hook.secret, 's3cret-path', token]) assert.ok(!text.includes(secret), secret);
  assert.match((await stored('ops'))!, /s3cret-path.*sixteen-characters/);
  const replaced = await send('PUT', at('ops'), { body: { ...hook, limits: { requests_per_minute: 60 } } });
  assert.deepEqual([replaced.status, replaced.body['limits']], [200, { requests_per_minute: 60 }]);
});

test('a masked address and a secret that is left out keep what is there', async () => {
  await send('PUT', at('kept'), { body: hook });
  const { body } = await send('GET', at('kept'));
  const sent = { kind: body['kind'], address: body['address'], limits: { requests_per_minute: 5 } };
  assert.equal((await send('PUT', at('kept'), { body: sent })).status, 200);
  assert.deepEqual(JSON.parse((await stored('kept'))!), { ...hook, limits: { requests_per_minute: 5 } });
});

test('a receiver of another kind needs its own secrets, and wrong fields are named without their values', async () => {
  await send('PUT', at('strict'), { body: hook });
  const other = await send('PUT', at('strict'), { body: { kind: 'discord' } });
  assert.equal(other.status, 400);
  const wrong = await send('PUT', at('strict'), { body: { ...hook, address: 'http://10.0.0.1/s3cret-path' } });
  assert.equal(wrong.status, 400);
  assert.ok(!wrong.text.includes('s3cret-path'));
  assert.equal((await send('PUT', at('-odd'), { body: hook })).status, 400);
  assert.equal((await send('PUT', at('strict'), { body: { ...hook, extra: 1 } })).status, 400);
});

test('If-Match keeps one editor from overwriting another', async () => {
  const { etag } = await send('PUT', at('shared'), { body: hook });
  assert.equal((await send('PUT', at('shared'), { body: hook, headers: { 'if-match': etag! } })).status, 200);
  assert.equal((await send('PUT', at('shared'), { body: hook, headers: { 'if-match': etag! } })).status, 412);
});

test('a rule names receivers that are there, and these cannot be deleted before the rule lets go of them', async () => {
  await send('PUT', at('named'), { body: hook });
  const unknown = await send('POST', '/rules', { body: { metric_name: 'cpu', threshold: 1, notify: ['nobody'] } });
  assert.equal(unknown.status, 400);
  assert.match(
    String(unknown.body['detail']),
    /notify\.0 must be the name of a receiver, not "nobody": there are .*named/,
  );
  const rule = await send('POST', '/rules', { body: { metric_name: 'cpu', threshold: 1, notify: ['named'] } });
  assert.equal(rule.status, 201);
  assert.deepEqual(Object.keys(rule.body), ['id', 'metric_name', 'threshold', 'notify']);
  const inUse = await send('DELETE', at('named'));
  assert.deepEqual([inUse.status, inUse.body['code']], [409, 'in_use']);
  assert.ok(inUse.text.includes(String(rule.body['id'])));
  assert.equal((await send('DELETE', `/rules/${String(rule.body['id'])}`)).status, 200);
  assert.equal((await send('DELETE', at('named'))).status, 200);
  assert.equal(await stored('named'), null);
  assert.equal((await send('GET', at('named'))).status, 404);
  assert.equal((await send('DELETE', at('named'))).status, 404);
});

test('a rule without receivers needs a Discord webhook', async () => {
  for (const body of [
    { metric_name: 'cpu', threshold: 1 },
    { metric_name: 'cpu', threshold: 1, notify: [] },
  ])
    assert.equal((await send('POST', '/rules', { body })).status, 400);
});

test('each request needs its scope', async () => {
  assert.equal((await send('GET', '/api/v1/receivers', { scopes: ['rules:read'] })).status, 403);
  assert.equal((await send('PUT', at('x'), { body: hook, scopes: ['receivers:read'] })).status, 403);
  assert.equal((await send('DELETE', at('x'), { scopes: ['receivers:read'] })).status, 403);
});

test('the service has caught up when the receivers are read, too, and then a rule can be changed', async (context) => {
  const released = Promise.withResolvers<void>();
  const [health, meter, ending] = [new Health(), new Meter(), new AbortController()];
  const slow = createRules({ log: withLateView(storage.log, released.promise), health, meter, logger: testLogger });
  const ended = slow.service.run(ending.signal);
  const { server: http, url } = await listeningServer([slow.routes], { health, meter });
  context.after(async () => {
    released.resolve();
    ending.abort();
    await Promise.all([ended, http.close()]);
  });
  const create = async (): Promise<number> => {
    const body = JSON.stringify({ metric_name: 'cpu', threshold: 1, discord_webhook_url: discord.address });
    const headers = { 'content-type': 'application/json' };
    return (await fetch(`${url}/rules`, { method: 'POST', body, headers })).status;
  };
  let hasCaughtUp = false;
  void slow.caughtUp.then(() => (hasCaughtUp = true));
  await slow.feed.caughtUp;
  assert.deepEqual([await create(), hasCaughtUp], [503, false]);
  released.resolve();
  await slow.caughtUp;
  assert.equal(await create(), 201);
});

/** The same log, whose receivers are read only once the promise resolves. */
function withLateView(real: Log, released: Promise<void>): Log {
  const view: Log['view'] = (topic, ...rest) => {
    const whole = real.view(topic, ...rest);
    if (topic !== topics.receivers.name) return whole;
    return { ...whole, caughtUp: Promise.all([whole.caughtUp, released]).then(() => {}) };
  };
  const append: Log['append'] = (...args) => real.append(...args);
  return Object.create(real, { view: { value: view }, append: { value: append } }) as Log;
}
