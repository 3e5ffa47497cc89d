// Signing in at the issuer of the tokens, against a certified OpenID provider: what the page asks of the server, without the page.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Logger } from '../base/logger.ts';
import { signInByHand, startOpenId, type OpenIdOptions } from '../http/testing/test-openid.ts';
import { testLogger } from '../http/testing/test-server.ts';
import { startConsoleSystem } from './testing/console-system.ts';

interface Begun {
  readonly address: string;
  readonly state: string;
  readonly code_verifier: string;
}

/** Tokens, or a problem. */
interface Given {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly code: string;
  readonly detail: string;
}

interface Answered {
  readonly status: number;
  readonly body: Begun & Given;
  readonly text: string;
  readonly setCookies: readonly string[];
}

async function startBoth(options: OpenIdOptions = {}) {
  const openId = await startOpenId(options);
  const system = await startConsoleSystem({ auth: openId.auth, oidc: openId.oidc });
  const returnTo = `${system.url}/console/`;
  await openId.register(returnTo);
  /** The cookies that the browser keeps, by name. */
  const cookies = new Map<string, string>();
  const post = async (path: string, body: object, headers: Record<string, string> = {}): Promise<Answered> => {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const answer = await fetch(`${system.url}/api/v1/sign-in/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie, ...headers },
      body: JSON.stringify(body),
    });
    const setCookies = answer.headers.getSetCookie();
    for (const each of setCookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(each) ?? [];
      if (/; Max-Age=0;/.test(each)) cookies.delete(name);
      else cookies.set(name, value);
    }
    const text = await answer.text();
    return { status: answer.status, body: JSON.parse(text) as Begun & Given, text, setCookies };
  };
  const begin = async (): Promise<Begun> => (await post('begin', { return_to: returnTo })).body;
  const finish = async (begun: Begun, query: string) => {
    const { state, code_verifier } = begun;
    return post('finish', { query, state, code_verifier, return_to: returnTo });
  };
  return {
    openId,
    url: system.url,
    returnTo,
    post,
    cookies,
    /** As who signed in with this token. */
    addCookieFor(refreshToken: string) {
      const [set = ''] = openId.oidc.cookie.headersFor(refreshToken, { cookieHeader: undefined, isSecure: false });
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      cookies.set(name, value);
    },
    begin,
    finish,
    async [Symbol.asyncDispose]() {
      await system.stop();
      await openId.close();
    },
  };
}

async function statusWith(url: string, token: string): Promise<number> {
  return (await fetch(`${url}/api/v1/status`, { headers: { authorization: `Bearer ${token}` } })).status;
}

for (const [kind, options] of [
  ['a public client', {}],
  ['a confidential client', { clientSecret: 'secret-of-the-client-0123456789' }],
] as const) {
  test(`people sign in at the issuer, and are renewed without being asked: ${kind}`, async () => {
    await using both = await startBoth(options);
    const info = (await (await fetch(`${both.url}/api/v1/sign-in`)).json()) as { issuer: string };
    assert.equal(info.issuer, new URL(both.openId.issuer).host);
    const begun = await both.begin();
    const asked = new URL(begun.address).searchParams;
    assert.equal(asked.get('code_challenge_method'), 'S256');
    assert.ok(!begun.address.includes(begun.code_verifier), 'the verifier stays with the page');
    assert.ok(!begun.address.includes('secret-of-the-client'));
    const query = await signInByHand({ address: begun.address, returnTo: both.returnTo });
    const { status, body } = await both.finish(begun, query);
    assert.equal(status, 200);
    assert.equal(await statusWith(both.url, body.access_token), 200);
    const renewed = await both.post('renew', { refresh_token: body.refresh_token });
    assert.equal(renewed.status, 200);
    assert.notEqual(renewed.body.access_token, body.access_token);
    assert.equal(await statusWith(both.url, renewed.body.access_token), 200);
    assert.equal(typeof renewed.body.refresh_token, 'string');
  });
}

test('a refresh token is renewed for the browser that signed in, and for nobody who only has the token', async () => {
  await using both = await startBoth({ clientSecret: 'secret-of-the-client-0123456789' });
  const signIn = async (): Promise<Answered> => {
    const begun = await both.begin();
    return both.finish(begun, await signInByHand({ address: begun.address, returnTo: both.returnTo }));
  };
  const first = await signIn();
  assert.equal(first.setCookies.length, 1);
  assert.match(first.setCookies[0]!, /^ssrms_sign_in_[0-9a-f]{16}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  assert.ok(!first.setCookies[0]!.includes(first.body.refresh_token));
  // A second tab signs in beside it.
  const second = await signIn();
  assert.equal(both.cookies.size, 2);
  const refused = async (headers: Record<string, string>, reason: RegExp): Promise<void> => {
    const { status, body } = await both.post('renew', { refresh_token: first.body.refresh_token }, headers);
    assert.equal(status, 403);
    assert.match(body.detail, reason);
  };
  const [[firstName, firstValue], [secondName, secondValue]] = [...both.cookies] as [
    [string, string],
    [string, string],
  ];
  const foreign = /did not sign in with this refresh token/;
  await refused({ cookie: '' }, foreign);
  await refused({ cookie: `${secondName}=${secondValue}` }, foreign);
  await refused({ cookie: `${firstName}=${secondValue}` }, foreign);
  await refused({ cookie: `${firstName}=${firstValue.slice(1)}` }, foreign);
  await refused({ origin: 'https://evil.example' }, /Origin header is "https:..evil\.example"/);
  await refused({ 'sec-fetch-site': 'cross-site' }, /another site/);
  for (const path of ['begin', 'finish'])
    assert.equal((await both.post(path, {}, { origin: 'https://evil.example' })).status, 403, path);
  for (const { body } of [first, second]) {
    const renewed = await both.post(
      'renew',
      { refresh_token: body.refresh_token },
      { origin: new URL(both.url).origin },
    );
    assert.equal(renewed.status, 200, renewed.text);
    const again = await both.post('renew', { refresh_token: renewed.body.refresh_token });
    assert.equal(again.status, 200, 'the next token has a cookie of its own');
  }
  assert.equal(both.cookies.size, 2, 'that of a replaced token goes');
});

test('signing in is throttled by address', async () => {
  await using both = await startBoth();
  const statuses = await Promise.all(
    Array.from({ length: 80 }, async () => (await both.post('renew', { refresh_token: 'any' })).status),
  );
  const throttled = statuses.filter((status) => status === 429).length;
  assert.ok(throttled >= 10, `${throttled} of 80 are refused`);
  const { status, body } = await both.post('begin', { return_to: both.returnTo });
  assert.equal(status, 429);
  assert.match(body.detail, /too many/);
});

test('what is not an answer to this sign-in, or is used again, gives no token', async () => {
  await using both = await startBoth();
  const [mine, another] = [await both.begin(), await both.begin()];
  const query = await signInByHand({ address: mine.address, returnTo: both.returnTo });
  const foreign = await both.finish(another, query);
  assert.equal(foreign.status, 400);
  assert.match(foreign.body.detail, /is not one to this sign-in/);
  const stolen = await both.finish({ ...mine, code_verifier: another.code_verifier }, query);
  assert.equal(stolen.status, 400, 'the code alone is worth nothing');
  assert.match(stolen.body.detail, /refused: invalid_grant/);
  assert.equal((await both.finish(mine, query)).status, 200);
  const used = await both.finish(mine, query);
  assert.equal(used.status, 400);
  for (const { text } of [foreign, stolen, used]) {
    assert.ok(!text.includes(new URLSearchParams(query).get('code')!), 'no code in an error');
    assert.ok(!text.includes(mine.code_verifier));
  }
});

test('who refuses to agree is told so', async () => {
  await using both = await startBoth();
  const begun = await both.begin();
  const query = await signInByHand({ address: begun.address, returnTo: both.returnTo, isRefusing: true });
  const { status, body } = await both.finish(begun, query);
  assert.equal(status, 400);
  assert.match(body.detail, /refused: access_denied/);
});

test('a token that is not for this system is told of at once', async () => {
  for (const [options, reason] of [
    [{ wantedAudience: 'urn:another' }, /cannot be used here: .*"aud"/],
    [{ isOpaque: true }, /cannot be used here: .*not valid/],
  ] as const) {
    await using both = await startBoth(options);
    const begun = await both.begin();
    const query = await signInByHand({ address: begun.address, returnTo: both.returnTo });
    const { status, body } = await both.finish(begun, query);
    assert.equal(status, 400);
    assert.match(body.detail, reason);
  }
});

test('an issuer that is away, or that refuses what it once gave, is told of as such', async () => {
  const warned: { issuer: string; reason: string }[] = [];
  const warn = { value: (facts: { issuer: string; reason: string }) => warned.push(facts) };
  await using both = await startBoth({ logger: Object.create(testLogger, { warn }) as Logger });
  for (const token of ['not-one-of-theirs', 'any']) both.addCookieFor(token);
  const wrong = await both.post('renew', { refresh_token: 'not-one-of-theirs' });
  assert.equal(wrong.status, 400);
  assert.ok(!wrong.text.includes('not-one-of-theirs'));
  await both.openId.close();
  const away = await both.post('renew', { refresh_token: 'any' });
  assert.equal(away.status, 503);
  assert.match(away.body.detail, /ECONNREFUSED/);
  assert.deepEqual(
    warned.map(({ issuer }) => issuer),
    [new URL(both.openId.issuer).host],
    'the log says it, and of what callers do wrong nothing',
  );
  assert.match(warned[0]!.reason, /ECONNREFUSED/);
  assert.equal(away.body.code, 'unavailable');
});

test('a field that is missing or no text is named, and its value is not shown', async () => {
  await using both = await startBoth();
  for (const [body, field] of [
    [{}, 'refresh_token'],
    [{ refresh_token: 5 }, 'refresh_token'],
    [{ refresh_token: `secret${'x'.repeat(9_000)}` }, 'refresh_token'],
  ] as const) {
    const { status, text } = await both.post('renew', body);
    assert.equal(status, 400);
    assert.match(text, new RegExp(field));
    assert.ok(!text.includes('secretx'));
  }
});

test('without an issuer people bring a token', async () => {
  const system = await startConsoleSystem({ auth: true });
  try {
    assert.deepEqual(await (await fetch(`${system.url}/api/v1/sign-in`)).json(), { issuer: null });
    const answer = await fetch(`${system.url}/api/v1/sign-in/begin`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ return_to: system.url }),
    });
    assert.equal(answer.status, 404);
  } finally {
    await system.stop();
  }
});
