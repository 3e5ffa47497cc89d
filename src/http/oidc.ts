// Signing in at the issuer of the tokens (OpenID Connect Core 1.0, code flow with PKCE, RFC 7636). The page shows the issuer's
// window and keeps the secrets of its own attempt; all that is said to the issuer is said here, so that the page asks no other
// origin and a client's secret never leaves the server. Nothing is remembered here: any replica can finish what another began.
import * as oauth from 'oauth4webapi';
import { Failure } from '../base/failure.ts';
import type { Logger } from '../base/logger.ts';
import { reasonOf } from '../base/reason.ts';
import type { Auth } from './auth.ts';
import { SignInCookie } from './sign-in-cookie.ts';
import { demandTrustworthy } from './trustworthy.ts';

export interface OidcOptions {
  /** The issuer's address, below which its discovery document is; the claim `iss` of its tokens. */
  readonly issuer: string;
  readonly clientId: string;
  /** Of a confidential client; PKCE protects the code either way. */
  readonly clientSecret: string | undefined;
  /** The requested scopes, separated by blanks. */
  readonly scope: string;
  /** The audience that our tokens must have; some issuers give an opaque token without it. */
  readonly audience: string | undefined;
  /** Checks the issuer's token, so that a wrong audience is reported here and not as a refusal of each request. */
  readonly auth: Auth;
  readonly logger: Logger;
}

/** What the page keeps until the issuer has sent its window back. */
export interface SignInBegun {
  /** Where the issuer asks who it is. */
  readonly address: string;
  readonly state: string;
  readonly codeVerifier: string;
}

export interface SignInReturned {
  /** The query that the issuer's window came back with. */
  readonly query: string;
  readonly state: string;
  readonly codeVerifier: string;
  /** As given when the sign-in began. */
  readonly returnTo: string;
}

export interface SignedIn {
  readonly accessToken: string;
  /** Gets the next token without asking anybody; undefined when the issuer gives none. */
  readonly refreshToken: string | undefined;
}

/** The issuer's metadata seldom changes. */
const discoveredMs = 10 * 60_000;
const answerTimeoutMs = 5_000;
/** Anybody may ask us to ask the issuer. */
const askedAtOnceMax = 8;

/**
 * Each method rejects with the Failure `invalid_request` when the issuer refuses, or gives a token that is not for us, and
 * with `unavailable` when it cannot be asked right now.
 */
export class Oidc {
  /** Binds refresh tokens to the browsers that they were given to. */
  readonly cookie: SignInCookie;
  readonly #options: OidcOptions;
  readonly #client: oauth.Client;
  readonly #clientAuth: oauth.ClientAuth;
  readonly #requests: { readonly signal: () => AbortSignal; readonly [oauth.allowInsecureRequests]: boolean };
  #issuer: { readonly server: oauth.AuthorizationServer; readonly untilMs: number } | undefined;
  #asking = 0;

  /** Throws an Error, fit to be shown, when the issuer's address is not safe to use. */
  constructor(options: OidcOptions) {
    demandTrustworthy(options.issuer, 'the issuer');
    const { clientId, clientSecret } = options;
    this.#options = options;
    this.cookie = new SignInCookie(options);
    this.#client = { client_id: clientId };
    this.#clientAuth = clientSecret === undefined ? oauth.None() : oauth.ClientSecretPost(clientSecret);
    this.#requests = {
      signal: () => AbortSignal.timeout(answerTimeoutMs),
      [oauth.allowInsecureRequests]: new URL(options.issuer).protocol === 'http:',
    };
  }

  /** The issuer's host, for people. */
  get name(): string {
    return new URL(this.#options.issuer).host;
  }

  async begin(returnTo: string): Promise<SignInBegun> {
    return this.#ask(async (server) => {
      const [state, codeVerifier] = [oauth.generateRandomState(), oauth.generateRandomCodeVerifier()];
      const { clientId, scope, audience } = this.#options;
      const address = new URL(server.authorization_endpoint ?? missing('authorization_endpoint'));
      const query = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: returnTo,
        scope,
        state,
        code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        ...(audience !== undefined && { audience }),
      };
      for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
      return { address: address.href, state, codeVerifier };
    });
  }

  async finish({ query, state, codeVerifier, returnTo }: SignInReturned): Promise<SignedIn> {
    return this.#ask(async (server) => {
      const [client, auth] = [this.#client, this.#clientAuth];
      const returned = oauth.validateAuthResponse(server, client, new URLSearchParams(query), state);
      const answer = await oauth.authorizationCodeGrantRequest(
        server,
        client,
        auth,
        returned,
        returnTo,
        codeVerifier,
        this.#requests,
      );
      return this.#checked(await oauth.processAuthorizationCodeResponse(server, client, answer));
    });
  }

  async renew(refreshToken: string): Promise<SignedIn> {
    return this.#ask(async (server) => {
      const [client, auth] = [this.#client, this.#clientAuth];
      const answer = await oauth.refreshTokenGrantRequest(server, client, auth, refreshToken, this.#requests);
      const given = await this.#checked(await oauth.processRefreshTokenResponse(server, client, answer));
      // An issuer that does not rotate refresh tokens leaves the old one out of its answer.
      return { ...given, refreshToken: given.refreshToken ?? refreshToken };
    });
  }

  async #checked(given: oauth.TokenEndpointResponse): Promise<SignedIn> {
    try {
      await this.#options.auth.identify(`Bearer ${given.access_token}`);
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'unauthorized') throw error;
      this.#warn(`its token cannot be used here: ${error.message}`);
      throw new Failure('invalid_request', `the token that ${this.name} gave cannot be used here: ${error.message}`);
    }
    return { accessToken: given.access_token, refreshToken: given.refresh_token };
  }

  async #ask<Value>(ask: (server: oauth.AuthorizationServer) => Promise<Value>): Promise<Value> {
    if (this.#asking >= askedAtOnceMax) throw new Failure('unavailable', 'too many sign in at once', again);
    this.#asking++;
    try {
      return await ask(await this.#discovered());
    } catch (error) {
      throw error instanceof Failure ? error : this.#failureOf(error);
    } finally {
      this.#asking--;
    }
  }

  async #discovered(): Promise<oauth.AuthorizationServer> {
    if (this.#issuer !== undefined && performance.now() < this.#issuer.untilMs) return this.#issuer.server;
    const address = new URL(this.#options.issuer);
    const answer = await oauth.discoveryRequest(address, this.#requests);
    const server = await oauth.processDiscoveryResponse(address, answer);
    this.#issuer = { server, untilMs: performance.now() + discoveredMs };
    return server;
  }

  /** The issuer's reason for a refusal is shown as text; the request itself, with its code, never is. */
  #failureOf(error: unknown): Failure {
    if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError) {
      const why = [error.error, error.error_description]
        .filter((part) => part !== undefined)
        .join(': ')
        .slice(0, 300);
      // Users cancel or come late every day; a refusal of the client itself is a matter of the configuration.
      if (error.error === 'invalid_client' || error.error === 'unauthorized_client') this.#warn(why);
      return new Failure('invalid_request', `${this.name} refused: ${why}`);
    }
    if (error instanceof oauth.OperationProcessingError && error.code === oauth.INVALID_RESPONSE) {
      return new Failure('invalid_request', `the answer of ${this.name} is not one to this sign-in: begin again`);
    }
    const reason = reasonOf(error).slice(0, 200);
    this.#warn(reason);
    return new Failure('unavailable', `${this.name} cannot be asked right now (${reason})`, again);
  }

  #warn(reason: string): void {
    this.#options.logger.warn({ issuer: this.name, reason }, 'nobody can sign in at the issuer');
  }
}

const again = { retryAfterSeconds: 5 };

function missing(field: string): never {
  throw new Error(`its discovery document has no ${field}`);
}
