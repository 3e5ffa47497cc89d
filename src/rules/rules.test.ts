import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { waitUntil } from '../../test/support/wait-until.ts';
import { healthOf } from '../http/testing/health-of.ts';
import { bearer, listeningServer, testAuth, testLogger, type TestServer } from '../http/testing/test-server.ts';
import { openTestLog, slowLog, type TestLog } from '../http/testing/test-log.ts';
import { pino } from 'pino';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { recordsOf } from '../log/batch.ts';
import { topics } from '../topics.ts';
import { createRules, type RulesOptions } from './rules.ts';

const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;
const small = { metric_name: 'packages-received', threshold: 500, discord_webhook_url: webhook };
const uuidV4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const nobody = '00000000-0000-4000-8000-000000000000';

interface Instance extends TestServer {
  stop(): Promise<void>;
}

let storage: TestLog;
let instance: Instance;

async function startInstance(more: Partial<RulesOptions> & { auth?: boolean } = {}): Promise<Instance> {
  const { auth, ...options } = more;
  const [health, meter] = [new Health(), new Meter()];
  const rules = createRules({ log: storage.log, health, meter, logger: testLogger, ...options });
  const stop = new AbortController();
  const running = rules.service.run(stop.signal);
  const it = await listeningServer([rules.routes], { health, meter, auth: auth === true ? testAuth() : undefined });
  while (health.starting().length > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  return {
    ...it,
    async stop() {
      await it.server.close();
      stop.abort();
      await running;
    },
  };
}

before(async () => {
  storage = await openTestLog();
});
beforeEach(async () => {
  await instance?.stop();
  instance = await startInstance();
});
after(async () => {
  await instance.stop();
  await storage.remove();
});

interface RuleBody {
  readonly id: string;
  readonly threshold: number;
}

async function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(instance.url + path, {
    method,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
  });
}

async function make(fields: object = {}): Promise<{ rule: RuleBody; etag: string; text: string }> {
  const answer = await send('POST', '/rules', { ...small, ...fields });
  assert.equal(answer.status, 201);
  const text = await answer.text();
  return { rule: JSON.parse(text) as RuleBody, etag: answer.headers.get('etag') ?? '', text };
}

/** What stands on the `rules` topic for an id, oldest first: texts, and null for a tombstone. */
async function recordsFor(id: string): Promise<(string | null)[]> {
  const found: (string | null)[] = [];
  for (let partition = 0; partition < topics.rules.partitions; partition++) {
    for await (const chunk of storage.log.read('rules', partition, { from: { offset: 0 } })) {
      for (const { key, value } of recordsOf(chunk)) {
        if (Buffer.from(key ?? []).toString() === id) found.push(value === null ? null : Buffer.from(value).toString());
      }
    }
  }
  return found;
}

test('POST answers 201 with a new id first and nothing else added, and publishes the same text', async () => {
  const answer = await send('POST', '/rules', small);
  assert.equal(answer.status, 201);
  const text = await answer.text();
  const { id, ...rest } = JSON.parse(text) as RuleBody;
  assert.match(id, uuidV4);
  assert.deepEqual(rest, small);
  assert.equal(text, JSON.stringify({ id, ...small }));
  assert.equal(answer.headers.get('location'), `/rules/${id}`);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
  assert.deepEqual(await recordsFor(id), [text]);
});

test('a rule is found at once on the instance that took it, and within a second on another', async () => {
  const other = await startInstance();
  for (let count = 0; count < 50; count++) {
    const { rule, text } = await make({ threshold: count });
    assert.equal(await (await send('GET', `/rules/${rule.id}`)).text(), text);
    assert.ok((await (await send('GET', '/rules')).text()).includes(text));
  }
  const { rule } = await make();
  const isThere = async (): Promise<boolean> => (await fetch(`${other.url}/rules/${rule.id}`)).status === 200;
  await waitUntil('the other instance has the rule', isThere, { msMax: 1_000 });
  await other.stop();
});

test('PUT replaces the whole rule and publishes it', async () => {
  const { rule, text } = await make({ description: 'old' });
  const answer = await send('PUT', `/rules/${rule.id}`, { ...small, threshold: 7 });
  assert.equal(answer.status, 200);
  const replaced = JSON.stringify({ id: rule.id, ...small, threshold: 7 });
  assert.equal(await answer.text(), replaced);
  assert.deepEqual(await recordsFor(rule.id), [text, replaced]);
  assert.equal(await (await send('GET', `/rules/${rule.id}`)).text(), replaced);
  assert.equal(
    (await send('PUT', `/rules/${rule.id}`, { id: rule.id, ...small })).status,
    200,
    'the same id may be in the body',
  );
  const wrongId = await send('PUT', `/rules/${rule.id}`, { id: nobody, ...small });
  assert.equal(wrongId.status, 400);
});

test('DELETE answers 200 {} and publishes a real null', async () => {
  const { rule, text } = await make();
  const answer = await send('DELETE', `/rules/${rule.id}`);
  assert.equal(answer.status, 200);
  assert.equal(await answer.text(), '{}');
  assert.deepEqual(await recordsFor(rule.id), [text, null]);
  assert.equal((await send('GET', `/rules/${rule.id}`)).status, 404);
  const withEmptyJson = await make();
  assert.equal(
    (await send('DELETE', `/rules/${withEmptyJson.rule.id}`, undefined, { 'content-type': 'application/json' })).status,
    200,
  );
});

test('what is not there is 404, for every method', async () => {
  for (const id of [nobody, 'no-uuid', 'x'.repeat(200)]) {
    for (const [method, body] of [['GET'], ['PUT', small], ['DELETE']] as const) {
      const answer = await send(method, `/rules/${id}`, body);
      assert.equal(answer.status, 404, `${method} ${id}`);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    }
  }
  assert.deepEqual(await recordsFor(nobody), []);
});

test('every wrong field is named, with its value and what is allowed; nothing is published', async () => {
  const listed = await (await send('GET', '/rules')).text();
  const table: [string, object | string, string, string][] = [
    ['unknown field', { ...small, treshold: 1 }, 'treshold', 'unknown_field'],
    ['own id', { ...small, id: nobody }, 'id', 'invalid_field'],
    ['missing metric', { threshold: 1, discord_webhook_url: webhook }, 'metric_name', 'missing_field'],
    ['missing threshold', { metric_name: 'a', discord_webhook_url: webhook }, 'threshold', 'missing_field'],
    ['missing webhook', { metric_name: 'a', threshold: 1 }, 'discord_webhook_url', 'missing_field'],
    ['text as number', { ...small, threshold: '500' }, 'threshold', 'invalid_field'],
    ['null', { ...small, threshold: null }, 'threshold', 'invalid_field'],
    ['1e400', JSON.stringify(small).replace('500', '1e400'), 'threshold', 'invalid_field'],
    ['empty name', { ...small, metric_name: '' }, 'metric_name', 'invalid_field'],
    ['long name', { ...small, metric_name: 'é'.repeat(128) }, 'metric_name', 'invalid_field'],
    ['control character', { ...small, metric_name: 'a\nb' }, 'metric_name', 'invalid_field'],
    ['operator', { ...small, operator: '=>' }, 'operator', 'invalid_field'],
    ['type', { ...small, type: 'average' }, 'type', 'invalid_field'],
    ['window missing', { ...small, type: 'window_average' }, 'window_duration_seconds', 'missing_field'],
    ['window refused', { ...small, window_duration_seconds: 60 }, 'window_duration_seconds', 'invalid_field'],
    [
      'window too long',
      { ...small, type: 'window_average', window_duration_seconds: 86_401 },
      'window_duration_seconds',
      'invalid_field',
    ],
    ['negative cooldown', { ...small, cooldown_seconds: -1 }, 'cooldown_seconds', 'invalid_field'],
    ['trigger', { ...small, trigger: 'always' }, 'trigger', 'invalid_field'],
    ['negative for', { ...small, for_seconds: -1 }, 'for_seconds', 'invalid_field'],
    ['resolve above', { ...small, resolve_threshold: 501 }, 'resolve_threshold', 'invalid_field'],
    ['resolve below', { ...small, operator: '<', resolve_threshold: 499 }, 'resolve_threshold', 'invalid_field'],
    ['no data of 0', { ...small, no_data_seconds: 0 }, 'no_data_seconds', 'invalid_field'],
    ['text as boolean', { ...small, notify_on_resolve: 'true' }, 'notify_on_resolve', 'invalid_field'],
    ['enabled 1', { ...small, enabled: 1 }, 'enabled', 'invalid_field'],
    ['long description', { ...small, description: 'x'.repeat(1_001) }, 'description', 'invalid_field'],
    [
      '17 tags',
      { ...small, tags: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`t${n}`, 'x'])) },
      'tags',
      'invalid_field',
    ],
    ['number as tag', { ...small, tags: { host: 1 } }, 'tags.host', 'invalid_field'],
    [
      'webhook elsewhere',
      { ...small, discord_webhook_url: webhook.replace('discord.com', 'discord.evil.example') },
      'discord_webhook_url',
      'invalid_field',
    ],
    [
      'webhook on http',
      { ...small, discord_webhook_url: webhook.replace('https', 'http') },
      'discord_webhook_url',
      'invalid_field',
    ],
    ['prototype', JSON.stringify(small).replace('{', '{"__proto__":{"enabled":false},'), '__proto__', 'unknown_field'],
  ];
  for (const [name, body, field, code] of table) {
    const answer = await send('POST', '/rules', body);
    assert.equal(answer.status, 400, name);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json', name);
    const problem = (await answer.json()) as {
      detail: string;
      errors: { field: string; code: string; message: string }[];
    };
    const found = problem.errors.find((error) => error.field === field);
    assert.equal(found?.code, code, name);
    assert.ok(found.message.includes(field), name);
    assert.ok(problem.detail.includes(found.message), name);
    assert.ok(!JSON.stringify(problem).includes('tttttttt'), `${name}: the webhook's token is in no error`);
  }
  assert.equal(await (await send('GET', '/rules')).text(), listed);
});

test('all wrong fields are told at once', async () => {
  const answer = await send('POST', '/rules', { metric_name: 1, threshold: 'x', foo: 1 });
  const { errors } = (await answer.json()) as { errors: { field: string }[] };
  assert.deepEqual(errors.map(({ field }) => field).sort(), ['discord_webhook_url', 'foo', 'metric_name', 'threshold']);
});

test('bodies that are no rule at all', async () => {
  const table: [unknown, Record<string, string>, number][] = [
    ['{"metric_name":', {}, 400],
    ['{"threshold": NaN}', {}, 400],
    ['[]', {}, 400],
    ['null', {}, 400],
    ['"text"', {}, 400],
    ['', {}, 400],
    [JSON.stringify({ ...small, description: 'x'.repeat(10 * 1024 * 1024) }), {}, 413],
    [JSON.stringify(small), { 'content-type': 'text/plain' }, 415],
    [JSON.stringify(small), { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ];
  for (const [body, headers, status] of table) {
    const answer = await send('POST', '/rules', body, headers);
    assert.equal(answer.status, status, String(body).slice(0, 40));
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  }
});

test('ETag and If-Match keep two editors from overwriting each other', async () => {
  const { rule, etag } = await make();
  const read = await send('GET', `/rules/${rule.id}`);
  assert.equal(read.headers.get('etag'), etag);
  assert.match(etag, /^"\d+-\d+"$/);
  const first = await send('PUT', `/rules/${rule.id}`, { ...small, threshold: 1 }, { 'if-match': etag });
  assert.equal(first.status, 200);
  const stale = await send('PUT', `/rules/${rule.id}`, { ...small, threshold: 2 }, { 'if-match': etag });
  assert.equal(stale.status, 412);
  assert.equal(((await stale.json()) as { code: string }).code, 'changed_meanwhile');
  assert.equal((await send('DELETE', `/rules/${rule.id}`, undefined, { 'if-match': etag })).status, 412);
  assert.equal(((await (await send('GET', `/rules/${rule.id}`)).json()) as RuleBody).threshold, 1);
  const fresh = first.headers.get('etag')!;
  assert.equal((await send('PUT', `/rules/${rule.id}`, small, { 'if-match': `"0-999", ${fresh}` })).status, 200);
  assert.equal((await send('PUT', `/rules/${rule.id}`, small, { 'if-match': '*' })).status, 200);
  const last = (await send('GET', `/rules/${rule.id}`)).headers.get('etag')!;
  assert.equal(
    (await send('PUT', `/rules/${rule.id}`, small, { 'if-match': `W/${last}` })).status,
    412,
    'a weak tag never matches',
  );
  assert.equal((await send('DELETE', `/rules/${rule.id}`, undefined, { 'if-match': last })).status, 200);
  assert.equal((await send('PUT', `/rules/${rule.id}`, small, { 'if-match': last })).status, 404);
});

test('on a slow log too an instance sees its own writes', async () => {
  await instance.stop();
  instance = await startInstance({ log: slowLog(storage.log, 40) });
  const { rule, text } = await make();
  assert.equal(await (await send('GET', `/rules/${rule.id}`)).text(), text);
  assert.equal((await send('PUT', `/rules/${rule.id}`, { ...small, threshold: 3 })).status, 200);
  assert.equal(((await (await send('GET', `/rules/${rule.id}`)).json()) as RuleBody).threshold, 3);
  assert.equal((await send('DELETE', `/rules/${rule.id}`)).status, 200);
  assert.equal((await send('GET', `/rules/${rule.id}`)).status, 404);
});

test('of twenty editors with the same version at once, one wins', async () => {
  await instance.stop();
  instance = await startInstance({ log: slowLog(storage.log, 20) });
  const { rule, etag } = await make();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      send('PUT', `/rules/${rule.id}`, { ...small, threshold: index }, { 'if-match': etag }),
    ),
  );
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, ...Array.from({ length: 19 }, () => 412)],
  );
});

test('the list can be narrowed to a metric and read page by page through Link', async () => {
  const metric = 'paged/metric & more';
  const made: string[] = [];
  for (let count = 0; count < 7; count++) made.push((await make({ metric_name: metric, threshold: count })).rule.id);
  const all = (await (await send('GET', `/rules?metric_name=${encodeURIComponent(metric)}`)).json()) as RuleBody[];
  assert.deepEqual(
    all.map(({ id }) => id),
    made.sort(),
  );
  const seen: string[] = [];
  let pages = 0;
  let path: string | undefined = `/rules?metric_name=${encodeURIComponent(metric)}&limit=3`;
  while (path !== undefined) {
    const answer: Response = await send('GET', path);
    const page = (await answer.json()) as RuleBody[];
    assert.ok(page.length <= 3);
    seen.push(...page.map(({ id }) => id));
    path = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
    pages++;
  }
  assert.equal(pages, 3);
  assert.deepEqual(seen, made);
  assert.deepEqual(await (await send('GET', '/rules?metric_name=none')).json(), []);
  for (const query of ['limit=0', 'limit=501', 'limit=x', 'limit=1.5', 'metric=a'])
    assert.equal((await send('GET', `/rules?${query}`)).status, 400, query);
});

test('a plain list streams all rules, however many', async () => {
  for (let batch = 0; batch < 13; batch++)
    await Promise.all(Array.from({ length: 100 }, () => make({ metric_name: 'many' })));
  const list = (await (await send('GET', '/rules?metric_name=many')).json()) as RuleBody[];
  assert.equal(list.length, 1_300);
  const everything = (await (await send('GET', '/rules')).json()) as RuleBody[];
  assert.ok(everything.length >= 1_300);
  assert.deepEqual(
    everything.map(({ id }) => id),
    everything.map(({ id }) => id).toSorted(),
  );
});

test('a broken record leaves the last good version in force, and health says which', async () => {
  const { rule, text } = await make();
  const key = Buffer.from(rule.id);
  await storage.log.append('rules', [
    { key, value: Buffer.from(`{"id":"${rule.id}","discord_webhook_url":"${webhook}`), timestampMs: Date.now() },
  ]);
  const fresh = '11111111-1111-4111-8111-111111111111';
  await storage.log.append('rules', [
    { key: Buffer.from(fresh), value: Buffer.from('nonsense'), timestampMs: Date.now() },
  ]);
  const report = async () => healthOf(instance.url);
  const names = async (): Promise<boolean> => (await report()).checks.rules?.message.includes(fresh) === true;
  await waitUntil('health names the rule', names, { msMax: 2_000 });
  const { status, checks } = await report();
  assert.equal(status, 'warn');
  assert.match(checks.rules?.message ?? '', new RegExp(rule.id));
  assert.doesNotMatch(checks.rules?.message ?? '', /tttttt/);
  assert.equal(await (await send('GET', `/rules/${rule.id}`)).text(), text);
  assert.equal((await send('GET', `/rules/${fresh}`)).status, 404);
  // Both can be mended over the API.
  assert.equal((await send('PUT', `/rules/${rule.id}`, small)).status, 200);
  assert.equal((await send('DELETE', `/rules/${fresh}`)).status, 200);
  assert.equal((await report()).status, 'pass');
});

test('no log line and no figure shows the token of a webhook', async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  await instance.stop();
  instance = await startInstance({ logger });
  const { rule } = await make();
  const key = Buffer.from(rule.id);
  const broken = Buffer.from(JSON.stringify({ ...small, id: rule.id, threshold: webhook }));
  await storage.log.append('rules', [{ key, value: broken, timestampMs: Date.now() }]);
  await send('PUT', `/rules/${rule.id}`, { ...small, metric_name: 5, description: 6, [webhook]: webhook });
  await send('PUT', `/rules/${rule.id}`, small);
  await send('DELETE', `/rules/${rule.id}`);
  assert.match(lines.join(), /a record of rules cannot be read/);
  assert.match(lines.join(), /"subject":"anonymous".*a rule was deleted/);
  assert.doesNotMatch(lines.join(), /tttttt/);
  assert.doesNotMatch(await instance.meter.text(), /tttttt/);
});

test('a new instance reads everything there is before it is ready', async () => {
  const { rule, text } = await make();
  const fresh = await startInstance();
  assert.equal(await (await fetch(`${fresh.url}/rules/${rule.id}`)).text(), text);
  await fresh.stop();
});

test('before the rules have been read the answer is 503 with Retry-After', async () => {
  const [health, meter] = [new Health(), new Meter()];
  const rules = createRules({ log: storage.log, health, meter, logger: testLogger });
  const it = await listeningServer([rules.routes], { health, meter });
  for (const [method, path] of [
    ['GET', '/rules'],
    ['GET', `/rules/${nobody}`],
    ['POST', '/rules'],
    ['DELETE', `/rules/${nobody}`],
  ]) {
    const init =
      method === 'POST'
        ? { method, body: JSON.stringify(small), headers: { 'content-type': 'application/json' } }
        : { method: method! };
    const answer = await fetch(it.url + path, init);
    assert.equal(answer.status, 503, `${method} ${path}`);
    assert.equal(answer.headers.get('retry-after'), '1');
  }
  assert.equal((await fetch(`${it.url}/health/ready`)).status, 503);
  await it.server.close();
});

test('a log that cannot be written is 503 with Retry-After', async () => {
  const own = await openTestLog();
  const [health, meter] = [new Health(), new Meter()];
  const rules = createRules({ log: own.log, health, meter, logger: testLogger });
  const stop = new AbortController();
  const running = rules.service.run(stop.signal).catch(() => {});
  const it = await listeningServer([rules.routes], { health, meter });
  while (health.starting().length > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  await own.remove();
  const answer = await fetch(`${it.url}/rules`, {
    method: 'POST',
    body: JSON.stringify(small),
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers.get('retry-after')) >= 1);
  stop.abort();
  await running;
  await it.server.close();
});

test('the webhook is shown to whom the setting allows, and a masked one sent back means the one that is there', async () => {
  await instance.stop();
  instance = await startInstance({ auth: true, revealWebhookUrl: 'writers' });
  const writer = { authorization: await bearer({ scope: 'rules:read rules:write' }) };
  const reader = { authorization: await bearer({ scope: 'rules:read' }) };
  const made = (await (await send('POST', '/rules', small, writer)).json()) as RuleBody & typeof small;
  assert.equal(made.discord_webhook_url, webhook);
  const seen = (await (await send('GET', `/rules/${made.id}`, undefined, reader)).json()) as typeof small;
  assert.equal(seen.discord_webhook_url, 'https://discord.com/api/webhooks/1234…/****');
  assert.doesNotMatch(await (await send('GET', '/rules', undefined, reader)).text(), /tttt/);
  const changed = await send('PUT', `/rules/${made.id}`, { ...seen, threshold: 9 }, writer);
  assert.equal(((await changed.json()) as typeof small).discord_webhook_url, webhook);
  await instance.stop();
  instance = await startInstance({ auth: true, revealWebhookUrl: 'never' });
  for (const path of [`/rules/${made.id}`, '/rules', '/rules?limit=500'])
    assert.doesNotMatch(await (await send('GET', path, undefined, writer)).text(), /tttt/);
  assert.doesNotMatch(await (await send('POST', '/rules', small, writer)).text(), /tttt/);
});

test('every route × {no token, expired, wrong signature, wrong audience, each scope}', async () => {
  await instance.stop();
  instance = await startInstance({ auth: true });
  const write = await bearer({ scope: 'rules:write' });
  const made = (await (await send('POST', '/rules', small, { authorization: write })).json()) as RuleBody;
  const routes: [string, string, unknown, string, number][] = [
    ['POST', '/rules', small, 'rules:write', 201],
    ['GET', '/rules', undefined, 'rules:read', 200],
    ['GET', `/rules/${made.id}`, undefined, 'rules:read', 200],
    ['PUT', `/rules/${made.id}`, small, 'rules:write', 200],
    ['DELETE', `/rules/${made.id}`, undefined, 'rules:write', 200],
  ];
  for (const [method, path, body, needed, good] of routes) {
    const status = async (authorization?: string) => {
      const answer = await send(method, path, body, authorization === undefined ? {} : { authorization });
      if (answer.status === 401) assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer /);
      if (answer.status === 403) assert.match(await answer.text(), new RegExp(needed));
      return answer.status;
    };
    const name = `${method} ${path}`;
    assert.equal(await status(), 401, name);
    assert.equal(await status(await bearer({ scope: needed, issuedAgoSeconds: 700 })), 401, `${name} expired`);
    assert.equal(await status(await bearer({ scope: needed, secret: 'z'.repeat(32) })), 401, `${name} wrong signature`);
    assert.equal(await status(await bearer({ scope: needed, audience: 'other' })), 401, `${name} wrong audience`);
    for (const scope of ['', 'rules:read', 'rules:write', 'metrics:write', 'alarms:read', 'admin']) {
      if (scope !== needed) assert.equal(await status(await bearer({ scope })), 403, `${name} with ${scope}`);
    }
    assert.equal(await status(await bearer({ scope: needed })), good, name);
  }
});

test('a metric that has all the rules it may have gets no more, and those it has can still be changed', async () => {
  await instance.stop();
  instance = await startInstance({ rulesPerMetricMax: 2 });
  const name = { metric_name: 'full' };
  const { rule } = await make(name);
  const { rule: elsewhere } = await make({ metric_name: 'has-room' });
  await make(name);
  for (const refused of [
    await send('POST', '/rules', { ...small, ...name }),
    await send('PUT', `/rules/${elsewhere.id}`, { ...small, ...name }),
  ]) {
    assert.equal(refused.status, 422);
    const problem = (await refused.json()) as { code: string; detail: string };
    assert.equal(problem.code, 'limit_reached');
    assert.match(problem.detail, /metric_name: "full" has 2 rules, and a metric may have 2/);
  }
  assert.equal((await send('PUT', `/rules/${rule.id}`, { ...small, ...name, threshold: 7 })).status, 200);
  assert.equal((await send('DELETE', `/rules/${rule.id}`)).status, 200);
  assert.equal((await send('POST', '/rules', { ...small, ...name })).status, 201);
});
