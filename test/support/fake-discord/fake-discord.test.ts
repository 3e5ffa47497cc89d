import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Agent, request } from 'undici';
import { faultKinds, type Fault } from './fault.ts';
import { startFakeDiscord, type FakeDiscord, type FakeDiscordOptions } from './fake-discord.ts';
import type { LedgerEntry } from './ledger.ts';

interface Answered {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
}

async function fakeOf(
  t: TestContext,
  options: FakeDiscordOptions = {},
): Promise<{ fake: FakeDiscord; url: string; id: string }> {
  const fake = await startFakeDiscord(options);
  t.after(() => fake.close());
  const { url, webhook } = fake.addWebhook();
  return { fake, url, id: webhook.id };
}

interface Sent {
  readonly method?: 'POST' | 'GET' | 'PATCH' | 'DELETE';
  readonly headers?: Record<string, string>;
  readonly dispatcher?: Agent;
}

async function call(url: string, body?: unknown, sent: Sent = {}): Promise<Answered> {
  const answer = await request(url, {
    method: sent.method ?? 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'DiscordBot (test, 1)', ...sent.headers },
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    headersTimeout: 1_000,
    bodyTimeout: 1_000,
    ...(sent.dispatcher && { dispatcher: sent.dispatcher }),
  });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

function codeOf(answer: Answered): number {
  return (JSON.parse(answer.text) as { code: number }).code;
}

const hello = { content: 'hello' };

test('a message is answered with 200 and itself when one waits, and with 204 otherwise', async (t) => {
  const { fake, url } = await fakeOf(t);
  const waited = await call(`${url}?wait=true`, hello);
  assert.equal(waited.status, 200);
  const message = JSON.parse(waited.text) as { id: string; content: string };
  assert.match(message.id, /^\d{17,20}$/);
  assert.equal(message.content, 'hello');
  assert.deepEqual(await call(url, hello).then(({ status, text }) => [status, text]), [204, '']);
  assert.deepEqual(
    fake.ledger.accepted().map((entry) => entry.content),
    ['hello', 'hello'],
  );
});

test('an unknown webhook, a wrong token and a missing User-Agent are refused as Discord does', async (t) => {
  const { url } = await fakeOf(t);
  assert.deepEqual(
    await call(url.replace(/webhooks\/\d+/, 'webhooks/123456789012345678'), hello).then((a) => [a.status, a.text]),
    [404, '{"message":"Unknown Webhook","code":10015}'],
  );
  const wrongToken = await call(`${url}x`, hello);
  assert.deepEqual([wrongToken.status, codeOf(wrongToken)], [401, 50_027]);
  const anonymous = await call(url, hello, { headers: { 'user-agent': '' } });
  assert.deepEqual([anonymous.status, codeOf(anonymous)], [403, 40_333]);
  const untyped = await call(url, hello, { headers: { 'content-type': 'text/plain' } });
  assert.deepEqual([untyped.status, codeOf(untyped)], [400, 50_035]);
  const broken = await call(url, '{');
  assert.deepEqual([broken.status, codeOf(broken)], [400, 50_109]);
});

const field = { name: 'a', value: 'b' };
const emoji = '🙂';
const refusedBodies: [string, unknown, number, RegExp?][] = [
  ['nothing at all', {}, 50_006],
  ['only blanks', { content: '  ' }, 50_006],
  ['2,001 code points of content', { content: emoji.repeat(2_001) }, 50_035, /"content":\{"_errors"/],
  ['eleven embeds', { embeds: Array.from({ length: 11 }, () => ({ title: 'a' })) }, 50_035],
  [
    'a title of 257',
    { embeds: [{ title: 'a'.repeat(257) }] },
    50_035,
    /"embeds":\{"0":\{"title":\{"_errors":\[\{"code":"BASE_TYPE_MAX_LENGTH"/,
  ],
  ['a description of 4,097', { embeds: [{ description: 'a'.repeat(4_097) }] }, 50_035],
  ['26 fields', { embeds: [{ fields: Array.from({ length: 26 }, () => field) }] }, 50_035],
  ['a field whose value is blank', { embeds: [{ fields: [{ name: 'a', value: ' ' }] }] }, 50_035, /BASE_TYPE_REQUIRED/],
  ['a field without a name', { embeds: [{ fields: [{ value: 'a' }] }] }, 50_035],
  ['a field value of 1,025', { embeds: [{ fields: [{ name: 'a', value: 'b'.repeat(1_025) }] }] }, 50_035],
  ['a footer of 2,049', { embeds: [{ title: 'a', footer: { text: 'b'.repeat(2_049) } }] }, 50_035],
  [
    '6,001 in all embeds',
    { embeds: [{ description: 'a'.repeat(4_000) }, { description: 'b'.repeat(2_001) }] },
    50_035,
    /MAX_EMBED_SIZE_EXCEEDED/,
  ],
  ['mentions both parsed and named', { ...hello, allowed_mentions: { parse: ['users'], users: ['1'] } }, 50_035],
  ['101 users', { ...hello, allowed_mentions: { users: Array.from({ length: 101 }, String) } }, 50_035],
  ['a username with discord in it', { ...hello, username: 'My Discord' }, 50_035],
  ['components v2 with content', { ...hello, flags: 32_768 }, 50_035],
  ['a color that is none', { embeds: [{ title: 'a', color: 2 ** 24 }] }, 50_035],
  ['an array', [], 50_035],
  ['a kind of mention that is none', { ...hello, allowed_mentions: { parse: ['all'] } }, 50_035, /BASE_TYPE_CHOICES/],
  ['a timestamp in milliseconds', { embeds: [{ title: 'a', timestamp: '1700000000000' }] }, 50_035, /ISO8601/],
  ['an embed that is null', { embeds: [null] }, 50_035],
];

for (const [name, body, code, pattern] of refusedBodies) {
  test(`a body is refused: ${name}`, async (t) => {
    const { url } = await fakeOf(t);
    const answer = await call(url, body);
    assert.deepEqual([answer.status, codeOf(answer)], [400, code]);
    if (pattern) assert.match(answer.text, pattern);
  });
}

test('bodies at the limits are taken: code points of the trimmed text count', async (t) => {
  const { url } = await fakeOf(t);
  const atLimits = [
    { content: ` ${emoji.repeat(2_000)} ` },
    { embeds: [{ title: emoji.repeat(256), fields: Array.from({ length: 25 }, () => field) }] },
    { embeds: [{ description: 'a'.repeat(4_000) }, { description: `${'b'.repeat(2_000)}  ` }] },
  ];
  for (const body of atLimits) assert.equal((await call(url, body)).status, 204);
});

test('five requests in two seconds and the sixth is limited, all five headers telling', async (t) => {
  const { fake, url } = await fakeOf(t);
  const answers: Answered[] = [];
  for (let index = 0; index < 6; index += 1) answers.push(await call(url, hello));
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [204, 204, 204, 204, 204, 429],
  );
  assert.deepEqual(
    answers.map((answer) => answer.headers['x-ratelimit-remaining']),
    ['4', '3', '2', '1', '0', '0'],
  );
  const last = answers[5] as Answered;
  const body = JSON.parse(last.text) as { retry_after: number; global: boolean };
  assert.ok(body.retry_after > 0.5 && body.retry_after <= 2 && !body.global);
  assert.equal(last.headers['retry-after'], String(Math.ceil(body.retry_after)));
  assert.equal(last.headers['x-ratelimit-scope'], 'user');
  assert.equal(last.headers['x-ratelimit-limit'], '5');
  assert.match(String(last.headers['x-ratelimit-reset-after']), /^\d\.\d{3}$/);
  assert.match(String(last.headers['x-ratelimit-reset']), /^\d{10}\.\d{3}$/);
  assert.ok(last.headers['x-ratelimit-bucket']);
  assert.deepEqual(
    fake.ledger.entries.map((entry) => entry.whileEmpty),
    [false, false, false, false, false, true],
  );
  const other = fake.addWebhook();
  assert.equal((await call(other.url, hello)).status, 204);
});

test('the limit of a channel is shared by its webhooks and hidden: 429 while the bucket has room', async (t) => {
  const limits = { channel: { count: 3, windowMs: 300 } };
  for (const hideLimitHeaders of [false, true]) {
    const { fake } = await fakeOf(t, { limits, hideLimitHeaders });
    const urls = [1, 2].map(() => fake.addWebhook({ channelId: '555555555555555555' }).url);
    const answers: Answered[] = [];
    for (let index = 0; index < 4; index += 1) answers.push(await call(urls[index % 2] as string, hello));
    const limited = answers[3] as Answered;
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [204, 204, 204, 429],
    );
    assert.equal(limited.headers['x-ratelimit-scope'], 'shared');
    assert.equal(limited.headers['x-ratelimit-remaining'], hideLimitHeaders ? undefined : '3');
    assert.equal(fake.summary().invalid, 0);
    const waitMs = (JSON.parse(limited.text) as { retry_after: number }).retry_after * 1_000;
    await new Promise((resolve) => setTimeout(resolve, waitMs + 2));
    assert.equal((await call(urls[1] as string, hello)).status, 204);
  }
});

test('the global limit is per address and says so', async (t) => {
  const { fake } = await fakeOf(t, { limits: { global: { count: 3, windowMs: 5_000 } } });
  const answers: Answered[] = [];
  for (let index = 0; index < 4; index += 1) answers.push(await call(fake.addWebhook().url, hello));
  const limited = answers[3] as Answered;
  assert.equal(limited.status, 429);
  assert.equal(limited.headers['x-ratelimit-global'], 'true');
  assert.equal((JSON.parse(limited.text) as { global: boolean }).global, true);
  const elsewhere = new Agent({ localAddress: '127.0.0.2' });
  t.after(() => elsewhere.destroy());
  assert.equal((await call(fake.addWebhook().url, hello, { dispatcher: elsewhere })).status, 204);
});

test('too many invalid requests bring the ban, for every webhook, and it ends', async (t) => {
  const limits = { invalid: { count: 3, windowMs: 10_000, banMs: 200 } };
  const { fake, url } = await fakeOf(t, { limits, banKind: 'ban_code_0' });
  for (let index = 0; index < 4; index += 1) assert.equal((await call(`${url}x`, hello)).status, 401);
  const banned = await call(fake.addWebhook().url, hello);
  assert.deepEqual([banned.status, codeOf(banned), banned.headers['retry-after']], [429, 0, undefined]);
  await new Promise((resolve) => setTimeout(resolve, 210));
  assert.equal((await call(fake.addWebhook().url, hello)).status, 204);
});

test('messages are read, edited and deleted, each only by its webhook', async (t) => {
  const { fake, url } = await fakeOf(t);
  const { id } = JSON.parse((await call(`${url}?wait=true`, hello)).text) as { id: string };
  const message = `${url}/messages/${id}`;
  assert.equal((await call(message, { content: 'edited' }, { method: 'PATCH' })).status, 200);
  assert.match((await call(message, undefined, { method: 'GET' })).text, /"content":"edited"/);
  const other = `${fake.addWebhook().url}/messages/${id}`;
  assert.equal(codeOf(await call(other, undefined, { method: 'DELETE' })), 10_008);
  assert.equal((await call(message, undefined, { method: 'DELETE' })).status, 204);
  assert.equal(codeOf(await call(message, hello, { method: 'PATCH' })), 10_008);
});

test('a webhook is read with its token, renamed, and deleted for good', async (t) => {
  const { url } = await fakeOf(t);
  assert.match((await call(url, undefined, { method: 'GET' })).text, /"token":"fake-token/);
  assert.match((await call(url, { name: 'Alarms' }, { method: 'PATCH' })).text, /"name":"Alarms"/);
  assert.equal((await call(url, { name: 'clyde' }, { method: 'PATCH' })).status, 400);
  assert.equal((await call(url, undefined, { method: 'DELETE' })).status, 204);
  assert.equal(codeOf(await call(url, hello)), 10_015);
});

test('a webhook dies at its message N', async (t) => {
  const { fake } = await fakeOf(t);
  const { url } = fake.addWebhook({ diesAfter: 2 });
  const statuses: number[] = [];
  for (let index = 0; index < 3; index += 1) statuses.push((await call(url, hello)).status);
  assert.deepEqual(statuses, [204, 204, 404]);
});

test('forums need a thread, and threads may be unknown or locked', async (t) => {
  const { fake } = await fakeOf(t);
  const [thread, locked] = ['111111111111111111', '222222222222222222'];
  const { url } = fake.addWebhook({ isForum: true, threads: [thread, locked], lockedThreads: [locked] });
  assert.equal(codeOf(await call(url, hello)), 220_001);
  assert.equal(codeOf(await call(`${url}?thread_id=${locked}`, hello)), 160_005);
  assert.equal(codeOf(await call(`${url}?thread_id=333333333333333333`, hello)), 10_003);
  assert.equal((await call(`${url}?thread_id=${thread}`, hello)).status, 204);
  const plain = fake.addWebhook();
  assert.equal(codeOf(await call(plain.url, { ...hello, thread_name: 'new' })), 220_003);
});

test('the ledger knows whom a message would ping', async (t) => {
  const { fake, url } = await fakeOf(t);
  const content = '@everyone <@1> <@&2>';
  await call(url, { content });
  await call(url, { content, allowed_mentions: { parse: [] } });
  await call(url, { content, allowed_mentions: { parse: ['everyone'], roles: ['2'] } });
  assert.deepEqual(
    fake.ledger.entries.map((entry) => entry.pings),
    [['<@1>'], [], ['@everyone', '<@&2>']],
  );
});

test('of embeds with the same url the ledger counts the first, as Discord shows it', async (t) => {
  const { fake, url } = await fakeOf(t);
  const embeds = ['a', 'b', 'c'].map((title, index) => ({ title, ...(index < 2 && { url: 'https://a.example/' }) }));
  assert.match((await call(`${url}?wait=true`, { embeds })).text, /"title":"a"(?!.*"title":"b").*"title":"c"/);
  assert.deepEqual(
    fake.ledger.accepted()[0]?.alarms.map((alarm) => alarm.title),
    ['a', 'c'],
  );
});

test('a ban is of the address that asked too often, and of no other', async (t) => {
  const { fake, url } = await fakeOf(t, { limits: { invalid: { count: 3, windowMs: 10_000, banMs: 60_000 } } });
  const elsewhere = new Agent({ localAddress: '127.0.0.2' });
  t.after(() => elsewhere.destroy());
  for (let index = 0; index < 4; index += 1) assert.equal((await call(`${url}x`, hello)).status, 401);
  const other = fake.addWebhook().url;
  assert.equal((await call(other, hello)).status, 429);
  assert.equal((await call(other, hello, { dispatcher: elsewhere })).status, 204);
  assert.ok(fake.facts([]).invalidShare > 1);
  // The ban said how long it lasts: whoever asks again does not listen. Another method is told of it, too.
  await call(other, undefined, { method: 'GET' });
  assert.deepEqual(
    fake.ledger.entries.map((entry) => entry.whileEmpty),
    [false, false, false, false, false, false, true],
  );
});

test('an empty bucket is that of one method: a webhook may be read while it may not be posted to', async (t) => {
  const { fake, url } = await fakeOf(t);
  for (let index = 0; index < 5; index += 1) await call(url, hello);
  await call(url, undefined, { method: 'GET' });
  assert.deepEqual(fake.facts([]).whileEmpty, []);
  await call(url, hello);
  assert.deepEqual(fake.facts([]).whileEmpty, [7]);
});

test('the ledger knows the alarms of a message, and requests that overlap', async (t) => {
  const { fake, url } = await fakeOf(t, { latencyMs: [50, 60] });
  const fields = [
    ['Rule id', 'r1'],
    ['Metric name', 'm'],
    ['Metric value', '508'],
    ['Rule threshold', '500'],
  ];
  const embed = {
    title: 'Alarm triggered',
    fields: fields.map(([name, value]) => ({ name, value })),
    footer: { text: 'possible repeat' },
  };
  await Promise.all([call(url, { embeds: [embed] }), call(url, { embeds: [embed] })]);
  const alarm = {
    title: 'Alarm triggered',
    ruleId: 'r1',
    metricName: 'm',
    value: '508',
    threshold: '500',
    footer: 'possible repeat',
  };
  const [first, second] = fake.ledger.accepted() as [LedgerEntry, LedgerEntry];
  assert.deepEqual(first.alarms, [alarm]);
  assert.deepEqual([first.overlapped, second.overlapped], [false, true]);
});

/** What a client sees of a fault: a status, or the code of undici's error. And whether the message was accepted. */
const faults: Record<Fault['kind'], readonly [seen: RegExp, accepted: boolean]> = {
  status: [/^500 /, false],
  html_status: [/^502 <!DOCTYPE/, false],
  unknown_webhook: [/^404 .*10015/, false],
  wrong_token: [/^401 .*50027/, false],
  missing_permissions: [/^403 .*50013/, false],
  odd_400: [/^400 \{"embeds":\["0"\]\}/, false],
  redirect: [/^302 $/, false],
  limited: [/^429 .*"retry_after":0.376,"global":false/, false],
  limited_global: [/^429 .*"global":true/, false],
  limited_shared: [/^429 .*"global":false/, false],
  limited_channel_write: [/^429 .*"code":20028/, false],
  limited_body_only: [/^429 .*"retry_after":1/, false],
  limited_header_only: [/^429 $/, false],
  limited_bare: [/^429 $/, false],
  ban_text: [/^429 error code: 1015$/, false],
  ban_html: [/^429 <!DOCTYPE/, false],
  ban_code_0: [/^429 \{"code":0/, false],
  ban_40333: [/^403 .*40333/, false],
  ban_403_html: [/^403 <!DOCTYPE/, false],
  timeout: [/^UND_ERR_HEADERS_TIMEOUT$/, false],
  reset: [/^ECONNRESET$/, false],
  close: [/^UND_ERR_SOCKET$/, false],
  reset_reused: [/^204 $/, true],
  close_reused: [/^204 $/, true],
  accepted_timeout: [/^UND_ERR_HEADERS_TIMEOUT$/, true],
  accepted_reset: [/^ECONNRESET$/, true],
  accepted_close: [/^UND_ERR_SOCKET$/, true],
  accepted_500: [/^500 /, true],
  accepted_cut_body: [/^UND_ERR_SOCKET$/, true],
  accepted_stalled_headers: [/^UND_ERR_HEADERS_TIMEOUT$/, true],
  accepted_slow_body: [/^too slow$/, true],
  accepted_huge_body: [/^UND_ERR_RES_EXCEEDED_MAX_SIZE$/, true],
  accepted_gzip_bomb: [/^200 .{1000}/s, true],
  accepted_huge_headers: [/^UND_ERR_HEADERS_OVERFLOW$/, true],
  not_saved: [/^204 $/, false],
  latency: [/^204 $/, true],
};

const faultMs: Partial<Record<Fault['kind'], number>> = { latency: 20, limited: 376 };

for (const kind of faultKinds) {
  test(`the fault ${kind} is met once, and the next request is fine`, async (t) => {
    const { fake, url } = await fakeOf(t, {
      faults: [{ kind, requests: [1], ...(kind in faultMs && { ms: faultMs[kind]! }) }],
    });
    const needsBody = /slow_body|huge_body|cut_body|gzip_bomb/.test(kind);
    const dispatcher = new Agent({ maxResponseSize: 65_536, maxHeaderSize: 16_384 });
    t.after(() => dispatcher.destroy());
    const seen = await Promise.race([
      call(needsBody ? `${url}?wait=true` : url, hello, { dispatcher }).then(
        (answer) => `${answer.status} ${answer.text}`,
        (error: Error & { code?: string }) => error.code ?? error.message,
      ),
      ...(kind === 'accepted_slow_body'
        ? [new Promise<string>((resolve) => setTimeout(resolve, 700, 'too slow'))]
        : []),
    ]);
    const [pattern, isAccepted] = faults[kind];
    assert.match(seen, pattern);
    assert.equal(fake.ledger.accepted().length, isAccepted ? 1 : 0);
    // A reused socket is reset only when there is one: that fault was not met above.
    assert.equal(fake.ledger.entries[0]?.fault, kind.endsWith('_reused') ? '' : kind);
    if (kind === 'limited_global') return;
    assert.equal((await call(fake.addWebhook().url, hello)).status, 204);
  });
}

test('a socket kept alive is reset, or closed, as the next request is written', async (t) => {
  for (const [kind, code] of [
    ['reset_reused', 'ECONNRESET'],
    ['close_reused', 'UND_ERR_SOCKET'],
  ] as const) {
    const { fake, url } = await fakeOf(t, { faults: [{ kind, times: 1 }] });
    const dispatcher = new Agent({ connections: 1, pipelining: 1 });
    t.after(() => dispatcher.destroy());
    assert.equal((await call(url, hello, { dispatcher })).status, 204);
    await assert.rejects(call(url, hello, { dispatcher }), { code });
    assert.equal((await call(url, hello, { dispatcher })).status, 204);
    assert.equal(fake.ledger.accepted().length, 2);
  }
});

test('the chance of a fault is seeded: the same seed, the same faults', async (t) => {
  const runs: number[][] = [];
  for (const seed of [7, 7, 8]) {
    const { url } = await fakeOf(t, {
      seed,
      faults: [{ kind: 'status', chance: 0.5 }],
      limits: { webhook: { count: 100, windowMs: 9_000 } },
    });
    const statuses: number[] = [];
    for (let index = 0; index < 20; index += 1) statuses.push((await call(url, hello)).status);
    runs.push(statuses);
  }
  assert.deepEqual(runs[0], runs[1]);
  assert.notDeepEqual(runs[0], runs[2]);
});

test('it is controlled and questioned over HTTP', async (t) => {
  const { fake, url, id } = await fakeOf(t);
  const control = (body: unknown) => call(`${fake.origin}/_control`, body);
  const { webhooks } = JSON.parse(
    (await control({ webhooks: [{ name: 'two' }], faults: [{ kind: 'status', times: 1 }] })).text,
  ) as {
    webhooks: string[];
  };
  assert.equal((await call(webhooks[0] as string, hello)).status, 500);
  assert.equal((await call(webhooks[0] as string, hello)).status, 204);
  await control({ killWebhook: id });
  assert.equal((await call(url, hello)).status, 404);
  await control({ reviveWebhook: id });
  assert.equal((await call(url, hello)).status, 204);
  const ledger = JSON.parse(
    (await call(`${fake.origin}/_ledger?webhook=${id}`, undefined, { method: 'GET' })).text,
  ) as {
    entries: LedgerEntry[];
    requests: number;
  };
  assert.deepEqual(
    ledger.entries.map((entry) => entry.status),
    [404, 204],
  );
  assert.equal(ledger.requests, 4);
  assert.equal((await control('{')).status, 400);
  assert.match((await control({ faults: [{ kind: 'statuz' }] })).text, /there is no fault statuz, but status,/);
});

test('the page is served with a policy that lets nothing in from elsewhere, and its data holds no token', async (t) => {
  const { fake, url } = await fakeOf(t);
  const page = await call(`${fake.origin}/`, undefined, { method: 'GET' });
  assert.match(page.text, /#313338/);
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/);
  assert.doesNotMatch(page.text, /(?:src|href)="https?:/);
  await call(url, hello);
  const data = await call(`${fake.origin}/_messages?after=0`, undefined, { method: 'GET' });
  assert.match(data.text, /"content":"hello"/);
  assert.doesNotMatch(data.text, /fake-token/);
});
