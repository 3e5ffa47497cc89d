// The lists of alarms in pages, and the state of one rule.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { waitForValue } from '../../../test/support/wait-until.ts';
import { ok } from '../../alarm/alarm-state.ts';
import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import { appendAlarm, firingSince, startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';

const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;

let system: ConsoleSystem;
before(async () => {
  system = await startConsoleSystem();
});
after(() => system.stop());

async function read<Body>(path: string): Promise<Body> {
  const answer = await fetch(`${system.url}${path}`);
  assert.equal(answer.status, 200, path);
  return (await answer.json()) as Body;
}

interface Page {
  readonly total: number;
  readonly next?: string;
  readonly complete_since_ms: number;
  readonly alarms: readonly {
    readonly alarm_id?: string;
    readonly rule_id: string;
    readonly state: string;
    readonly fired_ms: number;
    readonly ended_ms: number | null;
    readonly tags?: { readonly n: string };
  }[];
}

/** All pages, and how many there were. */
async function pages(path: string): Promise<{ alarms: Page['alarms'][number][]; count: number }> {
  const alarms: Page['alarms'][number][] = [];
  let [next, count]: [string | undefined, number] = [undefined, 0];
  do {
    const page: Page = await read(`${path}${next === undefined ? '' : `&after=${next}`}`);
    alarms.push(...page.alarms);
    next = page.next;
    count++;
  } while (next !== undefined);
  return { alarms, count };
}

const ruleId = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const idOf = ({ state }: AlarmRecord): string => (state.state === 'firing' ? state.alarmId : '');

test('pages of states hold every alarm once, whatever its state, its rule and how long it has been', async () => {
  const { log } = system.storage;
  const states = [firingSince(5_000), firingSince(4_000), { state: 'pending', sinceMs: 4_500 }, ok] as const;
  for (let n = 0; n < 60; n++) {
    const given = { ruleId: ruleId(n % 3), metric: 'paged', tags: { n: String(n) }, x: 1, offset: n };
    await appendAlarm(log, { ...given, state: states[n % 4]! });
  }
  await waitForValue(
    'all alarms',
    () => read<Page>('/api/v1/alarms?metric_name=paged&limit=1'),
    ({ total }) => total === 60,
  );
  const whole = await read<Page>('/api/v1/alarms?metric_name=paged');
  assert.equal(whole.next, undefined);
  assert.deepEqual(
    whole.alarms.map(({ state }) => state),
    [...Array(30).fill('firing'), ...Array(15).fill('pending'), ...Array(15).fill('ok')],
  );
  const paged = await pages('/api/v1/alarms?metric_name=paged&limit=7');
  assert.equal(paged.count, 9);
  assert.deepEqual(paged.alarms, whole.alarms);
  const ofRule = await pages(`/api/v1/alarms?rule_id=${ruleId(1)}&state=firing&limit=3`);
  assert.deepEqual(
    ofRule.alarms,
    whole.alarms.filter(({ rule_id: id, state }) => id === ruleId(1) && state === 'firing'),
  );
  for (const place of ['x', `ok_0_${ruleId(1)}_zz`, '../..'])
    assert.equal((await fetch(`${system.url}/api/v1/alarms?after=${encodeURIComponent(place)}`)).status, 400, place);
});

test('the alarms of the last days come newest first, in pages, by rule, metric, state and time', async () => {
  const { log } = system.storage;
  const nowMs = Date.now();
  const fired: AlarmRecord[] = [];
  let offset = 100;
  for (let n = 0; n < 12; n++) {
    const given = { ruleId: ruleId(50 + (n % 2)), metric: 'told', x: 7, tags: { n: String(n) } };
    const timeMs = nowMs - (12 - n) * 60_000;
    fired.push(await appendAlarm(log, { ...given, offset: ++offset, timeMs, state: firingSince(timeMs) }));
    if (n < 9) await appendAlarm(log, { ...given, offset: ++offset, timeMs: timeMs + 10_000, state: ok });
  }
  const path = '/api/v1/alarms/history?metric_name=told';
  await waitForValue(
    'nine of twelve ended',
    () => read<Page>(path),
    ({ alarms }) => alarms.filter(({ state }) => state === 'ended').length === 9 && alarms.length === 12,
  );
  const paged = await pages(`${path}&limit=5`);
  assert.equal(paged.count, 3);
  assert.deepEqual(
    paged.alarms.map(({ alarm_id: id }) => id),
    fired.map(idOf).reverse(),
  );
  const count = async (query: string): Promise<number> => (await read<Page>(`${path}${query}`)).total;
  assert.equal(await count('&state=firing'), 3);
  assert.equal(await count(`&rule_id=${ruleId(51)}&state=ended`), 4);
  // The first began 12 minutes ago and lasted ten seconds.
  assert.equal(await count(`&to_ms=${nowMs - 12 * 60_000 + 1}`), 1);
  assert.equal(await count(`&from_ms=${nowMs - 12 * 60_000 + 9_000}`), 12);
  assert.equal(await count(`&from_ms=${nowMs - 12 * 60_000 + 11_000}`), 11);
  const { alarms, complete_since_ms: completeMs } = await read<Page>(`${path}&state=ended&limit=1`);
  assert.equal(alarms[0]!.ended_ms! - alarms[0]!.fired_ms, 10_000);
  assert.ok(completeMs < nowMs - 6 * 24 * 3_600_000);
  for (const query of ['&after=1', '&state=pending', '&limit=501'])
    assert.equal((await fetch(`${system.url}${path}${query}`)).status, 400, query);
});

interface State {
  readonly state: string;
  readonly rule: { readonly discord_webhook_url: string };
  readonly fires: { readonly counts: readonly number[] };
  readonly fires_24h: number;
  readonly nearest_total: number;
  readonly nearest: readonly {
    readonly tags?: { readonly host: string };
    readonly state: string;
    readonly value?: number;
    readonly past_threshold?: number;
  }[];
}

test('the state of a rule has what fires first, then what is nearest to the threshold', async () => {
  const made = await fetch(`${system.url}/rules`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metric_name: 'near', operator: '<', threshold: 10, discord_webhook_url: webhook }),
  });
  const { id } = (await made.json()) as { id: string };
  const samples = Object.entries({ far: 90, near: 11, below: 4, middle: 30 }).map(([host, value]) => ({
    name: 'near',
    value,
    tags: { host },
  }));
  await fetch(`${system.url}/api/v1/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(samples),
  });
  await appendAlarm(system.storage.log, {
    ruleId: id,
    metric: 'near',
    tags: { host: 'gone' },
    state: firingSince(1_000, 'no_data'),
    offset: 900,
  });
  const state = await waitForValue(
    'five series, one firing',
    () => read<State>(`/api/v1/rules/${id}/state`),
    ({ nearest, state: now }) => nearest.length === 5 && now === 'firing',
  );
  assert.deepEqual(
    state.nearest.map(({ tags, past_threshold: past, state: its }) => [tags?.host, past, its]),
    [
      ['gone', undefined, 'firing'],
      ['below', 6, 'ok'],
      ['near', -1, 'ok'],
      ['middle', -20, 'ok'],
      ['far', -80, 'ok'],
    ],
  );
  assert.equal(state.fires.counts.length, 97);
  assert.deepEqual([state.fires_24h, state.fires.counts.at(-1)], [1, 1]);
  assert.doesNotMatch(JSON.stringify(state), /tttt/);
  const cut = await read<State>(`/api/v1/rules/${id}/state?limit=2`);
  assert.deepEqual([cut.nearest.length, cut.nearest_total], [2, 5]);
  assert.equal((await fetch(`${system.url}/api/v1/rules/nobody/state`)).status, 404);
});

test('a version of a rule says what differs from the one before, and of a webhook only that it is another', async () => {
  const send = (method: string, path: string, threshold: number, token: string) =>
    fetch(`${system.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        metric_name: 'edited',
        threshold,
        ...(threshold === 3 && { description: 'third' }),
        discord_webhook_url: `https://discord.com/api/webhooks/123456789012345678/${token.repeat(68)}`,
      }),
    });
  const { id } = (await (await send('POST', '/rules', 1, 't')).json()) as { id: string };
  await send('PUT', `/rules/${id}`, 2, 't');
  await send('PUT', `/rules/${id}`, 3, 'u');
  const text = JSON.stringify(await read(`/api/v1/rules/${id}/versions`));
  assert.doesNotMatch(text, /tttt|uuuu/);
  const { versions } = JSON.parse(text) as { versions: { changes: object[] }[] };
  assert.deepEqual(
    versions.map(({ changes }) => changes),
    [
      [],
      [{ field: 'threshold', from: 1, to: 2 }],
      [
        { field: 'threshold', from: 2, to: 3 },
        { field: 'discord_webhook_url', from: '…', to: '…' },
        { field: 'description', to: 'third' },
      ],
    ],
  );
});

test('alarms are found by their tags, and by the labels and severity of their rules', async () => {
  const { log } = system.storage;
  const make = async (fields: object): Promise<string> => {
    const made = await fetch(`${system.url}/rules`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ metric_name: 'found', threshold: 1, discord_webhook_url: webhook, ...fields }),
    });
    return ((await made.json()) as { id: string }).id;
  };
  const critical = await make({ severity: 'critical', labels: { team: 'payments', app: 'shop' } });
  const plain = await make({ labels: { team: 'search' } });
  const levels = [
    { severity: 'info', threshold: 1 },
    { severity: 'warning', threshold: 2 },
  ];
  const leveled = await make({ threshold: undefined, levels });
  const tagged = [
    [leveled, { n: 'both' }],
    [critical, { n: 'eu-1', host: 'a' }],
    [critical, { n: 'us-1' }],
    [plain, { n: 'eu-2' }],
    [ruleId(90), { n: 'gone' }],
  ] as const;
  for (const [index, [id, tags]] of tagged.entries()) {
    const given = { ruleId: id, metric: 'found', tags, x: 2, offset: 2_000 + index };
    const firing = firingSince(5_000 + index);
    const atLevels = { ...firing, levels: levels.map(() => ({ state: 'firing' as const, sinceMs: 5_000 })) };
    const state = id === leveled ? atLevels : firing;
    await appendAlarm(log, { ...given, timeMs: Date.now() - index, state });
  }
  const found = async (path: string, query: string): Promise<string[]> =>
    (await read<Page>(`${path}?metric_name=found${query}`)).alarms.map(({ tags }) => tags!.n).sort();
  for (const path of ['/api/v1/alarms', '/api/v1/alarms/history']) {
    const of = (query: string): Promise<string[]> => found(path, query);
    await waitForValue(
      'all alarms',
      () => of(''),
      ({ length }) => length === 5,
    );
    assert.deepEqual(await of('&tag=n%3Deu-*'), ['eu-1', 'eu-2'], path);
    assert.deepEqual(await of('&tag=n%3Deu-1'), ['eu-1']);
    assert.deepEqual(await of('&tag=host'), ['eu-1']);
    assert.deepEqual(await of('&tag=n%3Deu-*&tag=host%3Da'), ['eu-1']);
    assert.deepEqual(await of('&tag=host%3D'), []);
    assert.deepEqual(await of('&severity=critical'), ['eu-1', 'us-1']);
    assert.deepEqual(await of('&label=team%3Dsearch'), ['eu-2']);
    assert.deepEqual(await of('&label=team&severity=critical&label=app%3Ds*p&tag=n%3Dus-1'), ['us-1']);
    assert.deepEqual(await of('&severity=info'), path.endsWith('history') ? ['both'] : []);
    assert.deepEqual(await of('&severity=warning'), ['both']);
    for (const query of ['tag=%3Da', 'label=', 'severity=bad'])
      assert.equal((await fetch(`${system.url}${path}?${query}`)).status, 400, query);
  }
});
