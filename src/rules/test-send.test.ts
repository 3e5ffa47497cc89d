// "Send test" against the fake Discord: the real message, the real answer.
import { after, afterEach, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { startFakeDiscord, type FakeDiscord } from '../../test/support/fake-discord/fake-discord.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { fastClock } from '../base/testing/fast-clock.ts';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { bearer, listeningServer, testAuth, type TestServer } from '../http/testing/test-server.ts';
import { bad } from '../receiver/discord/testing/webhook-urls.ts';
import { createRules } from './rules.ts';

interface Result {
  readonly delivered: boolean;
  readonly status: number | null;
  readonly took_ms: number;
  readonly reason?: string;
}

let fake: FakeDiscord;
let storage: TestLog;
let server: TestServer;
let lines: string[];
let stop: () => Promise<void>;

beforeEach(async () => {
  fake = await startFakeDiscord();
  storage ??= await openTestLog();
  await start();
});
afterEach(async () => {
  await stop();
  await fake.close();
});
after(() => storage.remove());

async function start(auth = false, clock: Clock = systemClock): Promise<void> {
  const [health, meter] = [new Health(), new Meter()];
  lines = [];
  const logger = pino({}, { write: (line) => lines.push(line) });
  const { log } = storage;
  const options = { log, health, meter, logger, clock, discordApiBase: fake.apiBase };
  const rules = createRules({ ...options, revealWebhookUrl: 'writers' });
  const ended = new AbortController();
  const running = rules.service.run(ended.signal);
  server = await listeningServer([rules.routes], { health, meter, ...(auth && { auth: testAuth() }) });
  while (health.starting().length > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  stop = async () => {
    await server.server.close();
    ended.abort();
    await running;
  };
}

async function post(path: string, body?: unknown, authorization?: string): Promise<Response> {
  return fetch(server.url + path, {
    method: 'POST',
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(authorization !== undefined && { authorization }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

const draftTest = '/api/v1/webhooks/test';
const resultOf = async (path: string, body?: unknown): Promise<Result> =>
  (await (await post(path, body)).json()) as Result;

interface Posted {
  readonly content: string;
  readonly embeds: readonly {
    readonly description: string;
    readonly fields: readonly { name: string; value: string }[];
  }[];
  readonly allowed_mentions: unknown;
}
const newestMessage = (): Posted => fake.webhooks.changedSince(0, 1).at(-1)?.payload as unknown as Posted;

test("a rule's test shows its own embed with a sample value, says that it is one, and tells Discord's answer", async () => {
  const { url } = fake.addWebhook();
  const rule = { metric_name: 'cpu-usage', threshold: 90.5, tags: { host: 'web-1' }, description: 'Out of breath' };
  const made = (await (await post('/rules', { ...rule, discord_webhook_url: url })).json()) as { id: string };
  const { delivered, status, took_ms: tookMs, ...more } = await resultOf(`/rules/${made.id}/test`);
  assert.deepEqual([delivered, status, more], [true, 200, {}]);
  assert.ok(Number.isInteger(tookMs) && tookMs >= 0 && tookMs < 15_000);
  const message = newestMessage();
  assert.match(message.content, /^This is a test, nothing has happened/);
  assert.deepEqual(message.allowed_mentions, { parse: [] });
  const [embed] = message.embeds;
  assert.equal(embed?.description, 'cpu-usage is 92.31 which exceeds the rule threshold (90.5)');
  const fields = Object.fromEntries(embed.fields.map(({ name, value }) => [name, value]));
  assert.deepEqual(fields, {
    'Rule id': made.id,
    'Metric name': 'cpu-usage',
    'Metric value': '92.31',
    'Rule threshold': '90.5',
    Tags: 'host = web-1',
    Description: 'Out of breath',
  });
  assert.equal(fake.facts([]).pings.length, 0);
});

test('a rule that is not saved is tested as far as it is written', async () => {
  const { url } = fake.addWebhook();
  assert.equal((await resultOf(draftTest, { discord_webhook_url: url })).delivered, true);
  assert.equal(newestMessage().embeds[0]?.fields[0]?.value, 'not saved yet');
  const other = fake.addWebhook().url;
  const below = { metric_name: 'disk-free', threshold: 10, operator: '<', discord_webhook_url: other };
  assert.equal((await resultOf(draftTest, below)).delivered, true);
  assert.equal(newestMessage().embeds[0]?.description, 'disk-free is 9 which is below the rule threshold (10)');
});

test('what is wrong with the rule is refused as the rules API does, and nothing is sent', async () => {
  for (const [body, field] of [
    [{}, 'discord_webhook_url'],
    [{ discord_webhook_url: fake.addWebhook().url, threshold: 'high' }, 'threshold'],
    [{ discord_webhook_url: fake.addWebhook().url, colour: 'red' }, 'colour'],
    [[], 'JSON object'],
    ...bad.slice(0, 20).map((url) => [{ discord_webhook_url: url }, 'discord_webhook_url'] as const),
  ] as const) {
    const answer = await post(draftTest, body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.match(await answer.text(), new RegExp(field));
  }
  assert.equal((await post(`/rules/00000000-0000-4000-8000-000000000000/test`)).status, 404);
  assert.deepEqual(fake.ledger.entries, []);
});

test('the masked URL of a saved rule means the one that it has', async () => {
  const { url } = fake.addWebhook();
  const rule = { metric_name: 'cpu', threshold: 1, discord_webhook_url: url };
  const made = (await (await post('/rules', rule)).json()) as { id: string };
  const masked = `https://discord.com/api/webhooks/${/webhooks\/(\d{4})/.exec(url)![1]}…/****`;
  const draft = { ...rule, threshold: 2, discord_webhook_url: masked };
  assert.equal((await resultOf(draftTest, { ...draft, id: made.id })).delivered, true);
  assert.equal(newestMessage().embeds[0]?.fields[0]?.value, made.id);
  assert.equal((await post(draftTest, draft)).status, 400);
});

test("Discord's refusal, its silence and its absence are told in words, without the URL", async () => {
  const token = (url: string) => url.split('/').at(-1)!;
  const cases: [
    Parameters<FakeDiscord['faults']['add']>[0][number],
    { status: number | null; reason: RegExp | string },
  ][] = [
    [{ kind: 'unknown_webhook' }, { status: 404, reason: 'Unknown Webhook (code 10015)' }],
    [{ kind: 'wrong_token' }, { status: 401, reason: 'Invalid Webhook Token (code 50027)' }],
    [{ kind: 'missing_permissions' }, { status: 403, reason: 'Missing Permissions (code 50013)' }],
    [
      { kind: 'html_status', status: 502 },
      { status: 502, reason: 'Discord answered 502 and gave no reason' },
    ],
    [{ kind: 'redirect' }, { status: 302, reason: 'a redirect, which is never followed' }],
    [
      { kind: 'limited', ms: 1_000 },
      { status: 429, reason: /rate limited/ },
    ],
    [{ kind: 'reset' }, { status: null, reason: /did not answer, so the message may have arrived or not: ECONNRESET/ }],
  ];
  for (const [fault, { status, reason }] of cases) {
    const { url, webhook } = fake.addWebhook();
    fake.faults.add([{ ...fault, webhookId: webhook.id }]);
    const answer = await post(draftTest, { discord_webhook_url: url });
    const text = await answer.text();
    assert.equal(answer.status, 200);
    const result = JSON.parse(text) as Result;
    assert.deepEqual([result.delivered, result.status], [false, status]);
    if (typeof reason === 'string') assert.equal(result.reason, reason);
    else assert.match(result.reason ?? '', reason);
    assert.ok(!text.includes(token(url)) && !lines.join('').includes(token(url)));
  }
  await fake.door.set('refused');
  const { url } = fake.addWebhook();
  const { status, reason } = await resultOf(draftTest, { discord_webhook_url: url });
  assert.deepEqual([status, reason], [null, 'Discord could not be reached: ECONNREFUSED']);
});

test('a webhook is sent one test in 10 s, whichever rule asks; the refusal names it by hash', async () => {
  const { url, webhook } = fake.addWebhook();
  const made = (await (
    await post('/rules', { metric_name: 'cpu', threshold: 1, discord_webhook_url: url })
  ).json()) as { id: string };
  assert.equal((await post(draftTest, { discord_webhook_url: url })).status, 200);
  for (const again of [await post(draftTest, { discord_webhook_url: url }), await post(`/rules/${made.id}/test`)]) {
    assert.equal(again.status, 429);
    const seconds = Number(again.headers.get('retry-after'));
    assert.ok(seconds >= 1 && seconds <= 10, String(seconds));
    const text = await again.text();
    assert.match(text, /wh_[0-9a-f]{12}/);
    assert.ok(!text.includes(webhook.token) && !text.includes(webhook.id));
  }
  assert.equal(fake.ledger.entries.length, 1);
  assert.equal((await post(draftTest, { discord_webhook_url: fake.addWebhook().url })).status, 200);
});

test('wrong tokens cannot be tried one after the other', async () => {
  const { url } = fake.addWebhook();
  const statuses: number[] = [];
  for (let index = 0; index < 14; index++) {
    const answer = await post(draftTest, { discord_webhook_url: `${url.slice(0, -2)}${10 + index}` });
    statuses.push(answer.status);
    if (answer.status === 429) assert.ok(Number(answer.headers.get('retry-after')) >= 1);
  }
  assert.deepEqual(statuses.slice(0, 10), Array(10).fill(200));
  assert.ok(statuses.slice(10).includes(429));
  assert.ok(fake.ledger.entries.length <= 12);
});

test('when Discord has refused ten tests in ten minutes further ones wait, so that it does not ban the address', async () => {
  await stop();
  // So that the rate of tests does not matter.
  await start(false, fastClock(60));
  const { url } = fake.addWebhook();
  const answers: Response[] = [];
  for (let index = 0; index < 25; index++) {
    answers.push(await post(draftTest, { discord_webhook_url: `${url.slice(0, -2)}${10 + index}` }));
    await sleep(50);
  }
  assert.equal(fake.summary().invalid, 10);
  const last = answers.at(-1)!;
  assert.equal(last.status, 429);
  assert.match(await last.text(), /Discord refused 10 test messages in 10 min/);
  assert.ok(Number(last.headers.get('retry-after')) > 300);
});

test('both routes × {no token, expired, wrong signature, wrong audience, each scope}', async () => {
  const { url } = fake.addWebhook();
  const draft = { metric_name: 'cpu', threshold: 1, discord_webhook_url: url };
  const made = (await (await post('/rules', draft)).json()) as { id: string };
  await stop();
  await start(true);
  for (const [path, body] of [
    [`/rules/${made.id}/test`, undefined],
    [draftTest, { discord_webhook_url: fake.addWebhook().url }],
  ] as const) {
    const needed = 'rules:write';
    assert.equal((await post(path, body)).status, 401);
    for (const wrong of [{ issuedAgoSeconds: 700 }, { secret: 'z'.repeat(32) }, { audience: 'other' }])
      assert.equal((await post(path, body, await bearer({ scope: needed, ...wrong }))).status, 401);
    for (const scope of ['', 'rules:read', 'metrics:write', 'alarms:read', 'admin'])
      assert.equal((await post(path, body, await bearer({ scope }))).status, 403, `${path} with ${scope}`);
    assert.equal((await post(path, body, await bearer({ scope: needed }))).status, 200);
  }
  assert.equal(fake.ledger.accepted().length, 2);
});
