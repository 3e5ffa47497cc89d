import { Failure, fieldsFailure } from '../../base/failure.ts';
import { Allowance } from '../../http/allowance.ts';
import { tokenBytesMax } from '../../http/limits.ts';
import type { Oidc, SignedIn } from '../../http/oidc.ts';
import { answers, documented } from '../../http/open-api.ts';
import type { Routes } from '../../http/http-app.ts';
import { SignedInView, SignInBegin, SignInBegun, SignInFinish, SignInRenew, SignInView } from '../../wire/sign-in.ts';

const failures = [400, 403, 404, 413, 415, 429, 503];

/** Behind a proxy all people have one address. Each signs in once, and is renewed every few minutes. */
const signInRate = { perSecond: 2, burst: 60 };

/** How people sign in at the issuer of the tokens. Public: who calls has no token yet. */
export function signInRoutes(oidc: Oidc | undefined): Routes {
  const config = { public: true as const, ownPageOnly: true as const };
  const allowance = new Allowance({ ...signInRate, detail: () => 'too many sign in from this address at once' });
  return (app) => {
    app.addHook('onRequest', async (request, reply) => {
      reply.header('cache-control', 'no-store');
      if (request.method === 'POST') allowance.take(request.ip);
    });
    app.get(
      '/api/v1/sign-in',
      { config: { public: true }, schema: { summary: 'How people sign in', response: answers({ 200: SignInView }) } },
      async (_request, reply) => reply.send({ issuer: oidc?.name ?? null }),
    );
    app.post(
      '/api/v1/sign-in/begin',
      {
        config,
        schema: {
          summary: 'Begin to sign in at the issuer',
          body: documented(SignInBegin),
          response: answers({ 200: SignInBegun }, ...failures),
        },
      },
      async (request, reply) => {
        const given = textsOf<keyof SignInBegin>(request.body, ['return_to']);
        const { address, state, codeVerifier } = await demanded(oidc).begin(given.return_to);
        return reply.send({ address, state, code_verifier: codeVerifier });
      },
    );
    app.post(
      '/api/v1/sign-in/finish',
      {
        config,
        schema: {
          summary: 'Take the token, once the issuer has sent the window back',
          body: documented(SignInFinish),
          response: answers({ 200: SignedInView }, ...failures),
        },
      },
      async (request, reply) => {
        const given = textsOf<keyof SignInFinish>(request.body, ['query', 'state', 'code_verifier', 'return_to']);
        const { query, state, code_verifier: codeVerifier, return_to: back } = given;
        const client = demanded(oidc);
        const signedIn = await client.finish({ query, state, codeVerifier, returnTo: back });
        setCookies(reply, client, { signedIn, isSecure: isSecureAddress(back) });
        return reply.send(tokensOf(signedIn));
      },
    );
    app.post(
      '/api/v1/sign-in/renew',
      {
        config,
        schema: {
          summary: 'Take the next token before this one ends',
          body: documented(SignInRenew),
          response: answers({ 200: SignedInView }, ...failures),
        },
      },
      async (request, reply) => {
        const { refresh_token: refreshToken } = textsOf<keyof SignInRenew>(request.body, ['refresh_token']);
        const client = demanded(oidc);
        client.cookie.demand(request.headers.cookie, refreshToken);
        const signedIn = await client.renew(refreshToken);
        const isSecure = isSecureAddress(request.headers.origin);
        setCookies(reply, client, { signedIn, isSecure, replaced: refreshToken });
        return reply.send(tokensOf(signedIn));
      },
    );
  };
}

interface Reply {
  readonly request: { readonly headers: { readonly cookie?: string | undefined } };
  header(name: string, values: string[]): unknown;
}

interface Bound {
  readonly signedIn: SignedIn;
  readonly isSecure: boolean;
  readonly replaced?: string;
}

/** Binds the refresh token to this browser, in place of the one that it replaces. */
function setCookies(reply: Reply, oidc: Oidc, { signedIn, ...more }: Bound): void {
  const { refreshToken } = signedIn;
  const { cookie: cookieHeader } = reply.request.headers;
  if (refreshToken !== undefined)
    reply.header('set-cookie', oidc.cookie.headersFor(refreshToken, { ...more, cookieHeader }));
}

/** Browsers keep a cookie with Secure of an address with https alone; a proxy may have taken it off. */
function isSecureAddress(address: string | undefined): boolean {
  return address?.startsWith('https:') === true;
}

function demanded(oidc: Oidc | undefined): Oidc {
  if (oidc === undefined)
    throw new Failure('not_found', 'nobody signs in at an issuer here: OIDC_CLIENT_ID is not set');
  return oidc;
}

function tokensOf({ accessToken, refreshToken }: SignedIn): SignedInView {
  return { access_token: accessToken, refresh_token: refreshToken };
}

/** The fields of a body, each a text. They are secrets, so that no refusal shows a value. */
function textsOf<Name extends string>(body: unknown, names: readonly Name[]): Record<Name, string> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Failure('invalid_request', 'the body must be a JSON object');
  const given = body as Partial<Record<string, unknown>>;
  const wrong = names.filter((name) => {
    const value = given[name];
    return typeof value !== 'string' || value === '' || value.length > tokenBytesMax;
  });
  if (wrong.length > 0) {
    throw fieldsFailure(
      wrong.map((field) => ({
        field,
        code: field in given ? 'invalid_field' : 'missing_field',
        message: `${field} must be a text of 1 to ${tokenBytesMax} characters`,
      })),
    );
  }
  return given as Record<Name, string>;
}
