// An issuer of tokens for tests: a real server that shows its public keys, counts who asks, and fails as it is told to.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function signingKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** `silent` takes the question and never answers. */
export type IssuerMode = 'good' | 'down' | 'huge' | 'text' | 'silent';

export interface TestIssuer extends AsyncDisposable {
  readonly jwksUrl: string;
  /** The keys that it shows. */
  keys: readonly SigningKey[];
  mode: IssuerMode;
  calls: number;
  /** Cuts the connections of those who wait for an answer. */
  giveUp(): void;
  close(): Promise<void>;
}

export async function startIssuer(keys: readonly SigningKey[]): Promise<TestIssuer> {
  const server = createServer((_request, response) => {
    issuer.calls++;
    const set = JSON.stringify({ keys: issuer.keys.map((key) => key.jwk) });
    if (issuer.mode === 'down') response.writeHead(500).end();
    if (issuer.mode === 'text') response.end('hello');
    if (issuer.mode === 'huge') response.end(set + ' '.repeat(10 * 1024 * 1024));
    if (issuer.mode === 'good') response.end(set);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
  };
  const issuer: TestIssuer = {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    keys,
    mode: 'good',
    calls: 0,
    giveUp: () => server.closeAllConnections(),
    close,
    [Symbol.asyncDispose]: close,
  };
  return issuer;
}

export interface SignedToken {
  readonly nowMs: number;
  readonly scope: string;
  readonly header?: object;
}

/** A token of its own each time, so that no verification of another one is remembered for it. Lasts two hours. */
export async function signedBy(key: SigningKey, { nowMs, scope, header = {} }: SignedToken): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1000);
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .setSubject('a')
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + 7_200)
    .setJti(String(Math.random()))
    .sign(key.privateKey);
}
