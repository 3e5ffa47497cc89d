// Every route of a whole system is asked for an answer and for a problem; the tests' servers compare each with the schema that
// the route declares (http/testing/answer-check.ts), so that what OpenAPI says is what is sent.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startFakeDiscord, type FakeDiscord } from '../../test/support/fake-discord/fake-discord.ts';
import { answersSeen } from '../http/testing/answer-check.ts';
import { signInByHand, startOpenId } from '../http/testing/test-openid.ts';
import { protocols } from '../ingest/testing/protocol-requests.ts';
import type { AlarmsView, HistoryView } from '../wire/alarms.ts';
import type { DeliveriesView } from '../wire/deliveries.ts';
import type { MetricsView } from '../wire/metrics.ts';
import type { SignedInView, SignInBegun } from '../wire/sign-in.ts';
import { startConsoleSystem, type ConsoleSystem } from './testing/console-system.ts';

let discord: FakeDiscord;
let system: ConsoleSystem;
before(async () => {
  discord = await startFakeDiscord();
  system = await startConsoleSystem({ evaluates: true, discordApiBase: discord.apiBase });
});
after(async () => {
  await system.stop();
  await discord.close();
});

interface Asked {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask(method: string, path: string, { body, headers }: Asked = {}, base = system): Promise<Response> {
  return fetch(base.url + path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function given<Body>(method: string, path: string, asked: Asked = {}, base = system): Promise<Body> {
  const answer = await ask(method, path, asked, base);
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`);
  return (await answer.json()) as Body;
}

async function until<Body>(path: string, isThere: (body: Body) => boolean): Promise<Body> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const body = await given<Body>('GET', path);
    if (isThere(body)) return body;
    assert.ok(Date.now() < deadline, `waited for ${isThere.toString()} of ${path}: ${JSON.stringify(body)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A rule that has fired and is delivered, and one whose webhook is gone. */
async function somethingHappens(): Promise<{ ruleId: string; alarmId: string }> {
  const { url } = discord.addWebhook();
  const rule = { metric_name: 'cpu', threshold: 90, discord_webhook_url: url, notify_on_resolve: true };
  const tagged = { type: 'window_average', window_duration_seconds: 60, tags: { host: 'web-1' } };
  const { id: ruleId } = await given<{ id: string }>('POST', '/rules', { body: rule });
  await given('POST', '/rules', { body: { ...rule, ...tagged } });
  const gone = { ...rule, discord_webhook_url: `${discord.apiBase}/webhooks/123456789012345678/${'t'.repeat(68)}` };
  const { id: goneId } = await given<{ id: string }>('POST', '/rules', { body: gone });
  await given('PUT', `/rules/${ruleId}`, { body: { ...rule, description: 'hot', cooldown_seconds: 1 } });
  await system.publish('cpu', [50, 195, 97], { host: 'web-1' });
  await until<HistoryView>('/api/v1/alarms/history', ({ total }) => total >= 3);
  await until<DeliveriesView>(`/api/v1/deliveries?rule=${ruleId}&outcome=delivered`, ({ total }) => total > 0);
  await until<DeliveriesView>(`/api/v1/deliveries?rule=${goneId}&outcome=parked`, ({ total }) => total > 0);
  await until<MetricsView>('/api/v1/metrics?q=cpu', ({ total }) => total > 0);
  const { alarms } = await given<AlarmsView>('GET', `/api/v1/alarms?rule_id=${ruleId}`);
  return { ruleId, alarmId: alarms[0]!.alarm_id! };
}

const withoutBody = { body: {} };

async function askReading(ruleId: string, alarmId: string): Promise<void> {
  for (const path of [
    '/health',
    '/health/live',
    '/health/ready',
    '/api/v1/openapi.json',
    '/rules',
    '/rules?expand=delivery',
    '/rules?expand=delivery&limit=2',
    `/rules/${ruleId}`,
    '/rules?name=none',
    '/api/v1/rules',
    '/api/v1/rules/ids',
    `/api/v1/rules/${ruleId}/state`,
    `/api/v1/rules/${ruleId}/versions`,
    `/api/v1/rules/${ruleId}/in-force`,
    '/api/v1/alarms',
    `/api/v1/alarms/${alarmId}`,
    '/api/v1/timeline',
    '/api/v1/timeline/overview',
    '/api/v1/metrics',
    '/api/v1/metrics/tags?name=cpu',
    '/api/v1/samples?metric_name=cpu&window_seconds=60',
    '/api/v1/samples?metric_name=cpu&type=window_increase&window_seconds=60',
    '/api/v1/webhooks',
    '/api/v1/status',
    '/api/v1/system',
    '/api/v1/sign-in',
    '/api/v1/audit?limit=1',
    '/api/v1/receivers',
    '/query?q=x',
  ])
    await given('GET', path);
  assert.equal((await ask('GET', '/ping')).status, 204);
  assert.match(await (await ask('GET', '/metrics')).text(), /^# HELP/m);
  await given('POST', `/api/v1/alarms/${alarmId}/recheck`, withoutBody);
  const order = { rule: { metric_name: 'cpu', threshold: 60 }, last_seconds: 600 };
  await given('POST', '/api/v1/rules/backtest', { body: order });
  const lines = await ask('POST', '/api/v1/rules/backtest', {
    body: order,
    headers: { accept: 'application/x-ndjson' },
  });
  assert.match(await lines.text(), /"complete":true.*\n$/);
  await streamFor(2);
}

/** Reads so many events, while something changes. */
async function streamFor(count: number): Promise<void> {
  const stop = new AbortController();
  const answer = await fetch(`${system.url}/api/v1/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
    signal: stop.signal,
  });
  let text = '';
  await system.publish('cpu', [20], { host: 'web-1' });
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.split('\nevent: ').length > count) break;
  }
  stop.abort();
}

async function askReceivers(): Promise<void> {
  const { url } = discord.addWebhook();
  const path = '/api/v1/receivers/ops';
  for (const status of [201, 200])
    assert.equal((await ask('PUT', path, { body: { kind: 'discord', address: url } })).status, status);
  await given('GET', path);
  await given('GET', '/api/v1/receivers');
  await given('POST', `${path}/test`, withoutBody);
  await given('DELETE', path, withoutBody);
}

async function askWriting(ruleId: string): Promise<void> {
  await askReceivers();
  for (const { path, headers, body, success } of Object.values(protocols)) {
    const answer = await fetch(system.url + path, { method: 'POST', headers, body: Buffer.from(body) });
    assert.equal(answer.status, success, path);
  }
  const partly = [{ name: 'm', value: 1 }, { name: '' }];
  assert.equal((await ask('POST', '/api/v1/metrics', { body: partly })).status, 207);
  assert.equal((await ask('POST', '/api/v1/metrics', { body: partly.slice(1) })).status, 400);
  await given('POST', '/query?q=x');
  await given('POST', `/rules/${ruleId}/test`, withoutBody);
  const gone = { discord_webhook_url: `${discord.apiBase}/webhooks/123456789012345678/${'t'.repeat(68)}` };
  await given('POST', '/api/v1/webhooks/test', { body: gone });
  await given('POST', '/api/v1/deliveries/resend', { body: { since: '1h' } });
  const rules = await given<object[]>('POST', '/api/v1/rules/export', { body: { ids: [ruleId] } });
  const rows = [...rules.map((rule) => ({ ...rule, threshold: 91 })), { metric_name: '' }];
  await given('POST', '/api/v1/rules/import', { body: { rules: rows, dry_run: true } });
  for (const status of [201, 200])
    assert.equal((await ask('PUT', '/rules/by-name/cpu', { body: { ...rules[0], id: undefined } })).status, status);
  const orders = [{ id: ruleId }, { id: 'none' }];
  await given('POST', '/api/v1/rules/bulk', { body: { action: 'disable', rules: orders } });
  await given('DELETE', `/rules/${ruleId}`);
  await given('GET', '/api/v1/timeline');
}

/** With tokens: each route refuses who has none, and people sign in. */
async function askSigningIn(routes: readonly (readonly [method: string, url: string])[]): Promise<void> {
  const openId = await startOpenId();
  const guarded = await startConsoleSystem({ auth: openId.auth, oidc: openId.oidc });
  try {
    for (const [method, url] of routes) await (await ask(method, url.replaceAll(/:\w+/g, 'none'), {}, guarded)).text();
    const return_to = `${guarded.url}/console/`;
    await openId.register(return_to);
    const signIn = <Body>(path: string, body: object): Promise<Body> =>
      given('POST', `/api/v1/sign-in/${path}`, { body }, guarded);
    const begun = await signIn<SignInBegun>('begin', { return_to });
    const query = await signInByHand({ address: begun.address, returnTo: return_to });
    const { state, code_verifier } = begun;
    const body = { query, state, code_verifier, return_to };
    const finished = await ask('POST', '/api/v1/sign-in/finish', { body }, guarded);
    const { refresh_token } = (await finished.json()) as SignedInView;
    const cookie = finished.headers.getSetCookie()[0]!.split(';')[0]!;
    await given('POST', '/api/v1/sign-in/renew', { body: { refresh_token }, headers: { cookie } }, guarded);
    for (const path of ['begin', 'finish', 'renew'])
      assert.equal((await ask('POST', `/api/v1/sign-in/${path}`, withoutBody, guarded)).status, 400);
  } finally {
    await guarded.stop();
    await openId.close();
  }
}

test('every route declares what it answers, and answers so', async () => {
  const routes = system.server.routes
    .filter(({ hidden, method }) => !hidden && method !== 'HEAD')
    .map(({ method, url }) => [String(method), url] as const);
  const { ruleId, alarmId } = await somethingHappens();
  await askReading(ruleId, alarmId);
  await askWriting(ruleId);
  await askSigningIn(routes);
  const document = await given<{
    paths: Record<string, Record<string, { responses: Record<string, { content?: unknown }> }>>;
  }>('GET', '/api/v1/openapi.json');
  for (const [method, url] of routes) {
    const { responses } = document.paths[url.replaceAll(/:(\w+)/g, '{$1}')]![method.toLowerCase()]!;
    const statuses = Object.keys(responses);
    assert.ok(
      statuses.every((status) => status === '204' || responses[status]!.content !== undefined),
      `${method} ${url} declares ${JSON.stringify(responses)}`,
    );
    const seen = [...answersSeen].filter((name) => name.startsWith(`${method} ${url} `)).map((name) => name.slice(-3));
    assert.ok(
      seen.some((status) => status.startsWith('2')),
      `${method} ${url} was not answered: ${seen.join()}`,
    );
    const declaresProblems = statuses.some((status) => status.startsWith('4'));
    assert.equal(
      seen.some((status) => status.startsWith('4')),
      declaresProblems,
      `${method} ${url} had no problem: ${seen.join()}`,
    );
  }
});
