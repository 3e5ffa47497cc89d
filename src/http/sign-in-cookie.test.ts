import { test } from 'node:test';
import assert from 'node:assert/strict';
import { SignInCookie } from './sign-in-cookie.ts';

const client = { issuer: 'https://issuer.test', clientId: 'page' };
const pairOf = (header: string): string => header.split(';')[0]!;

test('a cookie of the same client is valid on every replica, and of no other client', () => {
  const [one, replica] = [
    new SignInCookie({ ...client, clientSecret: 'a' }),
    new SignInCookie({ ...client, clientSecret: 'a' }),
  ];
  const pair = pairOf(one.headersFor('token', { cookieHeader: undefined, isSecure: true })[0]!);
  replica.demand(`theme=dark; ${pair}`, 'token');
  const other = new SignInCookie({ ...client, clientSecret: 'b' });
  assert.throws(() => other.demand(pair, 'token'), { code: 'forbidden' });
});

test('over https it is sent over https alone; of forgotten sign-ins the oldest go', () => {
  const cookie = new SignInCookie({ ...client, clientSecret: 'a' });
  const [header = ''] = cookie.headersFor('token', { cookieHeader: undefined, isSecure: true });
  assert.match(header, /; HttpOnly; SameSite=Strict; Secure$/);
  const many = Array.from({ length: 10 }, (_, index) =>
    pairOf(cookie.headersFor(`token-${index}`, { cookieHeader: undefined, isSecure: true })[0]!),
  );
  const headers = cookie.headersFor('token', { cookieHeader: `a=b; ${many.join('; ')}`, isSecure: true });
  assert.equal(headers.filter((each) => each.includes('Max-Age=0')).length, 3);
  assert.ok(headers[1]!.startsWith(`${many[0]!.split('=')[0]}=;`));
});
