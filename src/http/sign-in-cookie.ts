// What binds a refresh token to the browser in which somebody signed in. The page keeps the token and sends it to be renewed;
// the cookie, which no script can read, says that this token was given to this browser. Whoever has only the token cannot let
// us renew it with the secret of our client. Nothing is remembered here, so that any replica can check what another made: the
// cookie is an HMAC of the token, by a key that comes from the client's secret.
import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { Failure } from '../base/failure.ts';

/** Each sign-in has a cookie of its own, so that two tabs do not sign each other out. Of forgotten ones the surplus goes. */
const prefix = 'ssrms_sign_in_';
const cookiesMax = 8;

export interface SignInCookieOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** Without it there is no secret that could be lent, and the key is one that anybody can make. */
  readonly clientSecret: string | undefined;
}

export class SignInCookie {
  readonly #key: Buffer;

  constructor({ issuer, clientId, clientSecret = '' }: SignInCookieOptions) {
    this.#key = Buffer.from(hkdfSync('sha256', clientSecret, 'ssrms sign-in cookie', `${issuer} ${clientId}`, 32));
  }

  /** Throws the Failure `forbidden` unless the cookie for this token came with the request. */
  demand(cookieHeader: string | undefined, refreshToken: string): void {
    const given = cookiesIn(cookieHeader).get(nameFor(refreshToken));
    const expected = this.#value(refreshToken);
    if (given !== undefined && given.length === expected.length) {
      if (timingSafeEqual(Buffer.from(given), Buffer.from(expected))) return;
    }
    throw new Failure('forbidden', 'this browser did not sign in with this refresh token: sign in again');
  }

  /** The Set-Cookie headers after a refresh token was given, which took the place of another or is the first. */
  headersFor(
    refreshToken: string,
    { replaced, cookieHeader, isSecure }: { replaced?: string; cookieHeader: string | undefined; isSecure: boolean },
  ): string[] {
    const attributes = `Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
    const own = nameFor(refreshToken);
    const others = [...cookiesIn(cookieHeader).keys()].filter((name) => name.startsWith(prefix) && name !== own);
    const gone = new Set(others.slice(0, Math.max(0, others.length - cookiesMax + 1)));
    if (replaced !== undefined && nameFor(replaced) !== own) gone.add(nameFor(replaced));
    return [
      `${own}=${this.#value(refreshToken)}; ${attributes}`,
      ...[...gone].map((name) => `${name}=; Max-Age=0; ${attributes}`),
    ];
  }

  #value(refreshToken: string): string {
    return createHmac('sha256', this.#key).update(refreshToken).digest('base64url');
  }
}

function nameFor(refreshToken: string): string {
  return prefix + createHash('sha256').update(refreshToken).digest('hex').slice(0, 16);
}

function cookiesIn(header = ''): Map<string, string> {
  const pairs = header.split(';').map((pair) => pair.trim().split('=', 2));
  return new Map(pairs.map(([name = '', value = '']) => [name, value]));
}
