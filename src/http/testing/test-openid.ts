// A certified OpenID provider (the package oidc-provider) on loopback, with its own pages to sign in and to agree.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider, type Configuration } from 'oidc-provider';
import type { Logger } from '../../base/logger.ts';
import { Meter } from '../../base/meter.ts';
import { createAuth, type Auth } from '../auth.ts';
import { Oidc } from '../oidc.ts';
import { testLogger } from './test-server.ts';

export const openIdScopes = 'rules:read rules:write alarms:read';
export const openIdAudience = 'urn:ssrms:test';

export interface OpenIdOptions {
  /** Of its tokens. */
  readonly lifetimeSeconds?: number;
  /** Of a confidential client. */
  readonly clientSecret?: string;
  /** The audience that we ask of tokens, when it is not the one that they have. */
  readonly wantedAudience?: string;
  /** Whether it gives tokens that are no JWTs. */
  readonly isOpaque?: boolean;
  /** What is told when nobody can sign in. */
  readonly logger?: Logger;
}

export interface TestOpenId extends AsyncDisposable {
  readonly issuer: string;
  readonly auth: Auth;
  readonly oidc: Oidc;
  /** Takes a client's page into its books: from then on people can sign in. */
  register(returnTo: string): Promise<void>;
  close(): Promise<void>;
}

export async function startOpenId(options: OpenIdOptions = {}): Promise<TestOpenId> {
  let answer: ReturnType<Provider['callback']> | undefined;
  const server: Server = createServer((request, response) => {
    if (answer === undefined) response.writeHead(503).end();
    else void answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { clientSecret, wantedAudience: audience = openIdAudience } = options;
  const keys = { jwksUrl: `${issuer}/jwks` };
  const auth = createAuth({ keys, issuer, audience, logger: testLogger, meter: new Meter() });
  const client = { clientId: 'the-page', clientSecret, scope: `openid ${openIdScopes}` };
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
  };
  return {
    issuer,
    auth,
    oidc: new Oidc({ ...client, issuer, audience, auth, logger: options.logger ?? testLogger }),
    async register(returnTo) {
      answer = providerOf(issuer, await configurationOf(options, returnTo)).callback();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Without its warnings that it is set up for tests. */
function providerOf(issuer: string, configuration: Configuration): Provider {
  const { warn } = console;
  console.warn = () => {};
  try {
    return new Provider(issuer, configuration);
  } finally {
    console.warn = warn;
  }
}

async function configurationOf(options: OpenIdOptions, returnTo: string): Promise<Configuration> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const { clientSecret, lifetimeSeconds = 3_600, isOpaque = false } = options;
  return {
    clients: [
      {
        client_id: 'the-page',
        redirect_uris: [returnTo],
        grant_types: ['authorization_code', 'refresh_token'],
        id_token_signed_response_alg: 'ES256',
        ...(clientSecret === undefined
          ? { token_endpoint_auth_method: 'none' }
          : { token_endpoint_auth_method: 'client_secret_post', client_secret: clientSecret }),
      },
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'k1', alg: 'ES256', use: 'sig' }] },
    cookies: { keys: ['of a test'] },
    scopes: ['openid'],
    findAccount: (_context, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    issueRefreshToken: async () => true,
    ttl: {
      AccessToken: lifetimeSeconds,
      Grant: 3_600,
      IdToken: 3_600,
      Interaction: 3_600,
      Session: 3_600,
      RefreshToken: 3_600,
    },
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => openIdAudience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: openIdScopes,
          audience: openIdAudience,
          accessTokenTTL: lifetimeSeconds,
          ...(isOpaque
            ? { accessTokenFormat: 'opaque' }
            : { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
        }),
      },
    },
  };
}

export interface SignIn {
  readonly address: string;
  /** Where the provider sends the window back to. */
  readonly returnTo: string;
  /** Whether the one who signs in refuses to agree. */
  readonly isRefusing?: boolean;
}

/** Signs in as people do, without a browser: resolves to the query that the provider's window comes back with. */
export async function signInByHand({ address, returnTo, isRefusing = false }: SignIn): Promise<string> {
  const cookies = new Map<string, string>();
  let next: { readonly url: string; readonly form?: Record<string, string> } = { url: address };
  // A sign-in is six requests.
  for (let asked = 0; asked < 20; asked++) {
    const answer = await fetch(next.url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(next.form !== undefined && { method: 'POST', body: new URLSearchParams(next.form) }),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
      cookies.set(name!, value!);
    }
    const to = answer.headers.get('location');
    if (to?.startsWith(`${returnTo}?`) === true) return to.slice(returnTo.length + 1);
    if (to !== null) {
      next = { url: new URL(to, next.url).href };
      continue;
    }
    const page = await answer.text();
    const [, action] = /<form[^>]* action="([^"]+)"/.exec(page) ?? [];
    const [, prompt] = /name="prompt" value="([^"]+)"/.exec(page) ?? [];
    const [, abort] = /href="([^"]+\/abort)"/.exec(page) ?? [];
    if (action === undefined || prompt === undefined) throw new Error(`no form to sign in with: ${page.slice(0, 500)}`);
    next =
      isRefusing && abort !== undefined
        ? { url: new URL(abort, next.url).href }
        : { url: new URL(action, next.url).href, form: { prompt, login: 'ann', password: 'any' } };
  }
  throw new Error('the provider sends in circles');
}
