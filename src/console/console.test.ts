import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '../../test/support/wait-until.ts';
import { ok } from '../alarm/alarm-state.ts';
import { bearer } from '../http/testing/test-server.ts';
import { partitionOf } from '../log/murmur2.ts';
import { topics } from '../topics.ts';
import { appendAlarm, firingSince, startConsoleSystem, type ConsoleSystem } from './testing/console-system.ts';

const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;
const json = { 'content-type': 'application/json' };

let system: ConsoleSystem;
let pageDir: string;

before(async () => {
  pageDir = await mkdtemp(join(tmpdir(), 'ssrms-page-'));
  await mkdir(join(pageDir, 'assets'));
  await writeFile(join(pageDir, 'index.html'), '<!doctype html><title>page</title>');
  await writeFile(join(pageDir, 'assets', 'index-abc.js'), 'export {};');
  system = await startConsoleSystem({ pageDir });
});
after(async () => {
  await system.stop();
  await rm(pageDir, { recursive: true });
});

interface AlarmBody {
  readonly rule_id: string;
  readonly metric_name: string;
  readonly state: string;
  readonly value: number | null;
}

async function alarms(query = ''): Promise<{ total: number; alarms: AlarmBody[] }> {
  const answer = await fetch(`${system.url}/api/v1/alarms${query}`);
  assert.equal(answer.status, 200);
  return (await answer.json()) as { total: number; alarms: AlarmBody[] };
}

const ruleId = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

test('states of alarms are read from the log, firing first and longest first, and narrowed', async () => {
  const now = Date.now();
  const { storage } = system;
  await appendAlarm(storage.log, {
    ruleId: ruleId(1),
    metric: 'cpu',
    tags: { host: 'a' },
    state: firingSince(now - 1_000),
    x: 97.5,
    offset: 1,
  });
  const longest = await appendAlarm(storage.log, {
    ruleId: ruleId(1),
    metric: 'cpu',
    tags: { host: 'b' },
    state: firingSince(now - 9_000),
    x: 99,
    offset: 2,
  });
  await appendAlarm(storage.log, {
    ruleId: ruleId(2),
    metric: 'queue',
    state: firingSince(now - 5_000, 'no_data'),
    offset: 3,
  });
  await appendAlarm(storage.log, {
    ruleId: ruleId(3),
    metric: 'queue',
    state: { state: 'pending', sinceMs: now - 20_000 },
    x: 7,
    offset: 4,
  });
  await appendAlarm(storage.log, { ruleId: ruleId(3), metric: 'other', state: ok, x: 1, offset: 5 });
  await waitUntil('five alarms', async () => (await alarms()).total === 5);
  const all = (await alarms()).alarms;
  assert.deepEqual(
    all.map(({ rule_id, state }) => `${rule_id.at(-1)} ${state}`),
    ['1 firing', '2 firing', '1 firing', '3 pending', '3 ok'],
  );
  assert.deepEqual(all[0], {
    rule_id: ruleId(1),
    metric_name: 'cpu',
    tags: { host: 'b' },
    state: 'firing',
    since_ms: now - 9_000,
    value: 99,
    time_ms: (all[0] as unknown as { time_ms: number }).time_ms,
    cause: 'breach',
    notified: true,
    deferred: false,
    alarm_id: longest.state.state === 'firing' ? longest.state.alarmId : '',
  });
  assert.equal(all[1]!.value, null);
  const counts: [string, number][] = [
    ['?state=firing', 3],
    ['?state=pending', 1],
    ['?state=ok', 1],
    ['?metric_name=queue', 2],
    [`?rule_id=${ruleId(1)}`, 2],
    [`?rule_id=${ruleId(3)}&state=ok`, 1],
    ['?metric_name=none', 0],
    [`?rule_id=${ruleId(9)}`, 0],
  ];
  for (const [query, total] of counts) assert.equal((await alarms(query)).total, total, query);
  const cut = await alarms('?limit=2');
  assert.deepEqual([cut.total, cut.alarms.length], [5, 2]);
  for (const query of ['?state=broken', '?limit=0', '?limit=501', '?metric=a'])
    assert.equal((await fetch(`${system.url}/api/v1/alarms${query}`)).status, 400, query);
});

test('the largest sample offset wins, a tie the later, and a tombstone removes', async () => {
  const { storage } = system;
  const put = (offset: number, x: number) =>
    appendAlarm(storage.log, { ruleId: ruleId(7), metric: 'tie', state: firingSince(1_000), x, offset });
  const value = async () => (await alarms(`?rule_id=${ruleId(7)}`)).alarms[0]?.value;
  await put(10, 1);
  await waitUntil('the value is 1', async () => (await value()) === 1);
  await put(9, 2);
  await put(10, 3);
  await waitUntil('the value is 3', async () => (await value()) === 3);
  await put(5, 4);
  // A later record of the same partition shows that the old news has been read.
  await appendAlarm(storage.log, { ruleId: ruleId(8), metric: 'tie', state: ok, offset: 12 });
  await waitUntil('its alarm', async () => (await alarms(`?rule_id=${ruleId(8)}`)).total === 1);
  assert.equal((await alarms(`?rule_id=${ruleId(7)}`)).alarms[0]?.value, 3, 'old news is no news');
  await put(11, 5);
  await waitUntil('the value is 5', async () => (await value()) === 5);
  await storage.log.append(topics.alarms.name, [
    { key: Buffer.from('nonsense'), value: Buffer.from('{'), timestampMs: Date.now(), partition: 0 },
  ]);
  assert.equal((await alarms('?metric_name=tie')).total, 2, 'a record that cannot be read is skipped');
  const partition = partitionOf(Buffer.from('tie'), topics.metrics.partitions);
  await storage.log.append(topics.alarms.name, [
    { key: Buffer.from(`${ruleId(7)} ["tie"]`), value: null, timestampMs: Date.now(), partition },
  ]);
  await waitUntil('its alarm', async () => (await alarms('?metric_name=tie')).total === 1);
});

interface StatusBody {
  readonly rules: number;
  readonly metrics: number;
  readonly alarms: { firing: number; pending: number; ok: number };
  readonly samples_last_minute: number | null;
}

test('the status counts rules, alarms by state, and samples', async () => {
  const status = async () => (await (await fetch(`${system.url}/api/v1/status`)).json()) as StatusBody;
  const before_ = await status();
  const body = JSON.stringify({ metric_name: 'cpu', threshold: 1, discord_webhook_url: webhook });
  await fetch(`${system.url}/rules`, { method: 'POST', headers: json, body });
  assert.equal((await status()).rules, before_.rules + 1);
  const listed = await alarms();
  const { alarms: counts } = await status();
  assert.equal(counts.firing + counts.pending + counts.ok, listed.total);
  assert.equal(counts.firing, listed.alarms.filter(({ state }) => state === 'firing').length);
  await fetch(`${system.url}/api/v1/metrics`, {
    method: 'POST',
    headers: json,
    body: '[{"name":"a","value":1},{"name":"b","value":1}]',
  });
  await waitUntil('two samples are counted', async () => (await status()).samples_last_minute === 2);
});

test('the search gives rules with their states, and no webhook', async () => {
  const body = JSON.stringify({
    metric_name: 'searched',
    threshold: 1,
    discord_webhook_url: webhook,
    description: 'to be found',
  });
  const made = (await (await fetch(`${system.url}/rules`, { method: 'POST', headers: json, body })).json()) as {
    id: string;
  };
  await appendAlarm(system.storage.log, {
    ruleId: made.id,
    metric: 'searched',
    state: firingSince(1_000),
    x: 5,
    offset: 1,
  });
  const search = async (query: string) =>
    await (await fetch(`${system.url}/api/v1/rules?q=${encodeURIComponent(query)}`)).text();
  await waitUntil('the rule fires', async () => (await search('state:firing metric:searched')).includes(made.id));
  const text = await search('found');
  assert.doesNotMatch(text, /tttt/);
  const [found] = (JSON.parse(text) as { rules: { state: string; firing: number; worst: { value: number } }[] }).rules;
  assert.deepEqual([found!.state, found!.firing, found!.worst.value], ['firing', 1, 5]);
  const ids = await fetch(`${system.url}/api/v1/rules/ids?q=metric:searched`);
  assert.deepEqual(await ids.json(), { ids: [made.id], total: 1 });
});

test('the page is served below /console/, its assets for ever, and nothing else', async () => {
  const get = (path: string) => fetch(system.url + path, { redirect: 'manual' });
  for (const path of ['/', '/console']) {
    const answer = await get(path);
    assert.equal(answer.status, 302);
    assert.equal(new URL(answer.headers.get('location')!, system.url + path).pathname, '/console/');
  }
  const page = await get('/console/');
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  assert.equal(page.headers.get('cache-control'), 'no-cache');
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'self'/);
  const asset = await get('/console/assets/index-abc.js');
  assert.equal(asset.headers.get('cache-control'), 'public, max-age=31536000, immutable');
  assert.match(asset.headers.get('content-type') ?? '', /javascript/);
  for (const path of [
    '/console/none.js',
    '/console/..%2fpackage.json',
    '/console/%2e%2e/%2e%2e/package.json',
    '/console/assets',
    '/console/assets/',
    '/console//etc/passwd',
  ]) {
    assert.equal((await get(path)).status, 404, path);
  }
  const head = await fetch(`${system.url}/console/`, { method: 'HEAD' });
  assert.equal(head.status, 200);
});

test('a page that was not built is told so, and the API works without it', async () => {
  const own = await startConsoleSystem({ pageDir: join(pageDir, 'none') });
  const answer = await fetch(`${own.url}/console/`);
  assert.equal(answer.status, 404);
  assert.match(await answer.text(), /is not built/);
  assert.equal((await fetch(`${own.url}/api/v1/status`)).status, 200);
  await own.stop();
});

test('every reading route × {no token, expired, wrong signature, wrong audience, each scope}, and the page itself is open', async () => {
  const own = await startConsoleSystem({ auth: true, pageDir });
  const routes: [string, string][] = [
    ['/api/v1/alarms', 'alarms:read'],
    ['/api/v1/alarms/history', 'alarms:read'],
    ['/api/v1/status', 'alarms:read'],
    ['/api/v1/rules', 'rules:read'],
    ['/api/v1/rules/ids', 'rules:read'],
    ['/api/v1/metrics', 'alarms:read'],
    ['/api/v1/samples?metric_name=cpu', 'alarms:read'],
    ['/metrics', 'system:read'],
  ];
  for (const [path, scope] of routes) {
    const status = async (authorization?: string) =>
      (await fetch(own.url + path, authorization === undefined ? {} : { headers: { authorization } })).status;
    assert.equal(await status(), 401, path);
    assert.equal(await status(await bearer({ scope, issuedAgoSeconds: 700 })), 401, path);
    assert.equal(await status(await bearer({ scope, secret: 'z'.repeat(32) })), 401, path);
    assert.equal(await status(await bearer({ scope, audience: 'other' })), 401, path);
    for (const other of ['', 'rules:read', 'rules:write', 'metrics:write', 'alarms:read', 'system:read']) {
      assert.equal(await status(await bearer({ scope: other })), other === scope ? 200 : 403, `${path} with ${other}`);
    }
  }
  for (const path of [
    '/console/',
    '/console/assets/index-abc.js',
    '/health',
    '/health/live',
    '/health/ready',
    '/api/v1/openapi.json',
  ]) {
    assert.equal((await fetch(own.url + path)).status, 200, path);
  }
  await own.stop();
});

test('OpenAPI lists every route that all services have, and the router has none beside the page that it does not list', async () => {
  const document = (await (await fetch(`${system.url}/api/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { summary?: string }>>;
  };
  const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routed = system.server.routes
    .filter(({ method, hidden }) => method !== 'HEAD' && !hidden)
    .map(({ method, url }) => `${String(method)} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
  assert.deepEqual(listed.sort(), routed.sort());
  const unlisted = system.server.routes
    .filter(({ hidden, method }) => hidden && method !== 'HEAD')
    .map(({ url }) => url);
  assert.deepEqual(unlisted.sort(), ['/', '/console', '/console/*']);
  for (const methods of Object.values(document.paths))
    for (const operation of Object.values(methods)) assert.ok(operation.summary);
});
