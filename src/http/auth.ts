import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose';
import { Failure } from '../base/failure.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { KeySet } from './key-set.ts';
import { keyIdCharactersMax, secretBytesMin, tokenBytesMax } from './limits.ts';
import { RevokedTokens } from './revoked-tokens.ts';
import type { Identity } from './scope.ts';

export interface AuthOptions {
  /** One source of keys: with both, a public key could be passed off as a secret. */
  readonly keys:
    | { readonly secret: string; readonly previousSecret?: string | undefined }
    | { readonly jwksUrl: string };
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** The greatest age of a token (now - iat), regardless of its exp. */
  readonly maxTokenAgeSeconds?: number;
  /** Tokens that are refused by their id (jti). */
  readonly revoked?: { readonly ids: readonly string[]; readonly file: string | undefined };
  /** Lets secrets pass that stand in tutorials. For development alone. */
  readonly allowSampleSecrets?: boolean;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface Auth {
  /**
   * Who sends this Authorization header. Rejects with the Failure `unauthorized`, or `unavailable` when no keys can be had.
   */
  identify(authorization: string | undefined): Promise<Identity>;
}

const clockToleranceSeconds = 30;
const maxTokenAgeSecondsDefault = 400 * 24 * 3600;
/** Every refusal takes at least this long, so that its duration does not reveal how far a guess came. */
const refusalMsMin = 10;
const cachedTokensMax = 10_000;
/** A key that the issuer withdrew stops working after this time at the latest. */
const cachedKeySetMs = 10 * 60_000;
/** Clients such as Prometheus drop data when their token expires, so warn while there is time. */
const expiresSoonMs = 7 * 24 * 3600_000;

/** Secrets of at least 32 bytes that stand in well-known pages. */
const sampleSecrets = new Set([
  'a-string-secret-at-least-256-bits-long',
  'your-256-bit-secret-your-256-bit-secret',
  'your-very-long-secret-at-least-32-bytes',
  'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
]);

/** Throws an Error, fit to be shown, when the keys are not safe to use. */
export function createAuth(options: AuthOptions): Auth {
  const now = options.now ?? Date.now;
  const verify = verifier(options, now);
  const fromKeySet = 'jwksUrl' in options.keys;
  const known = new Map<string, { identity: Identity; tokenId: string | undefined; untilMs: number }>();
  const { ids = [], file } = options.revoked ?? {};
  const revoked = new RevokedTokens({ ids, file, logger: options.logger, now });
  const refused = options.meter.counter('auth_refused_total', 'Tokens that were refused');
  const expiring = options.meter.counter(
    'auth_tokens_expiring_total',
    'Tokens seen that last less than seven days more',
  );

  async function identifyToken(token: string): Promise<Identity> {
    const key = hash('sha256', token, 'base64');
    await revoked.refresh();
    const cached = known.get(key);
    if (cached !== undefined && now() < cached.untilMs) {
      if (revoked.has(cached.tokenId)) throw tokenRevoked();
      return cached.identity;
    }
    known.delete(key);
    const payload = await verify(token);
    const { jti: tokenId } = payload;
    if (revoked.has(tokenId)) throw tokenRevoked();
    const expMs = payload.exp! * 1000;
    const isOver = (nowMs: number): boolean => expMs <= nowMs || revoked.has(tokenId);
    const identity = { ...identityOf(payload), isOver };
    if (known.size >= cachedTokensMax) known.delete(known.keys().next().value!);
    known.set(key, { identity, tokenId, untilMs: fromKeySet ? Math.min(expMs, now() + cachedKeySetMs) : expMs });
    if (isSoonOver(payload, now())) {
      expiring.inc();
      options.logger.warn({ subject: identity.subject, expires: new Date(expMs) }, 'a token in use will expire soon');
    }
    return identity;
  }

  return {
    async identify(authorization) {
      const begin = performance.now();
      try {
        return await identifyToken(tokenOf(authorization));
      } catch (error) {
        if (error instanceof Failure && error.code === 'unavailable') throw error;
        refused.inc();
        await sleep(Math.max(0, refusalMsMin - (performance.now() - begin)));
        throw error instanceof Failure ? error : refusal(error);
      }
    },
  };
}

/** Throws an Error, without the secret, unless the secret is fit for HS256. */
export function secretKey(secret: string, allowSampleSecrets = false): Uint8Array {
  const key = new TextEncoder().encode(secret);
  if (key.length < secretBytesMin) {
    throw new Error(`the JWT secret has ${key.length} bytes, and needs at least ${secretBytesMin}`);
  }
  if (!allowSampleSecrets && (sampleSecrets.has(secret) || new Set(secret).size < 8)) {
    throw new Error('the JWT secret is a well-known sample or hardly varied: make one with "openssl rand -base64 48"');
  }
  return key;
}

function verifier(options: AuthOptions, now: () => number): (token: string) => Promise<JWTPayload> {
  const common = (): JWTVerifyOptions => ({
    requiredClaims: ['exp', 'iat', 'sub'],
    clockTolerance: clockToleranceSeconds,
    maxTokenAge: options.maxTokenAgeSeconds ?? maxTokenAgeSecondsDefault,
    currentDate: new Date(now()),
    ...(options.issuer !== undefined && { issuer: options.issuer }),
    ...(options.audience !== undefined && { audience: options.audience }),
  });
  if ('secret' in options.keys) {
    const { secret, previousSecret } = options.keys;
    const [key, ...older] = [secret, previousSecret]
      .filter((each) => each !== undefined)
      .map((each) => secretKey(each, options.allowSampleSecrets));
    const verifyWith = async (token: string, each: Uint8Array): Promise<JWTPayload> =>
      (await jwtVerify(token, each, { ...common(), algorithms: ['HS256'] })).payload;
    return async (token) => {
      try {
        return await verifyWith(token, key!);
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed) || older[0] === undefined) throw error;
        return verifyWith(token, older[0]);
      }
    };
  }
  const keySet = new KeySet({ url: options.keys.jwksUrl, logger: options.logger, now });
  return async (token) => {
    const find: typeof keySet.find = (header, input) => {
      if (typeof header.kid === 'string' && header.kid.length > keyIdCharactersMax) {
        throw new errors.JWKSNoMatchingKey();
      }
      return keySet.find(header, input);
    };
    try {
      return (await jwtVerify(token, find, { ...common(), algorithms: ['RS256', 'ES256', 'EdDSA'] })).payload;
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof Failure) throw error;
      // jose and the cryptography below throw errors of many kinds at a key that is too short or malformed.
      throw new Failure(
        'unauthorized',
        'the key that the token names cannot be used: RSA keys have 2,048 bits or more',
      );
    }
  };
}

/** The token of an Authorization header. `Token` is how Telegraf and the Influx clients call what others call `Bearer`. */
function tokenOf(authorization: string | undefined): string {
  if (authorization === undefined || authorization === '') {
    throw new Failure('unauthorized', 'the request has no Authorization header: send "Authorization: Bearer <token>"');
  }
  const match = /^(?:bearer|token) +([\w.~+/=-]+) *$/i.exec(authorization);
  if (match === null) {
    throw new Failure('unauthorized', 'the Authorization header is not of the form "Bearer <token>"');
  }
  if (match[1]!.length > tokenBytesMax)
    throw new Failure('unauthorized', `the token is longer than ${tokenBytesMax} bytes`);
  return match[1]!;
}

/** Why a token was refused. Its claims are only spoken of once its signature was found good, so guesses learn nothing. */
function refusal(error: unknown): Failure {
  if (error instanceof errors.JWTExpired && error.claim === 'exp')
    return new Failure('unauthorized', 'the token has expired');
  if (error instanceof errors.JWTExpired)
    return new Failure('unauthorized', 'the token is older than this service accepts');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new Failure('unauthorized', `the token's claim "${error.claim}" is missing or not the one required here`);
  }
  if (error instanceof errors.JOSEError) return new Failure('unauthorized', 'the token is not valid');
  throw error;
}

function tokenRevoked(): Failure {
  return new Failure('unauthorized', 'the token was revoked');
}

function identityOf(payload: JWTPayload): Omit<Identity, 'isOver'> {
  const subject = payload.sub ?? '';
  if (subject === '' || subject.length > 255) {
    throw new Failure('unauthorized', 'the token\'s claim "sub" must have 1 to 255 characters');
  }
  const claims = [payload['scope'], payload['scp']].flat();
  const scopes = claims.filter((claim) => typeof claim === 'string').flatMap((claim) => claim.split(' '));
  return { subject, scopes: new Set(scopes.filter((scope) => scope !== '')) };
}

/** Whether a token made to last more than two weeks has less than one left. Short ones are renewed as a matter of course. */
function isSoonOver(payload: JWTPayload, nowMs: number): boolean {
  const lifetimeMs = (payload.exp! - payload.iat!) * 1000;
  return lifetimeMs > 2 * expiresSoonMs && payload.exp! * 1000 - nowMs < expiresSoonMs;
}
