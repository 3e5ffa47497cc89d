// The client against the fake Discord and its faults: what it makes of each answer, and what it never does.
import { test, type TestContext } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { LookupAddress } from 'node:dns';
import type { AddressInfo, LookupFunction } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../../../test/support/fake-discord/fault.ts';
import { startFakeDiscord, type FakeDiscord } from '../../../test/support/fake-discord/fake-discord.ts';
import type { Action, Answer } from '../receiver.ts';
import { actionFor, isAlive } from './answer.ts';
import { isPrivateAddress } from '../networks.ts';
import { DiscordClient, type DiscordClientOptions } from './client.ts';

const hello = JSON.stringify({ content: 'hello', allowed_mentions: { parse: [] } });
/** Short, and with room for a slow machine. */
const timing = { connectMs: 2_000, totalMs: 1_000, lateMs: 4_000 };

async function benchOf(
  t: TestContext,
  faults: readonly Fault[] = [],
  options: Partial<DiscordClientOptions> = {},
): Promise<{ fake: FakeDiscord; client: DiscordClient; url: string; token: string }> {
  const fake = await startFakeDiscord({ faults });
  const client = new DiscordClient({ version: '0', privateAddresses: true, timing, ...options });
  t.after(async () => {
    await client.close();
    await fake.close();
  });
  const { webhook, url } = fake.addWebhook();
  return { fake, client, url: `${url}?wait=true`, token: webhook.token };
}

const shapeOf = (answer: Answer): string => (answer.kind === 'answered' ? String(answer.status) : answer.kind);

/** What the client makes of a fault, and what follows from it. */
const faults: readonly [Fault['kind'], shape: string, action: Action['kind']][] = [
  ['unknown_webhook', '404', 'webhook_broken'],
  ['wrong_token', '401', 'webhook_broken'],
  ['missing_permissions', '403', 'webhook_broken'],
  ['odd_400', '400', 'refused_body'],
  ['redirect', '302', 'webhook_broken'],
  ['limited_body_only', '429', 'rate_limited'],
  ['limited_header_only', '429', 'rate_limited'],
  ['limited_bare', '429', 'rate_limited'],
  ['ban_text', '429', 'address_blocked'],
  ['ban_html', '429', 'address_blocked'],
  ['ban_code_0', '429', 'address_blocked'],
  ['ban_40333', '403', 'address_blocked'],
  ['ban_403_html', '403', 'address_blocked'],
  ['status', '500', 'try_again'],
  ['html_status', '502', 'try_again'],
  ['timeout', 'ambiguous', 'try_again'],
  ['reset', 'ambiguous', 'try_again'],
  ['close', 'ambiguous', 'try_again'],
  ['accepted_timeout', 'ambiguous', 'try_again'],
  ['accepted_reset', 'ambiguous', 'try_again'],
  ['accepted_close', 'ambiguous', 'try_again'],
  ['accepted_500', '500', 'try_again'],
  ['accepted_stalled_headers', 'ambiguous', 'try_again'],
  ['accepted_huge_headers', 'ambiguous', 'try_again'],
  ['accepted_cut_body', '200', 'delivered'],
  ['accepted_slow_body', '200', 'delivered'],
  ['accepted_huge_body', '200', 'delivered'],
];

for (const [kind, shape, action] of faults) {
  test(`${kind} is ${shape}: ${action}, in one request, in time, and says no secret`, async (t) => {
    // Only a fault without an answer runs into the limit: others must have room on a slow machine.
    const limits = shape === 'ambiguous' ? timing : { ...timing, totalMs: 20_000 };
    const { fake, client, url, token } = await benchOf(t, [{ kind, times: 1 }], { timing: limits });
    const beganMs = performance.now();
    const answer = await client.post(url, hello);
    assert.equal(shapeOf(answer), shape);
    assert.equal(actionFor(answer).kind, action);
    assert.ok(performance.now() - beganMs < limits.totalMs + 2_000, 'within the total time');
    assert.ok(!JSON.stringify([answer, actionFor(answer)]).includes(token));
    await sleep(20);
    assert.equal(fake.ledger.entries.length, 1, 'nothing is repeated');
  });
}

test('a redirect is not followed: whoever stands there hears nothing', async (t) => {
  let connections = 0;
  const canary = createServer().on('connection', () => connections++);
  await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
  t.after(() => canary.close());
  const location = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/`;
  const redirects = [302, 307].map((status): Fault => ({ kind: 'redirect', status, location, times: 1 }));
  const { client, url } = await benchOf(t, redirects);
  for (const status of ['302', '307']) assert.equal(shapeOf(await client.post(url, hello)), status);
  await sleep(50);
  assert.equal(connections, 0);
});

test('a request that was never sent is told from one whose answer was lost', async (t) => {
  const { client, fake, url } = await benchOf(t);
  await fake.close();
  const answer = await client.post(url, hello);
  assert.deepEqual(answer, { kind: 'not_sent', reason: 'ECONNREFUSED' });
});

test('a name that leads to this machine is refused, unless the operator chose the address', async (t) => {
  const { fake, client, url } = await benchOf(t, [], { privateAddresses: false });
  const answer = await client.post(url.replace('127.0.0.1', 'localhost'), hello);
  assert.deepEqual(answer, { kind: 'not_sent', reason: 'EPRIVATE' });
  assert.equal(fake.ledger.entries.length, 0);
});

/** A resolver of which a test says what it answers, one answer after the other. */
function resolver(...answers: (LookupAddress[] | 'ENOTFOUND' | 'silence')[]): LookupFunction {
  return (_name, _options, callback) => {
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (answer === 'silence') return;
    if (answer === 'ENOTFOUND')
      callback(Object.assign(new Error(answer), { code: answer, syscall: 'getaddrinfo' }), []);
    else callback(null, answer);
  };
}
const privateOne: LookupAddress = { address: '127.0.0.1', family: 4 };
/** Of a network for documentation: nobody is there. */
const publicOne: LookupAddress = { address: '192.0.2.1', family: 4 };

test('a name that cannot be resolved, or not in time: nothing was sent', async (t) => {
  for (const [answer, reason] of [
    ['ENOTFOUND', 'ENOTFOUND'],
    ['silence', 'UND_ERR_CONNECT_TIMEOUT'],
  ] as const) {
    const { fake, client, url } = await benchOf(t, [], {
      lookup: resolver(answer),
      timing: { ...timing, connectMs: 200, totalMs: 3_000 },
    });
    const posted = await client.post(url.replace('127.0.0.1', 'discord.example'), hello);
    assert.deepEqual(posted, { kind: 'not_sent', reason });
    assert.equal(fake.ledger.entries.length, 0);
  }
});

test('a connection that comes too late is not used: who slept meanwhile may not own what it was to send', async (t) => {
  const { client, fake, url } = await benchOf(t, [], { timing: { connectMs: 100, totalMs: 3_000, lateMs: 4_000 } });
  const answer = client.post(url, hello);
  // As when the process is stopped: the connection stands, and nobody has looked.
  for (const wokenAt = performance.now() + 400; performance.now() < wokenAt;);
  assert.deepEqual(await answer, { kind: 'not_sent', reason: 'UND_ERR_CONNECT_TIMEOUT' });
  assert.deepEqual(fake.ledger.entries, []);
});

test('a name that turns inwards is refused at each connection, and so are the private ones among its addresses', async (t) => {
  const lookup = resolver([publicOne], [privateOne], [privateOne, publicOne]);
  const short = { ...timing, connectMs: 200, totalMs: 3_000 };
  const { fake, client, url } = await benchOf(t, [], { lookup, privateAddresses: false, timing: short });
  const named = url.replace('127.0.0.1', 'discord.example');
  const reasons: string[] = [];
  for (let round = 0; round < 3; round++) {
    const answer = await client.post(named, hello);
    assert.equal(answer.kind, 'not_sent');
    reasons.push(answer.kind === 'not_sent' ? answer.reason : '');
  }
  assert.equal(reasons[1], 'EPRIVATE');
  // Where nobody answers, nobody may be reached either: on this machine the fake would have answered.
  assert.ok(reasons[0] !== 'EPRIVATE' && reasons[2] !== 'EPRIVATE', reasons.join());
  assert.equal(fake.door.connections, 0);
});

test('of an answer that does not end no more is read than a message of Discord may have', async (t) => {
  let written = 0;
  const server = createServer((_request, response) => {
    const block = Buffer.alloc(16_384, 0x20);
    const write = (): void => {
      while (!response.destroyed && written < 64_000_000) {
        written += block.length;
        if (!response.write(block)) return void response.once('drain', write);
      }
      response.end();
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    write();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const { client } = await benchOf(t);
  const { port } = server.address() as AddressInfo;
  assert.equal(shapeOf(await client.post(`http://127.0.0.1:${port}/`, hello)), '200');
  await sleep(100);
  // What the kernel holds between the two is beyond the client's power.
  assert.ok(written < 16_000_000, `${written} bytes were written`);
});

test('an answer that comes after the total time is still heard of, and its connection was not cut', async (t) => {
  const { client, url } = await benchOf(t, [{ kind: 'latency', ms: 1_800, times: 1 }]);
  const late = Promise.withResolvers<Answer>();
  const answer = await client.post(url, hello, late.resolve);
  assert.deepEqual(answer, { kind: 'ambiguous', reason: 'no answer in time' });
  const action = actionFor(await late.promise);
  assert.ok(action.kind === 'delivered' && /^\d{17,20}$/.test(action.messageId ?? ''));
});

test('a webhook is looked at and a message deleted; of the look no token is kept', async (t) => {
  const { fake, client, url, token } = await benchOf(t);
  const posted = actionFor(await client.post(url, hello));
  assert.ok(posted.kind === 'delivered');
  const bare = url.replace('?wait=true', '');
  const seen = await client.get(bare);
  assert.ok(isAlive(seen) && !JSON.stringify(seen).includes(token));
  assert.equal(shapeOf(await client.delete(`${bare}/messages/${posted.messageId}`)), '204');
  fake.control({ killWebhook: /\/webhooks\/(\d+)/.exec(url)![1]! });
  assert.equal(isAlive(await client.get(bare)), false);
});

test("addresses of this machine's and its network's own are private, IPv4 inside of IPv6 too", () => {
  const inside = ['127.0.0.1', '10.1.2.3', '169.254.169.254', '192.168.0.1', '::1', '::', 'fe80::1', 'fd00::1'];
  const wrapped = ['::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'];
  for (const address of [...inside, ...wrapped]) assert.equal(isPrivateAddress(address), true, address);
  for (const address of ['162.159.128.233', '2606:4700::1', '8.8.8.8'])
    assert.equal(isPrivateAddress(address), false, address);
});

test('a connection that is asked for stands when a message comes, however long after; without it, it is made anew', async (t) => {
  let connections = 0;
  const server = createServer((_request, response) => void response.writeHead(200).end('{}'));
  server.on('connection', () => connections++);
  // The server says so by Keep-Alive, and the client asks again in time.
  server.keepAliveTimeout = 2_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new DiscordClient({ version: '0', privateAddresses: true, timing });
  t.after(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = async (): Promise<string> => shapeOf(await client.post(`${origin}/webhooks`, hello));
  for (let waits = 0; waits < 4; waits++) {
    const waitMs = await client.warm(`${origin}/gateway`);
    assert.equal(waitMs, 1_000);
    await sleep(waitMs);
  }
  assert.equal(await post(), '200');
  assert.equal(connections, 1);
  await sleep(2_600);
  assert.equal(await post(), '200');
  assert.equal(connections, 2);
});
