import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { Failure } from '../base/failure.ts';
import type { Logger } from '../base/logger.ts';
import { Meter } from '../base/meter.ts';
import { createAuth, secretKey } from './auth.ts';
import { bearer, testAudience, testAuth, testLogger, testSecret } from './testing/test-server.ts';
import { signToken } from './token.ts';

async function refusalOf(authorization: string | undefined, auth = testAuth()): Promise<string> {
  try {
    await auth.identify(authorization);
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(error.code, 'unauthorized');
    return error.message;
  }
  return 'accepted';
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token whose header and claims are free, signed with the test secret. */
function crafted(header: { readonly alg: string; readonly [parameter: string]: unknown }, claims: object): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `Bearer ${signed}.${createHmac(header.alg === 'HS512' ? 'sha512' : 'sha256', testSecret)
    .update(signed)
    .digest('base64url')}`;
}

test('a valid token says who calls and what it allows, in either scheme and any case', async () => {
  const token = await bearer({ scope: 'rules:read rules:write', subject: 'ann' });
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Token', 'token', 'TOKEN']) {
    const identity = await testAuth().identify(token.replace('Bearer', scheme));
    assert.equal(identity.subject, 'ann');
    assert.deepEqual([...identity.scopes], ['rules:read', 'rules:write']);
  }
});

test('scopes are read from scope and scp, as text and as list', async () => {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: 'a', aud: testAudience, iat: now, exp: now + 60, scope: ['x y', 'z'], scp: 'w' };
  const identity = await testAuth().identify(crafted({ alg: 'HS256' }, claims));
  assert.deepEqual([...identity.scopes], ['x', 'y', 'z', 'w']);
});

test('every token that is not right is refused, and its claims are only spoken of when its signature is good', async () => {
  const now = Math.floor(Date.now() / 1000);
  const good = { sub: 'a', aud: testAudience, iat: now, exp: now + 60 };
  const without = (claim: string): object => ({ ...good, [claim]: undefined });
  const hs = { alg: 'HS256' };
  const table: [string, string | undefined, RegExp][] = [
    ['no header', undefined, /no Authorization header/],
    ['another scheme', 'Basic YTpi', /not of the form/],
    ['no token', 'Bearer ', /not of the form/],
    ['two tokens', 'Bearer a.b.c, Bearer a.b.c', /not of the form/],
    ['no JWT', 'Bearer abc', /is not valid/],
    ['wrong secret', await bearer({ secret: `x${testSecret.slice(1)}` }), /is not valid/],
    [
      'wrong secret and expired',
      await bearer({ secret: `x${testSecret.slice(1)}`, lifetimeSeconds: -600 }),
      /is not valid/,
    ],
    ['expired', await bearer({ issuedAgoSeconds: 700 }), /has expired/],
    ['wrong audience', await bearer({ audience: 'other' }), /claim "aud"/],
    ['alg none', `Bearer ${part({ alg: 'none' })}.${part(good)}.`, /is not valid/],
    ['alg HS512', crafted({ alg: 'HS512' }, good), /is not valid/],
    ['unknown crit', crafted({ ...hs, crit: ['x'], x: 1 }, good), /is not valid/],
    ['without exp', crafted(hs, without('exp')), /claim "exp"/],
    ['without iat', crafted(hs, without('iat')), /claim "iat"/],
    ['without sub', crafted(hs, without('sub')), /claim "sub"/],
    ['empty sub', crafted(hs, { ...good, sub: '' }), /claim "sub"/],
    ['text as exp', crafted(hs, { ...good, exp: String(now + 60) }), /claim "exp"/],
    ['not yet valid', crafted(hs, { ...good, nbf: now + 100 }), /claim "nbf"/],
    ['issued in the future', crafted(hs, { ...good, iat: now + 100 }), /claim "iat"/],
    ['too old', await bearer({ issuedAgoSeconds: 401 * 86_400, lifetimeSeconds: 500 * 86_400 }), /older than/],
    ['too long', crafted(hs, { ...good, x: 'x'.repeat(9_000) }), /longer than 8192/],
  ];
  for (const [name, authorization, reason] of table) assert.match(await refusalOf(authorization), reason, name);
});

test('a clock may be off by 30 seconds', async () => {
  assert.equal(await refusalOf(await bearer({ issuedAgoSeconds: 620, lifetimeSeconds: 600 })), 'accepted');
  assert.match(await refusalOf(await bearer({ issuedAgoSeconds: 640, lifetimeSeconds: 600 })), /expired/);
});

test('an RS256 token signed for a public key that equals the secret is refused', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'RS256' })
    .setSubject('a')
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(privateKey);
  assert.match(await refusalOf(`Bearer ${token}`), /is not valid/);
});

test('a verification is remembered until the token expires, and no longer', async () => {
  let nowMs = Date.now();
  const auth = testAuth({ now: () => nowMs });
  const token = await bearer({ lifetimeSeconds: 60 });
  const first = await auth.identify(token);
  assert.equal(await auth.identify(token), first, 'the same identity, from memory');
  nowMs += 100_000;
  assert.match(await refusalOf(token, auth), /expired/);
});

test('all refusals take about the same time', async () => {
  const auth = testAuth();
  for (const authorization of ['Bearer x', await bearer({ secret: 'y'.repeat(40) }), undefined]) {
    const begin = performance.now();
    await refusalOf(authorization, auth);
    // Without the pause it takes well below a millisecond; timers may ring a little early.
    assert.ok(performance.now() - begin >= 5, `${authorization} was refused too fast`);
  }
});

test('a weak or well-known secret is refused at the start, and not shown', () => {
  const create = (secret: string) => () => createAuth({ keys: { secret }, logger: testLogger, meter: new Meter() });
  assert.throws(create('a-short-secret'), /has 14 bytes, and needs at least 32/);
  assert.throws(create('a-string-secret-at-least-256-bits-long'), /well-known sample/);
  assert.throws(create('a'.repeat(64)), /hardly varied/);
  assert.throws(create('a-short-secret'), (error: Error) => !error.message.includes('a-short-secret'));
  assert.equal(secretKey('a-string-secret-at-least-256-bits-long', true).length, 38);
});

test('signToken makes a token that the service accepts', async () => {
  const token = await signToken({
    secret: testSecret,
    subject: 'dev',
    scopes: ['rules:read', 'admin'],
    lifetimeSeconds: 60,
    audience: testAudience,
    nowMs: Date.now(),
  });
  const identity = await testAuth().identify(`Bearer ${token}`);
  assert.equal(identity.subject, 'dev');
  assert.deepEqual([...identity.scopes], ['rules:read', 'admin']);
});

test('a long-lived token with less than a week left is counted and logged, once', async () => {
  const meter = new Meter();
  const day = 86_400;
  const warned: unknown[] = [];
  const logger = Object.create(testLogger, { warn: { value: (facts: unknown) => warned.push(facts) } }) as Logger;
  const auth = createAuth({ keys: { secret: testSecret }, logger, meter });
  const token = await bearer({ issuedAgoSeconds: 84 * day, lifetimeSeconds: 90 * day });
  await auth.identify(token);
  await auth.identify(token);
  assert.equal(warned.length, 1);
  assert.equal((warned[0] as { subject: string }).subject, 'tester');
  await testAuth({ meter: new Meter() }).identify(await bearer({ lifetimeSeconds: 3_600 }));
  assert.match(await meter.text(), /ssrms_auth_tokens_expiring_total 1/);
});

test('tokens of the secret before are accepted, and of no other', async () => {
  const auth = createAuth({
    keys: { secret: testSecret, previousSecret: 'b1QzX9vTn4Lw7KsY2mRc8PdHj5GfAeUo' },
    audience: testAudience,
    logger: testLogger,
    meter: new Meter(),
  });
  for (const secret of [testSecret, 'b1QzX9vTn4Lw7KsY2mRc8PdHj5GfAeUo']) {
    assert.equal((await auth.identify(await bearer({ secret }))).subject, 'tester');
    // Claims are checked whichever secret it is.
    await assert.rejects(auth.identify(await bearer({ secret, audience: 'another' })), /"aud"/);
  }
  const foreign = await bearer({ secret: 'c1QzX9vTn4Lw7KsY2mRc8PdHj5GfAeUo' });
  await assert.rejects(auth.identify(foreign), { code: 'unauthorized' });
  assert.throws(
    () => createAuth({ keys: { secret: testSecret, previousSecret: 'weak' }, logger: testLogger, meter: new Meter() }),
    /at least 32/,
  );
});

test('a token is revoked by its id while the service runs, also one that was in use', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-revoked-'));
  const file = join(folder, 'revoked');
  writeFileSync(file, '');
  try {
    let nowMs = Date.now();
    const auth = createAuth({
      keys: { secret: testSecret },
      revoked: { ids: [], file },
      logger: testLogger,
      meter: new Meter(),
      now: () => nowMs,
    });
    const tokenOfId = async (tokenId: string): Promise<string> =>
      `Bearer ${await signToken({ secret: testSecret, subject: 'x', scopes: [], lifetimeSeconds: 600, tokenId, nowMs })}`;
    const [lost, kept] = [await tokenOfId('lost-1'), await tokenOfId('kept-1')];
    const identity = await auth.identify(lost);
    assert.equal(identity.isOver(nowMs), false);
    writeFileSync(file, '# stolen\nlost-1 # on Monday\nother,another\n');
    nowMs += 3_000;
    await assert.rejects(auth.identify(lost), /the token was revoked/);
    assert.equal(identity.isOver(nowMs), true, 'what the token began ends, too');
    assert.equal((await auth.identify(kept)).subject, 'x');
    // A file that went missing revokes nothing back.
    rmSync(file);
    nowMs += 3_000;
    await assert.rejects(auth.identify(lost), /the token was revoked/);
    const fixed = createAuth({
      keys: { secret: testSecret },
      revoked: { ids: ['lost-1'], file: undefined },
      logger: testLogger,
      meter: new Meter(),
    });
    await assert.rejects(fixed.identify(lost), /the token was revoked/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
