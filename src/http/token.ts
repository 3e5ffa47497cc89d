import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { secretKey } from './auth.ts';
import type { Scope } from './scope.ts';

export interface TokenRequest {
  readonly secret: string;
  readonly subject: string;
  readonly scopes: readonly Scope[];
  readonly lifetimeSeconds: number;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** The id to revoke it by (jti); default: a new UUID. */
  readonly tokenId?: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** A token for a development secret, HS256. Rejects with an Error, fit to be shown, when the secret is too weak. */
export async function signToken(request: TokenRequest): Promise<string> {
  const issuedAt = Math.floor(request.nowMs / 1000);
  const token = new SignJWT({ scope: request.scopes.join(' ') })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(request.subject)
    .setJti(request.tokenId ?? randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + request.lifetimeSeconds);
  if (request.issuer !== undefined) token.setIssuer(request.issuer);
  if (request.audience !== undefined) token.setAudience(request.audience);
  return token.sign(secretKey(request.secret, true));
}
