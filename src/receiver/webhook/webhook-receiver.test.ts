import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import type { LookupFunction } from 'node:net';
import { test } from 'node:test';
import { notificationFor } from '../../../test/support/notification.ts';
import { destinationOf } from '../receiver.ts';
import { contractBench, receiverContract, type ReceiverCase } from '../receiver.contract.ts';
import { openReceivers } from '../receivers.ts';

const key = Buffer.from('a secret of twenty-four bytes or more');
const webhook: ReceiverCase = {
  kind: 'webhook',
  address: (origin) => `${origin}/hooks/secret-path?token=secret-token`,
  secret: `whsec_${key.toString('base64')}`,
  secrets: ['secret-path', 'secret-token', key.toString('base64')],
};
receiverContract(webhook);

const due = (count: number) => Array.from({ length: count }, (_, x) => notificationFor('r', x, { id: `n${x}` }));

test('a request is signed as Standard Webhooks says, over id, timestamp and body', async (t) => {
  const { server, destination } = await contractBench(t, webhook);
  const message = destination.pack(due(1), {}, 'full');
  await destination.request({ act: 'send', message, idempotencyKey: 'n0' });
  const [{ method, path, headers, body }] = server.requests as [(typeof server.requests)[number]];
  assert.deepEqual([method, path], ['POST', '/hooks/secret-path?token=secret-token']);
  assert.equal(headers['content-type'], 'application/json');
  assert.deepEqual([headers['webhook-id'], headers['idempotency-key'], JSON.parse(body).id], ['n0', 'n0', 'n0']);
  const timestamp = String(headers['webhook-timestamp']);
  assert.ok(Math.abs(Number(timestamp) - Date.now() / 1_000) < 60);
  const expected = createHmac('sha256', key).update(`n0.${timestamp}.${body}`).digest('base64');
  assert.equal(headers['webhook-signature'], `v1,${expected}`);
});

test('the body says all of a notification that its receiver needs, and is of version 1', async (t) => {
  const { destination } = await contractBench(t, webhook);
  const timeMs = Date.UTC(2026, 10, 30, 12);
  const notification = notificationFor('21433034-8078-4f1a-bb8d-1ac996db395d', 508, {
    id: 'n1',
    alarmId: 'a1',
    series: { name: 'received-packages', tags: { host: 'web-1' } },
    timeMs,
    sinceMs: timeMs - 1_000,
  });
  const facts = { consoleUrl: 'https://ssrms.example.com', judgedMs: () => timeMs + 10, possibleRepeat: true };
  const { body } = destination.pack([notification], facts, 'full');
  const { rule } = notification;
  assert.deepEqual(JSON.parse(JSON.stringify(body)), {
    version: 1,
    type: 'notifications',
    possible_repeat: true,
    notifications: [
      {
        id: 'n1',
        kind: 'fired',
        summary: `received-packages is 508 which exceeds the rule threshold (${rule.threshold})`,
        alarm: {
          id: 'a1',
          cause: 'breach',
          since: '2026-11-30T11:59:59.000Z',
          link: 'https://ssrms.example.com/#/alarms/a1',
        },
        rule: JSON.parse(JSON.stringify(rule)),
        metric_name: 'received-packages',
        tags: { host: 'web-1' },
        value: 508,
        threshold: rule.threshold,
        time: '2026-11-30T12:00:00.000Z',
        evaluated: '2026-11-30T12:00:00.010Z',
        deferred: false,
      },
    ],
  });
});

test('a batch holds as many as its receiver allows; after a refusal each goes alone', async (t) => {
  const { destination } = await contractBench(t, webhook);
  assert.equal(destination.pack(due(250), {}, 'full').carried.length, 100);
  assert.equal(destination.pack(due(250), {}, 'plain').carried.length, 1);
  const long = due(100).map((one) => ({ ...one, series: { name: 'm'.repeat(5_000), tags: {} } }));
  const {
    carried: { length: taken },
    body,
  } = destination.pack(long, {}, 'full');
  assert.ok(taken > 1 && taken < 100 && JSON.stringify(body).length < 300_000);
});

test('a name that resolves to a private address gets no connection, unless the operator allows it', async (t) => {
  const { server } = await contractBench(t, webhook);
  const { port } = new URL(server.origin);
  const lookup = ((_: string, options: { all?: boolean }, callback: (...answer: unknown[]) => void) =>
    options.all === true
      ? callback(null, [{ address: '127.0.0.1', family: 4 }])
      : callback(null, '127.0.0.1', 4)) as unknown as LookupFunction;
  const open = openReceivers({ version: '0', nowMs: () => Date.now(), lookup });
  t.after(() => open.close());
  const limits = { requestsPerMinute: 60, notificationsPerRequest: 1 };
  for (const url of [
    `https://rebinding.example.com:${port}/`,
    `https://127.0.0.1:${port}/`,
    `https://[::1]:${port}/`,
  ]) {
    const target = { url, secret: 'sixteen-characters', ...limits };
    const answer = await destinationOf(open.receivers.webhook, target).request({ act: 'probe' });
    assert.deepEqual(answer, { kind: 'not_sent', reason: 'EPRIVATE' }, url);
  }
  assert.equal(server.requests.length, 0);
});

test('a limit may name a date, and a 503 a time', async (t) => {
  const { server, destination } = await contractBench(t, webhook);
  const nowMs = Date.UTC(2026, 10, 30, 12);
  server.answer = (response) =>
    void response.writeHead(429, { 'retry-after': new Date(nowMs + 5_000).toUTCString() }).end();
  const limited = destination.actionFor(await destination.request({ act: 'probe' }), nowMs);
  assert.deepEqual(limited, { kind: 'rate_limited', waitMs: 5_000, everybody: false, reason: '429' });
  server.answer = (response) => void response.writeHead(429).end();
  const unsure = destination.actionFor(await destination.request({ act: 'probe' }), nowMs);
  assert.equal('waitMs' in unsure && unsure.waitMs, 60_000);
  server.answer = (response) => void response.writeHead(503, { 'retry-after': '3' }).end();
  assert.equal(destination.waitMsAfter(await destination.request({ act: 'probe' }), nowMs), 3_000);
});

type Verifier = (headers: IncomingHttpHeaders, body: string, secret: string) => boolean;

test('the verification in docs/WEBHOOKS.md accepts what is sent, and nothing else', async (t) => {
  const { server, destination } = await contractBench(t, webhook);
  await destination.request({ act: 'send', message: destination.pack(due(1), {}, 'full'), idempotencyKey: 'n0' });
  const [{ headers, body }] = server.requests as [(typeof server.requests)[number]];
  const [, snippet = ''] = /```js\n(.*?)```/s.exec(readFileSync('docs/WEBHOOKS.md', 'utf8')) ?? [];
  const { isGenuine } = (await import(`data:text/javascript,${encodeURIComponent(snippet)}`)) as {
    isGenuine: Verifier;
  };
  assert.equal(isGenuine(headers, body, webhook.secret!), true);
  assert.equal(isGenuine(headers, `${body} `, webhook.secret!), false);
  assert.equal(isGenuine(headers, body, 'another secret of some length'), false);
  assert.equal(isGenuine({ ...headers, 'webhook-timestamp': '1' }, body, webhook.secret!), false);
});

test('the body in docs/WEBHOOKS.md has the fields of what is sent', async (t) => {
  const { destination } = await contractBench(t, webhook);
  const facts = { consoleUrl: 'https://ssrms.example.com', judgedMs: () => 0 };
  const sent = JSON.parse(JSON.stringify({ id: 'n0', ...destination.pack(due(1), facts, 'full').body })) as Shown;
  const blocks = [...readFileSync('docs/WEBHOOKS.md', 'utf8').matchAll(/```json\n(.*?)```/gs)].map(
    ([, text]) => JSON.parse(text!) as Shown,
  );
  const shown = blocks.find(({ type }) => type === 'notifications')!;
  const fieldsOf = (body: Shown): string[][] =>
    [body, body.notifications[0]!, body.notifications[0]!.alarm].map((part) => Object.keys(part).sort());
  assert.deepEqual(fieldsOf(shown), fieldsOf(sent));
});

interface Shown {
  readonly type: string;
  readonly notifications: readonly { readonly alarm: object }[];
}
