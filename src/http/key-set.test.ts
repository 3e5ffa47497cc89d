import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose';
import { Failure } from '../base/failure.ts';
import { Meter } from '../base/meter.ts';
import { createAuth } from './auth.ts';
import { testLogger } from './testing/test-server.ts';

interface KeyPair {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

async function keyPair(kid: string, alg = 'ES256'): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** An issuer of keys that counts its calls and fails on demand, and a service that trusts it, at a clock of its own. */
async function issuer(keys: KeyPair[]) {
  const state = { keys, calls: 0, mode: 'good' as 'good' | 'down' | 'huge' | 'text', clockMs: Date.now() };
  const server = createServer((_request, response) => {
    state.calls++;
    if (state.mode === 'down') return response.writeHead(500).end();
    const set = JSON.stringify({ keys: state.keys.map((key) => key.jwk) });
    if (state.mode === 'huge') return response.end(set + ' '.repeat(10 * 1024 * 1024));
    if (state.mode === 'text') return response.end('hello');
    return response.end(set);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  const auth = createAuth({ keys: { jwksUrl }, logger: testLogger, meter: new Meter(), now: () => state.clockMs });
  const sign = (key: KeyPair, header: object = {}): Promise<string> =>
    new SignJWT({ scope: 'admin' })
      .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
      .setSubject('a')
      .setIssuedAt(Math.floor(state.clockMs / 1000))
      .setExpirationTime(Math.floor(state.clockMs / 1000) + 7_200)
      .setJti(String(Math.random()))
      .sign(key.privateKey);
  const call = async (token: string): Promise<string> => {
    try {
      return (await auth.identify(`Bearer ${token}`)).subject;
    } catch (error) {
      assert.ok(error instanceof Failure);
      return error.code;
    }
  };
  return { state, sign, call, [Symbol.asyncDispose]: async () => void server.close() };
}

const minute = 60_000;

test('tokens of ES256, RS256 and EdDSA are checked with the keys of the set, which is fetched once', async () => {
  const keys = [await keyPair('a'), await keyPair('b', 'RS256'), await keyPair('c', 'EdDSA')];
  await using it = await issuer(keys);
  for (const key of keys) assert.equal(await it.call(await it.sign(key)), 'a');
  assert.equal(it.state.calls, 1);
});

test('HS256, and a key or a URL that the token brings along, are refused', async () => {
  const [ours, theirs] = [await keyPair('a'), await keyPair('a')];
  await using it = await issuer([ours]);
  const secret = await new SignJWT({})
    .setProtectedHeader({ alg: 'HS256', kid: 'a' })
    .setSubject('a')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(JSON.stringify(ours.jwk)));
  assert.equal(await it.call(secret), 'unauthorized');
  assert.equal(await it.call(await it.sign(theirs, { jwk: theirs.jwk })), 'unauthorized');
  assert.equal(await it.call(await it.sign(theirs, { jku: 'http://127.0.0.1:1/keys' })), 'unauthorized');
  assert.equal(await it.call(await it.sign(theirs, { kid: 'x'.repeat(201) })), 'unauthorized');
});

test('a rotated key is found after the cooldown, and a removed one stops working after ten minutes', async () => {
  const [old, fresh] = [await keyPair('old'), await keyPair('new')];
  await using it = await issuer([old]);
  const oldToken = await it.sign(old);
  assert.equal(await it.call(oldToken), 'a');
  it.state.keys = [fresh];
  assert.equal(await it.call(await it.sign(fresh)), 'unauthorized', 'within the cooldown');
  it.state.clockMs += minute;
  assert.equal(await it.call(await it.sign(fresh)), 'a');
  it.state.clockMs += 11 * minute;
  await it.call(await it.sign(fresh));
  assert.equal(await it.call(oldToken), 'unauthorized');
});

test('two hundred unknown keys cause one call to the issuer', async () => {
  const known = await keyPair('known');
  await using it = await issuer([known]);
  await it.call(await it.sign(known));
  it.state.clockMs += minute;
  const stranger = await keyPair('stranger');
  const tokens = await Promise.all(Array.from({ length: 200 }, (_, index) => it.sign(stranger, { kid: `k${index}` })));
  assert.deepEqual([...new Set(await Promise.all(tokens.map(it.call)))], ['unauthorized']);
  assert.equal(it.state.calls, 2);
});

for (const mode of ['down', 'huge', 'text'] as const) {
  test(`when the issuer is ${mode}, the last good keys serve, and without any nobody passes`, async () => {
    const key = await keyPair('a');
    await using it = await issuer([key]);
    it.state.mode = mode;
    assert.equal(await it.call(await it.sign(key)), 'unavailable');
    it.state.mode = 'good';
    it.state.clockMs += minute;
    assert.equal(await it.call(await it.sign(key)), 'a');
    it.state.mode = mode;
    it.state.clockMs += 60 * minute;
    assert.equal(await it.call(await it.sign(key)), 'a');
    assert.equal(await it.call(await it.sign(await keyPair('b'))), 'unauthorized');
  });
}

test('the address of the keys must be https, save on loopback', () => {
  const create = (jwksUrl: string) => () => createAuth({ keys: { jwksUrl }, logger: testLogger, meter: new Meter() });
  assert.throws(create('http://issuer.example/keys'), /must be https/);
  assert.doesNotThrow(create('https://issuer.example/keys'));
  assert.doesNotThrow(create('http://localhost:1/keys'));
});
