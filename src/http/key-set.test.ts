import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { Failure } from '../base/failure.ts';
import { Meter } from '../base/meter.ts';
import { createAuth } from './auth.ts';
import { signedBy, signingKey, startIssuer, type SigningKey } from './testing/test-issuer.ts';
import { testLogger } from './testing/test-server.ts';

/** An issuer, and a service that trusts it, at a clock of its own. */
async function trusted(keys: readonly SigningKey[]) {
  const issuer = await startIssuer(keys);
  const clock = { nowMs: Date.now() };
  const { jwksUrl } = issuer;
  const auth = createAuth({ keys: { jwksUrl }, logger: testLogger, meter: new Meter(), now: () => clock.nowMs });
  const sign = (key: SigningKey, header: object = {}): Promise<string> =>
    signedBy(key, { nowMs: clock.nowMs, scope: 'admin', header });
  const call = async (token: string): Promise<string> => {
    try {
      return (await auth.identify(`Bearer ${token}`)).subject;
    } catch (error) {
      assert.ok(error instanceof Failure);
      return error.code;
    }
  };
  /** As call, once the issuer's failure is through: a connection that is cut is not at once seen to be. */
  const callOnceBack = async (key: SigningKey): Promise<string> => {
    const deadline = performance.now() + 20_000;
    for (;;) {
      const outcome = await call(await sign(key));
      if (outcome !== 'unavailable' || performance.now() > deadline) return outcome;
    }
  };
  return { issuer, clock, sign, call, callOnceBack, [Symbol.asyncDispose]: () => issuer.close() };
}

const minute = 60_000;

test('tokens of ES256, RS256 and EdDSA are checked with the keys of the set, which is fetched once', async () => {
  const keys = [await signingKey('a'), await signingKey('b', 'RS256'), await signingKey('c', 'EdDSA')];
  await using it = await trusted(keys);
  for (const key of keys) assert.equal(await it.call(await it.sign(key)), 'a');
  assert.equal(it.issuer.calls, 1);
});

test('HS256, and a key or a URL that the token brings along, are refused', async () => {
  const [ours, theirs] = [await signingKey('a'), await signingKey('a')];
  await using it = await trusted([ours]);
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

test('an RSA key of 1,024 bits and a point that is on no curve are none, though the issuer shows them', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'short', alg: 'RS256', use: 'sig' };
  const good = await signingKey('a');
  const bent = { ...good, kid: 'bent', jwk: { ...good.jwk, kid: 'bent', x: good.jwk.y! } };
  await using it = await trusted([good, { ...good, jwk }, bent]);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const nowSeconds = Math.floor(it.clock.nowMs / 1000);
  const claims = { sub: 'a', scope: 'admin', iat: nowSeconds, exp: nowSeconds + 60 };
  const signed = `${part({ alg: 'RS256', kid: 'short' })}.${part(claims)}`;
  const signature = createSign('sha256').update(signed).sign(privateKey, 'base64url');
  assert.equal(await it.call(`${signed}.${signature}`), 'unauthorized');
  assert.equal(await it.call(await it.sign(bent)), 'unauthorized');
  assert.equal(await it.call(await it.sign(good)), 'a');
});

test('a rotated key is found after the cooldown, and a removed one stops working after ten minutes', async () => {
  const [old, fresh] = [await signingKey('old'), await signingKey('new')];
  await using it = await trusted([old]);
  const oldToken = await it.sign(old);
  assert.equal(await it.call(oldToken), 'a');
  it.issuer.keys = [fresh];
  assert.equal(await it.call(await it.sign(fresh)), 'unauthorized', 'within the cooldown');
  it.clock.nowMs += minute;
  assert.equal(await it.call(await it.sign(fresh)), 'a');
  it.clock.nowMs += 11 * minute;
  await it.call(await it.sign(fresh));
  assert.equal(await it.call(oldToken), 'unauthorized');
});

test('two hundred unknown keys cause one call to the issuer', async () => {
  const known = await signingKey('known');
  await using it = await trusted([known]);
  await it.call(await it.sign(known));
  it.clock.nowMs += minute;
  const stranger = await signingKey('stranger');
  const tokens = await Promise.all(Array.from({ length: 200 }, (_, index) => it.sign(stranger, { kid: `k${index}` })));
  assert.deepEqual([...new Set(await Promise.all(tokens.map(it.call)))], ['unauthorized']);
  assert.equal(it.issuer.calls, 2);
});

for (const mode of ['down', 'huge', 'text', 'silent'] as const) {
  test(`when the issuer is ${mode}, the last good keys serve, and without a key nobody passes or is turned away for good`, async () => {
    const key = await signingKey('a');
    await using it = await trusted([key]);
    it.issuer.mode = mode;
    const beganMs = performance.now();
    assert.equal(await it.call(await it.sign(key)), 'unavailable');
    assert.ok(performance.now() - beganMs < 4_000, 'Telegraf gives up after 5 s');
    it.issuer.giveUp();
    it.issuer.mode = 'good';
    it.clock.nowMs += minute;
    assert.equal(await it.callOnceBack(key), 'a');
    it.issuer.mode = mode;
    it.clock.nowMs += 60 * minute;
    assert.equal(await it.call(await it.sign(key)), 'a');
    const fresh = await signingKey('b');
    const calls = await Promise.all(Array.from({ length: 20 }, async () => it.call(await it.sign(fresh))));
    assert.deepEqual([...new Set(calls)], ['unavailable']);
    assert.equal(it.issuer.calls, 3);
    it.issuer.giveUp();
    it.issuer.mode = 'good';
    it.clock.nowMs += minute;
    assert.equal(await it.callOnceBack(fresh), 'unauthorized', 'once the issuer says that there is no such key');
    it.issuer.keys = [key, fresh];
    it.clock.nowMs += minute;
    assert.equal(await it.call(await it.sign(fresh)), 'a');
  });
}

test('the address of the keys must be https, save on loopback', () => {
  const create = (jwksUrl: string) => () => createAuth({ keys: { jwksUrl }, logger: testLogger, meter: new Meter() });
  assert.throws(create('http://issuer.example/keys'), /must be https/);
  assert.doesNotThrow(create('https://issuer.example/keys'));
  assert.doesNotThrow(create('http://localhost:1/keys'));
});
