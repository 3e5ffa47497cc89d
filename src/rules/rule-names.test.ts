// Rules by their names: found, made and replaced, two instances, and two rules that share one all the same.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { waitUntil } from '../../test/support/wait-until.ts';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { healthOf } from '../http/testing/health-of.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { listeningServer, testLogger } from '../http/testing/test-server.ts';
import { isRuleId } from '../rule/rule-id.ts';
import { topics } from '../topics.ts';
import { createRules } from './rules.ts';

const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;
const small = { metric_name: 'errors', threshold: 5, discord_webhook_url: webhook };
const json = { 'content-type': 'application/json' };

interface RuleBody {
  readonly id: string;
  readonly name?: string;
  readonly threshold: number;
}
interface Problem {
  readonly code: string;
  readonly detail: string;
}
interface Instance {
  readonly url: string;
  stop(): Promise<void>;
}

let storage: TestLog;
let one: Instance;
let other: Instance;

before(async () => {
  storage = await openTestLog();
  [one, other] = [await startInstance(), await startInstance()];
});
after(async () => {
  await one.stop();
  await other.stop();
  await storage.remove();
});

async function startInstance(): Promise<Instance> {
  const [health, meter] = [new Health(), new Meter()];
  const rules = createRules({ log: storage.log, health, meter, logger: testLogger });
  const stop = new AbortController();
  const running = rules.service.run(stop.signal);
  const { url, server } = await listeningServer([rules.routes], { health, meter });
  await waitUntil('the instance has started', () => health.starting().length === 0);
  const end = async (): Promise<void> => {
    await server.close();
    stop.abort();
    await running;
  };
  return { url, stop: end };
}

interface Sent {
  readonly headers?: object;
  readonly at?: Instance;
}

function send(method: string, path: string, body?: object, { headers, at = one }: Sent = {}): Promise<Response> {
  return fetch(at.url + path, {
    method,
    headers: { ...(body !== undefined && json), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

const byName = (name: string): string => `/rules/by-name/${encodeURIComponent(name)}`;
const put = (name: string, body: object = small, how: Sent = {}): Promise<Response> =>
  send('PUT', byName(name), body, how);

async function named(name: string, at = one): Promise<RuleBody[]> {
  const query = new URLSearchParams({ name }).toString();
  return (await (await send('GET', `/rules?${query}`, undefined, { at })).json()) as RuleBody[];
}

async function refusal(answer: Response): Promise<[number, string, string]> {
  const { code, detail } = (await answer.json()) as Problem;
  return [answer.status, code, detail];
}

test('a rule is made by its name, replaced by it, and found by it', async () => {
  const name = 'Checkout: 5 % errors/größe 📦?';
  const made = await put(name);
  const rule = (await made.json()) as RuleBody;
  assert.equal(made.status, 201);
  assert.deepEqual(Object.keys(rule).slice(0, 2), ['id', 'name']);
  assert.deepEqual(rule, { id: rule.id, name, ...small });
  assert.match(rule.id, /^.{14}5/);
  assert.ok(isRuleId(rule.id));
  assert.equal(made.headers.get('location'), `/rules/${rule.id}`);
  const replaced = await put(name, { ...small, id: rule.id, threshold: 6, name });
  assert.equal(replaced.status, 200);
  assert.notEqual(replaced.headers.get('etag'), made.headers.get('etag'));
  assert.deepEqual(await named(name), [{ id: rule.id, ...small, threshold: 6, name }]);
  assert.deepEqual(await named('none'), []);
  assert.deepEqual(await named('checkout'), []);
  assert.equal((await send('GET', `/rules/${rule.id}`)).status, 200);
  assert.equal((await send('DELETE', `/rules/${rule.id}`)).status, 200);
  assert.deepEqual(await named(name), []);
  assert.equal(((await (await put(name)).json()) as RuleBody).id, rule.id, 'the id is that of the name');
});

test('a list by name has pages, and is narrowed by metric too', async () => {
  await put('paged');
  const list = async (query: string): Promise<number> =>
    ((await (await send('GET', `/rules?name=paged&${query}`)).json()) as RuleBody[]).length;
  assert.deepEqual([await list('limit=1'), await list('metric_name=errors'), await list('metric_name=x')], [1, 1, 0]);
  assert.equal(await list('limit=1&after=ffffffff-ffff-4fff-bfff-ffffffffffff'), 0);
});

test('If-Match holds for the rule that has the name, and where none has it no version matches', async () => {
  const made = await put('matched');
  const etag = made.headers.get('etag')!;
  const stale = await put('matched', small, { headers: { 'if-match': '"0-999999"' } });
  assert.deepEqual((await refusal(stale)).slice(0, 2), [412, 'changed_meanwhile']);
  assert.equal((await put('matched', small, { headers: { 'if-match': etag } })).status, 200);
  assert.equal((await put('matched', small, { headers: { 'if-match': '*' } })).status, 200);
  assert.equal((await put('matched anew', small, { headers: { 'if-match': '*' } })).status, 412);
  assert.deepEqual(await named('matched anew'), []);
});

test('the body may leave out the name and the id, and says no others', async () => {
  assert.match(
    (await refusal(await put('mine', { ...small, name: 'yours' })))[2],
    /name must be "mine", as in the path/,
  );
  const made = (await (await put('mine')).json()) as RuleBody;
  const wrong = await put('mine', { ...small, id: '00000000-0000-4000-8000-000000000000' });
  assert.match((await refusal(wrong))[2], new RegExp(`id must be ${made.id}`));
  assert.deepEqual((await refusal(await put('mine', [])))[1], 'invalid_request');
  assert.match((await refusal(await put(' blank ')))[2], /name must be a line of text, without blanks at its ends/);
  assert.match((await refusal(await put('x'.repeat(201))))[2], /name must have at most 200 characters, not 201/);
  assert.equal((await put('📦'.repeat(200))).status, 201);
});

test('a name that another rule has is refused, however it is given', async () => {
  const { id } = (await (await put('taken')).json()) as RuleBody;
  const detail = `name "taken" is the name of the rule ${id}`;
  assert.deepEqual(await refusal(await send('POST', '/rules', { ...small, name: 'taken' })), [409, 'conflict', detail]);
  const unnamed = (await (await send('POST', '/rules', small)).json()) as RuleBody;
  assert.deepEqual(await refusal(await send('PUT', `/rules/${unnamed.id}`, { ...small, name: 'taken' })), [
    409,
    'conflict',
    detail,
  ]);
  const rows = [
    { ...small, name: 'taken' },
    { ...small, name: 'new' },
    { ...small, name: 'new' },
  ];
  const answer = await send('POST', '/api/v1/rules/import', { rules: rows, dry_run: true });
  const { rows: judged } = (await answer.json()) as { rows: { outcome: string; reason?: string }[] };
  assert.deepEqual(
    judged.map(({ outcome, reason }) => [outcome, reason]),
    [
      ['refused', detail],
      ['new', undefined],
      ['refused', 'row 2 has the same name'],
    ],
  );
  const both = await Promise.all([1, 2, 3].map(() => send('POST', '/rules', { ...small, name: 'at once' })));
  assert.deepEqual(
    both.map(({ status }) => status).sort((a, b) => a - b),
    [201, 409, 409],
  );
});

test('a rule keeps the name that it has, and an id that is under another name is not taken', async () => {
  const made = (await (await put('first')).json()) as RuleBody;
  assert.equal((await send('PUT', `/rules/${made.id}`, { ...small, name: 'first' })).status, 200);
  assert.equal((await send('PUT', `/rules/${made.id}`, { ...small, name: 'second' })).status, 200);
  const again = await put('first');
  const anew = (await again.json()) as RuleBody;
  assert.equal(again.status, 201);
  assert.match(anew.id, /^.{14}4/);
  assert.deepEqual(
    (await named('second')).map(({ id }) => id),
    [made.id],
  );
});

test('two instances that make the same rule by its name at once make one', async () => {
  const [here, there] = await Promise.all([put('everywhere'), put('everywhere', small, { at: other })]);
  const ids = await Promise.all([here, there].map(async (answer) => ((await answer.json()) as RuleBody).id));
  assert.equal(ids[0], ids[1]);
  await waitUntil('both have it', async () => (await named('everywhere', other)).length === 1);
});

test('two rules that share a name both work, by-name refuses it, and health says so until one has another', async () => {
  const ids = [1, 2].map((n) => `00000000-0000-4000-8000-00000000000${n}`);
  const records = ids.map((id) => ({
    key: Buffer.from(id),
    value: Buffer.from(JSON.stringify({ id, ...small, name: 'shared' })),
    timestampMs: Date.now(),
  }));
  await storage.log.append(topics.rules.name, records);
  await waitUntil('both are there', async () => (await named('shared')).length === 2);
  assert.deepEqual(
    (await named('shared')).map(({ id }) => id),
    ids,
  );
  assert.deepEqual(await refusal(await put('shared')), [
    409,
    'conflict',
    `name "shared" is the name of 2 rules: ${ids.join(', ')}`,
  ]);
  const { status, checks } = await healthOf(one.url);
  assert.equal(status, 'warn');
  assert.match(checks['rule names']?.message ?? '', /more than one rule has the name "shared": all are in force/);
  assert.equal((await send('PUT', `/rules/${ids[0]!}`, { ...small, name: 'shared', threshold: 1 })).status, 200);
  assert.equal((await send('PUT', `/rules/${ids[0]!}`, { ...small, name: 'apart' })).status, 200);
  assert.equal((await put('shared')).status, 200);
  assert.equal((await healthOf(one.url)).checks['rule names']?.status, 'pass');
});
