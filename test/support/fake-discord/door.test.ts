import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Agent, request } from 'undici';
import type { CertificateKind } from './certificates.ts';
import { startFakeDiscord, type FakeDiscord, type FakeDiscordOptions } from './fake-discord.ts';

async function fakeOf(t: TestContext, options: FakeDiscordOptions = {}): Promise<{ fake: FakeDiscord; url: string }> {
  const fake = await startFakeDiscord(options);
  t.after(() => fake.close());
  return { fake, url: fake.addWebhook().url };
}

/** The status, or the code of the error. */
async function post(t: TestContext, url: string, ca?: string): Promise<number | string> {
  const dispatcher = new Agent({ connect: { timeout: 500, ...(ca !== undefined && { ca }) } });
  t.after(() => dispatcher.destroy());
  const headers = { 'content-type': 'application/json', 'user-agent': 'test' };
  const options = { method: 'POST', headers, body: '{"content":"x"}', dispatcher, headersTimeout: 500 } as const;
  return request(url, options).then(
    ({ statusCode }) => statusCode,
    (error: Error & { code?: string }) => error.code ?? error.message,
  );
}

const seen: Record<CertificateKind, number | RegExp> = {
  trusted: 204,
  self_signed: /^DEPTH_ZERO_SELF_SIGNED_CERT$/,
  expired: /^CERT_HAS_EXPIRED$/,
  wrong_name: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
};

for (const [kind, expected] of Object.entries(seen) as [CertificateKind, number | RegExp][]) {
  test(`a client that checks certificates sees that one is ${kind}`, async (t) => {
    const { fake, url } = await fakeOf(t, { tls: kind });
    const status = await post(t, url, fake.authorityCert);
    if (typeof expected === 'number') assert.equal(status, expected);
    else assert.match(String(status), expected);
    assert.equal(fake.ledger.entries.length, kind === 'trusted' ? 1 : 0);
    // Nobody knows the authority unless told of it.
    assert.notEqual(await post(t, url), 204);
    fake.control({ certificate: 'trusted' });
    assert.equal(await post(t, url, fake.authorityCert), 204);
  });
}

test('the door refuses, stalls, resets and closes connections, and is controlled from beside it', async (t) => {
  for (const [mode, codes] of [
    ['refused', ['ECONNREFUSED']],
    ['stalled', ['UND_ERR_HEADERS_TIMEOUT']],
    ['reset', ['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE']],
    ['closed', ['UND_ERR_SOCKET', 'EPIPE']],
  ] as const) {
    const { fake, url } = await fakeOf(t);
    const control = (door: string) =>
      request(`${fake.controlOrigin}/_control`, { method: 'POST', body: JSON.stringify({ door }) });
    assert.equal((await control(mode)).statusCode, 200);
    const code = await post(t, url);
    assert.ok((codes as readonly (string | number)[]).includes(code), `${mode}: ${code}`);
    await control('open');
    assert.equal(await post(t, url), 204);
    assert.equal(fake.ledger.entries.length, 1);
    assert.equal((await control('ajar')).statusCode, 400);
  }
});

test('a TLS handshake may stall: the connection stands, and nothing was sent', async (t) => {
  const { fake, url } = await fakeOf(t, { tls: 'trusted' });
  await fake.door.set('stalled');
  assert.equal(await post(t, url, fake.authorityCert), 'UND_ERR_CONNECT_TIMEOUT');
  assert.equal(fake.door.connections, 1);
  await fake.door.set('open');
  assert.equal(await post(t, url, fake.authorityCert), 204);
});

test('faults that cut a socket do so under TLS too', async (t) => {
  const { fake, url } = await fakeOf(t, {
    tls: 'trusted',
    faults: [{ kind: 'accepted_reset', times: 1 }],
  });
  assert.match(String(await post(t, url, fake.authorityCert)), /^UND_ERR_SOCKET|ECONNRESET$/);
  assert.equal(fake.ledger.accepted().length, 1);
});
