import { Failure, fieldsFailure } from '../../base/failure.ts';
import { tokenBytesMax } from '../../http/limits.ts';
import type { Oidc, SignedIn } from '../../http/oidc.ts';
import { answers, documented } from '../../http/open-api.ts';
import type { Routes } from '../../http/http-app.ts';
import { SignedInView, SignInBegin, SignInBegun, SignInFinish, SignInRenew, SignInView } from '../../wire/sign-in.ts';

/** How people sign in at the issuer of the tokens. Public: who calls has no token yet. */
export function signInRoutes(oidc: Oidc | undefined): Routes {
  const config = { public: true as const };
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    app.get(
      '/api/v1/sign-in',
      { config, schema: { summary: 'How people sign in', response: answers({ 200: SignInView }) } },
      async (_request, reply) => reply.send({ issuer: oidc?.name ?? null }),
    );
    app.post(
      '/api/v1/sign-in/begin',
      {
        config,
        schema: {
          summary: 'Begin to sign in at the issuer',
          body: documented(SignInBegin),
          response: answers({ 200: SignInBegun }, 400, 404, 413, 415, 503),
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
          response: answers({ 200: SignedInView }, 400, 404, 413, 415, 503),
        },
      },
      async (request, reply) => {
        const given = textsOf<keyof SignInFinish>(request.body, ['query', 'state', 'code_verifier', 'return_to']);
        const { query, state, code_verifier: codeVerifier, return_to: back } = given;
        return reply.send(tokensOf(await demanded(oidc).finish({ query, state, codeVerifier, returnTo: back })));
      },
    );
    app.post(
      '/api/v1/sign-in/renew',
      {
        config,
        schema: {
          summary: 'Take the next token before this one ends',
          body: documented(SignInRenew),
          response: answers({ 200: SignedInView }, 400, 404, 413, 415, 503),
        },
      },
      async (request, reply) => {
        const { refresh_token: refreshToken } = textsOf<keyof SignInRenew>(request.body, ['refresh_token']);
        return reply.send(tokensOf(await demanded(oidc).renew(refreshToken)));
      },
    );
  };
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
