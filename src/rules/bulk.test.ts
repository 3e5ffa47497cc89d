import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { bearer, listeningServer, testAuth, testLogger, type TestServer } from '../http/testing/test-server.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { topics } from '../topics.ts';
import { createRules } from './rules.ts';

const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;
const small = { metric_name: 'cpu', threshold: 500, discord_webhook_url: webhook };
const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const json = { 'content-type': 'application/json' };

interface Row {
  readonly outcome: string;
  readonly id?: string;
  readonly fields?: unknown;
  readonly code?: string;
  readonly reason?: string;
}
interface Outcome {
  readonly changed: { readonly id: string; readonly etag: string }[];
  readonly unchanged: string[];
  readonly refused: { readonly id: string; readonly code: string }[];
}

let storage: TestLog;
let it: TestServer;
const stop = new AbortController();
let running: Promise<void>;

before(async () => {
  storage = await openTestLog();
  const [health, meter] = [new Health(), new Meter()];
  const rules = createRules({ log: storage.log, health, meter, logger: testLogger, revealWebhookUrl: 'writers' });
  running = rules.service.run(stop.signal);
  it = await listeningServer([rules.routes], { health, meter, auth: testAuth() });
});
after(async () => {
  await it.server.close();
  stop.abort();
  await running;
  await storage.remove();
});

async function post(path: string, body: unknown, scope = 'rules:read rules:write'): Promise<Response> {
  const authorization = await bearer({ scope });
  const init = { method: 'POST', headers: { ...json, authorization }, body: JSON.stringify(body) };
  for (;;) {
    const answer = await fetch(`${it.url}/api/v1/rules/${path}`, init);
    if (answer.status !== 503) return answer;
    await answer.text();
  }
}

async function bringIn(rules: readonly unknown[], isDry = false): Promise<Row[]> {
  const answer = await post('import', { rules, ...(isDry && { dry_run: true }) });
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { rows: Row[] }).rows;
}

const stored = async (...ids: number[]): Promise<unknown[]> =>
  (await (await post('export', { ids: ids.map(id) })).json()) as unknown[];

async function bulk(action: string, rules: readonly { id: string; if_match?: string }[]): Promise<Outcome> {
  const answer = await post('bulk', { action, rules });
  assert.equal(answer.status, 200);
  return (await answer.json()) as Outcome;
}

test('an import says of each row what would become of it, writes nothing before it is told to, and then just that', async () => {
  await bringIn([
    { id: id(1), ...small, tags: { a: '1', b: '2' } },
    { id: id(2), ...small },
  ]);
  const rows = [
    { tags: { b: '2', a: '1' }, ...small, id: id(1) },
    {
      id: id(2),
      ...small,
      threshold: 7,
      discord_webhook_url: webhook.replace(/t+$/, 'u'.repeat(68)),
      description: 'new',
    },
    { id: id(3), ...small },
    { ...small, metric_name: 'without-id' },
    { id: id(3), ...small },
    { ...small, threshold: 'high' },
    { id: 'mine', ...small },
    'no rule',
    { id: id(4), ...small, discord_webhook_url: 'https://discord.com/api/webhooks/1234…/****' },
  ];
  const recordsBefore = (await storage.records(topics.rules.name)).length;
  const dry = await bringIn(rows, true);
  assert.equal((await storage.records(topics.rules.name)).length, recordsBefore, 'nothing is written');
  assert.deepEqual(
    dry.map(({ outcome }) => outcome),
    ['same', 'changed', 'new', 'new', 'refused', 'refused', 'refused', 'refused', 'refused'],
  );
  assert.deepEqual(dry[1]!.fields, [
    { field: 'threshold', from: 500, to: 7 },
    { field: 'discord_webhook_url' },
    { field: 'description', from: null, to: 'new' },
  ]);
  assert.deepEqual([dry[4]!.code, dry[4]!.reason], ['conflict', 'row 3 has the same id']);
  assert.match(dry[5]!.reason!, /not "high"/);
  assert.doesNotMatch(JSON.stringify(dry), /tttt|uuuu/);
  const wet = await bringIn(rows);
  assert.deepEqual(
    wet.map(({ outcome }) => outcome),
    dry.map(({ outcome }) => outcome),
  );
  assert.equal((await storage.records(topics.rules.name)).length, recordsBefore + 3);
  assert.deepEqual(await stored(2, 3), [rows[1], rows[2]]);
  assert.match(wet[3]!.id!, /^[0-9a-f-]{36}$/);
  const again = await bringIn(await stored(1, 2, 3));
  assert.deepEqual(
    again.map(({ outcome }) => outcome),
    ['same', 'same', 'same'],
    'what is exported comes in as it is',
  );
});

test('many rules are switched and deleted at once; who was so already, is gone or was changed meanwhile is told apart', async () => {
  await bringIn([
    { id: id(11), ...small, enabled: true },
    { id: id(12), ...small },
    { id: id(13), ...small, enabled: false },
  ]);
  const off = await bulk(
    'disable',
    [id(11), id(12), id(13), id(99)].map((each) => ({ id: each })),
  );
  assert.deepEqual(off.changed.map((each) => each.id).sort(), [id(11), id(12)]);
  assert.deepEqual(off.unchanged, [id(13)]);
  assert.deepEqual(
    off.refused.map((each) => [each.id, each.code]),
    [[id(99), 'not_found']],
  );
  assert.deepEqual(await stored(12), [{ id: id(12), ...small, enabled: false }]);
  await bringIn([{ id: id(11), ...small, enabled: false, description: 'by somebody else' }]);
  const undone = await bulk(
    'enable',
    off.changed.map(({ id: each, etag }) => ({ id: each, if_match: etag })),
  );
  assert.deepEqual(
    undone.changed.map((each) => each.id),
    [id(12)],
  );
  assert.deepEqual(
    undone.refused.map((each) => each.code),
    ['changed_meanwhile'],
    'an undo overwrites nobody',
  );
  assert.deepEqual(await stored(12), [{ id: id(12), ...small }]);
  const gone = await bulk(
    'delete',
    [id(11), id(12), id(13), id(99)].map((each) => ({ id: each })),
  );
  assert.equal(gone.changed.length, 3);
  assert.equal(gone.refused.length, 1);
  assert.deepEqual(await stored(11, 12, 13), []);
});

test('an order of another form is refused, and so is who may not', async () => {
  for (const [path, body] of [
    ['bulk', { action: 'explode', rules: [{ id: id(1) }] }],
    ['bulk', { action: 'enable', rules: [] }],
    ['bulk', { action: 'enable', rules: [id(1)] }],
    ['bulk', { action: 'enable' }],
    ['bulk', []],
    ['import', { rules: 'all' }],
    ['import', { rules: Array.from({ length: 1_001 }, () => small) }],
    ['export', { ids: [] }],
    ['export', { ids: [id(1)], all: true }],
  ] as const)
    assert.equal((await post(path, body)).status, 400, `${path} ${JSON.stringify(body).slice(0, 80)}`);
  const order = { action: 'enable', rules: [{ id: id(1) }] };
  assert.equal((await post('bulk', order, 'rules:read')).status, 403);
  assert.equal((await post('import', { rules: [small] }, 'rules:read')).status, 403);
  assert.equal((await post('export', { ids: [id(1)] }, 'alarms:read')).status, 403);
  const masked = await (await post('export', { ids: [id(1)] }, 'rules:read')).text();
  assert.doesNotMatch(masked, /tttt/, 'who may not write sees no webhook');
  assert.match(masked, /1234…/);
  const whole = { ids: [id(1)], with_secrets: true };
  assert.match(await (await post('export', whole)).text(), /tttt/);
  const refused = await post('export', whole, 'rules:read');
  assert.equal(refused.status, 403);
  assert.match(await refused.text(), /scope rules:write alone \(REVEAL_WEBHOOK_URL\)/);
});
