import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { ok } from '../../alarm/alarm-state.ts';
import { bearer } from '../../http/testing/test-server.ts';
import { partitionOf } from '../../log/murmur2.ts';
import { formatDeliveryRecord } from '../../notice/delivery-record.ts';
import { topics } from '../../topics.ts';
import type { RuleVersionsView } from '../../wire/rules.ts';
import { Feed, type FeedItem } from '../live/feed.ts';
import { appendAlarm, firingSince, startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';

const token = 't'.repeat(68);
const webhook = `https://discord.com/api/webhooks/123456789012345678/${token}`;
const json = { 'content-type': 'application/json' };

let system: ConsoleSystem;
before(async () => {
  system = await startConsoleSystem();
});
after(() => system.stop());

interface Item {
  readonly kind: string;
  readonly place: string;
  readonly at_ms: number;
  readonly to?: string;
  readonly edit?: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly fields?: readonly object[];
  readonly author?: string;
  readonly receiver?: string;
}
interface Page {
  readonly items: readonly Item[];
  readonly total: number;
  readonly next?: string;
  readonly complete_since_ms: Readonly<Record<string, number>>;
}
interface Overview {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly counts: Readonly<Record<'firing' | 'transition' | 'rule' | 'delivery', readonly number[]>>;
  readonly fires: {
    readonly rules: readonly { rule_id: string; metric_name?: string; total: number; counts: number[] }[];
  };
}

async function read<Body>(path: string, authorization?: string, own = system): Promise<Body> {
  const answer = await fetch(`${own.url}/api/v1/timeline${path}`, { headers: authorization ? { authorization } : {} });
  assert.equal(answer.status, 200, path);
  return (await answer.json()) as Body;
}

/** `order`: method and path. */
async function write(own: ConsoleSystem, order: string, fields: object, authorization?: string): Promise<string> {
  const [method, path] = order.split(' ') as [string, string];
  const answer = await fetch(`${own.url}${path}`, {
    method,
    headers: { ...json, ...(authorization && { authorization }) },
    body: JSON.stringify({ discord_webhook_url: webhook, ...fields }),
  });
  assert.ok(answer.ok, await answer.clone().text());
  return ((await answer.json()) as { id: string }).id;
}

const shape = ({ kind, to, edit, outcome }: Item): string => `${kind} ${to ?? edit ?? outcome}`;

test('transitions, edits and failed messages are one feed, newest first, in pages without a gap', async () => {
  const id = await write(system, 'POST /rules', { metric_name: 'one', threshold: 1 });
  // What is written in the same millisecond is in the order of the topics.
  await sleep(5);
  for (let offset = 0; offset < 10; offset++) {
    const given = { ruleId: id, metric: 'one', x: offset, offset };
    await appendAlarm(system.storage.log, { ...given, state: offset % 2 === 0 ? firingSince(1_000 + offset) : ok });
  }
  await sleep(5);
  await write(system, `PUT /rules/${id}`, { metric_name: 'one', threshold: 2 });
  const atMs = Date.now() + 1;
  const record = formatDeliveryRecord({
    kind: 'outcome',
    notificationId: '0f8fad5b-d9cb-469f-a165-70867728950e',
    webhookId: '123456789012345678',
    outcome: 'dead',
    reason: 'Discord says <b>no</b>',
    messageId: undefined,
    attemptId: undefined,
    webhook: undefined,
    offset: undefined,
    possibleRepeat: false,
    atMs,
  });
  const partition = partitionOf(Buffer.from('one'), topics.deliveries.partitions);
  await system.storage.log.append(topics.deliveries.name, [
    { key: Buffer.from('x'), value: Buffer.from(record), timestampMs: atMs, partition },
  ]);
  await waitUntil('13 entries', async () => (await read<Page>('')).total === 13);
  const whole = await read<Page>('');
  const expected = [
    'delivery dead',
    'rule changed',
    ...Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? 'ok' : 'firing')),
  ];
  assert.deepEqual(whole.items.map(shape), [
    ...expected.slice(0, 2),
    ...expected.slice(2).map((to) => `transition ${to}`),
    'rule made',
  ]);
  assert.equal(whole.items[0]!.reason, 'Discord says <b>no</b>');
  assert.deepEqual(whole.items[1]!.fields, [{ field: 'threshold', from: 1, to: 2 }]);
  const paged: Item[] = [];
  let next: string | undefined;
  do {
    const page: Page = await read<Page>(`?limit=4${next === undefined ? '' : `&after=${next}`}`);
    assert.equal(page.total, 13);
    paged.push(...page.items);
    next = page.next;
  } while (next !== undefined);
  assert.deepEqual(paged, whole.items);

  const total = async (query: string): Promise<number> => (await read<Page>(query)).total;
  assert.equal(await total('?kind=rule'), 2);
  assert.equal(await total('?kind=rule,delivery'), 3);
  assert.equal(await total(`?rule_id=${id}`), 12, 'of the failed message nobody knows the rule');
  assert.equal(await total('?metric_name=two'), 0);
  const seventh = whole.items[6]!.at_ms;
  const since = whole.items.filter(({ at_ms: ms }) => ms >= seventh);
  assert.equal(await total(`?from_ms=${seventh}`), since.length);
  assert.equal(await total(`?to_ms=${seventh}`), whole.items.filter(({ at_ms: ms }) => ms <= seventh).length);
  for (const query of ['?kind=all', '?kind=rule,', '?after=x', '?limit=201', '?to_ms=x'])
    assert.equal((await fetch(`${system.url}/api/v1/timeline${query}`)).status, 400, query);

  const overview = await read<Overview>('/overview');
  const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);
  const { firing, transition, rule, delivery } = overview.counts;
  assert.deepEqual([firing, transition, rule].map(sum), [5, 5, 2]);
  assert.ok(sum(delivery) <= 1, 'its time is a moment ahead');
  assert.equal(firing.length, 96);
  assert.equal(overview.to_ms - overview.from_ms, 24 * 3_600_000);
  assert.deepEqual(
    overview.fires.rules.map(({ rule_id: ruleId, metric_name: metric, total: fires, counts }) => [
      ruleId,
      metric,
      fires,
      sum(counts),
    ]),
    [[id, 'one', 5, 5]],
  );
  const narrow = await read<Overview>(`/overview?from_ms=${Date.now() + 60_000}&to_ms=${Date.now() + 120_000}`);
  assert.deepEqual(Object.values(narrow.counts).map(sum), [0, 0, 0, 0]);
});

test('edits of rules are told only to those who may read rules', async () => {
  const own = await startConsoleSystem({ auth: true });
  try {
    const all = await bearer({ scope: 'rules:read rules:write alarms:read' });
    await write(own, 'POST /rules', { metric_name: 'kept', threshold: 1 }, all);
    await waitUntil('one entry', async () => (await read<Page>('', all, own)).total === 1);
    const some = await bearer({ scope: 'alarms:read' });
    for (const query of ['', '?kind=rule']) assert.equal((await read<Page>(query, some, own)).total, 0, query);
    assert.equal((await fetch(`${own.url}/api/v1/timeline`)).status, 401);
    const wrong = { headers: { authorization: await bearer({ scope: 'rules:read' }) } };
    for (const path of ['', '/overview'])
      assert.equal((await fetch(`${own.url}/api/v1/timeline${path}`, wrong)).status, 403);
  } finally {
    await own.stop();
  }
});

test('who changed a rule or a receiver is told to those who may read the audit', async () => {
  const own = await startConsoleSystem({ auth: true });
  try {
    const writer = 'rules:read rules:write receivers:read receivers:write alarms:read';
    const by = (subject: string): Promise<string> => bearer({ scope: writer, subject });
    const id = await write(own, 'POST /rules', { metric_name: 'kept', threshold: 1 }, await by('alice'));
    await sleep(5);
    await write(own, `PUT /rules/${id}`, { metric_name: 'kept', threshold: 2 }, await by('bob'));
    const hook = { kind: 'webhook', address: 'https://hooks.example.com/first', secret: 'sixteen-characters' };
    const put = async (body: object): Promise<void> => {
      await sleep(5);
      const headers = { ...json, authorization: await by('carol') };
      const order = { method: 'PUT', headers, body: JSON.stringify(body) };
      assert.ok((await fetch(`${own.url}/api/v1/receivers/ops`, order)).ok);
    };
    await put(hook);
    await put({ ...hook, limits: { requests_per_minute: 60 } });
    const told = ({ kind, edit, author, receiver }: Item): string =>
      [kind, receiver, edit, author].filter((text) => text !== undefined).join(' ');
    const all = await bearer({ scope: `${writer} audit:read` });
    await waitUntil('all edits', async () => (await read<Page>('', all, own)).total === 4);
    const { items } = await read<Page>('', all, own);
    assert.deepEqual(items.map(told), [
      'receiver ops changed carol',
      'receiver ops made carol',
      'rule changed bob',
      'rule made alice',
    ]);
    assert.deepEqual(items[0]!.fields, [{ field: 'limits', to: { requests_per_minute: 60 } }]);
    assert.ok(!JSON.stringify(items).includes('sixteen-characters') && !JSON.stringify(items).includes('/first'));
    const paged: string[] = [];
    for (let next: string | undefined = ''; next !== undefined;) {
      const page: Page = await read<Page>(`?limit=1${next && `&after=${next}`}`, all, own);
      paged.push(...page.items.map(told));
      ({ next } = page);
    }
    assert.deepEqual(paged, items.map(told));
    assert.deepEqual((await read<Page>('?kind=receiver', all, own)).items.map(told).length, 2);
    assert.equal((await read<Page>(`?rule_id=${id}`, all, own)).total, 2);
    const { counts } = await read<Overview>('/overview', all, own);
    assert.equal(
      counts.rule.reduce((sum, count) => sum + count, 0),
      4,
    );

    const some = await bearer({ scope: 'alarms:read rules:read' });
    assert.deepEqual((await read<Page>('', some, own)).items.map(told), ['rule changed', 'rule made']);
    const versions = async (authorization: string): Promise<(string | undefined)[]> => {
      const answer = await fetch(`${own.url}/api/v1/rules/${id}/versions`, { headers: { authorization } });
      return ((await answer.json()) as RuleVersionsView).versions.map(({ author }) => author);
    };
    assert.deepEqual(await versions(all), ['alice', 'bob']);
    assert.deepEqual(await versions(some), [undefined, undefined]);
  } finally {
    await own.stop();
  }
});

test('what is dropped for want of room moves the time since which nothing is missing', () => {
  const feed = new Feed({ alarms: 10, rules: 20, deliveries: 30 });
  const failure = (partition: number, offset: number, atMs: number): FeedItem => ({
    kind: 'delivery',
    topic: 'deliveries',
    partition,
    offset,
    atMs,
    notificationId: '',
    webhookId: '',
    outcome: 'dead',
    reason: undefined,
  });
  for (let offset = 0; offset < 300; offset++) feed.add(failure(2, offset, 1_000 + offset));
  assert.deepEqual([feed.completeSinceMs('alarms'), feed.completeSinceMs('deliveries')], [10, 30]);
  for (let offset = 300; offset < 320; offset++) feed.add(failure(2, offset, 1_000 + offset));
  const oldest = feed.newestFirst().at(-1)!.atMs;
  assert.equal(feed.completeSinceMs('deliveries'), oldest);
  assert.ok(oldest > 1_000);
  feed.add(failure(5, 0, 5));
  assert.equal(feed.completeSinceMs('deliveries'), oldest, 'another partition is held whole');
});
