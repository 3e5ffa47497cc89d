import {
  createLocalJWKSet,
  errors,
  type CompactJWSHeaderParameters,
  type FlattenedJWSInput,
  type JSONWebKeySet,
} from 'jose';
import { Failure } from '../base/failure.ts';
import type { Logger } from '../base/logger.ts';

/** Keys are published at least this long before their first use, so a set as old as this knows every key in use. */
const freshMs = 10 * 60_000;
/** However many unknown key ids come, the issuer is asked once in this time. */
const cooldownMs = 30_000;
const answerTimeoutMs = 5_000;
const answerBytesMax = 256 * 1024;

type LocalKeySet = ReturnType<typeof createLocalJWKSet>;

export interface KeySetOptions {
  readonly url: string;
  readonly logger: Logger;
  /** Milliseconds since the epoch, injected for tests. */
  readonly now: () => number;
}

/**
 * The issuer's public keys (JWKS). Asked anew when ten minutes old, or when a token names a key that is not among them.
 * When the issuer cannot be reached the last good set serves on: refusing valid tokens loses their senders' data. Without
 * any set a call rejects with the Failure `unavailable`, never lets a token pass.
 */
export class KeySet {
  readonly #options: KeySetOptions;
  #keys: LocalKeySet | undefined;
  #loadedAt = -Infinity;
  #triedAt = -Infinity;
  #loading: Promise<void> | undefined;

  constructor(options: KeySetOptions) {
    assertTrustworthy(options.url);
    this.#options = options;
  }

  /** The key for a token's header, as jose asks for it. */
  readonly find = async (header: CompactJWSHeaderParameters, token: FlattenedJWSInput) => {
    if (this.#options.now() - this.#loadedAt > freshMs) {
      // With older keys at hand nobody waits for an issuer that may hang.
      const refreshed = this.#refresh();
      if (this.#keys === undefined) await refreshed;
    }
    if (this.#keys === undefined) {
      throw new Failure('unavailable', 'the keys that tokens are checked with cannot be had right now', {
        retryAfterSeconds: 5,
      });
    }
    try {
      return await this.#keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await this.#refresh())) throw error;
      return this.#keys(header, token);
    }
  };

  /** Resolves to whether the issuer was asked: not within the cooldown of the last time. */
  async #refresh(): Promise<boolean> {
    if (this.#loading === undefined) {
      if (this.#options.now() - this.#triedAt < cooldownMs) return false;
      this.#triedAt = this.#options.now();
      this.#loading = this.#load().finally(() => (this.#loading = undefined));
    }
    await this.#loading;
    return true;
  }

  async #load(): Promise<void> {
    try {
      const set = await fetchKeySet(this.#options.url);
      this.#keys = createLocalJWKSet(set);
      this.#loadedAt = this.#options.now();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.logger.error(
        { reason, haveOlderKeys: this.#keys !== undefined },
        'the key set could not be loaded',
      );
    }
  }
}

/** Whoever answers at this address decides who may do what. Plain http is for a neighbour on the same machine. */
function assertTrustworthy(address: string): void {
  const url = new URL(address);
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) return;
  throw new Error(`the address of the key set is ${url.origin}, and must be https (or http on loopback)`);
}

async function fetchKeySet(url: string): Promise<JSONWebKeySet> {
  const answer = await fetch(url, {
    redirect: 'error',
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal: AbortSignal.timeout(answerTimeoutMs),
  });
  if (answer.status !== 200) {
    await answer.body?.cancel();
    throw new Error(`the issuer answered ${answer.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error(`the answer is longer than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as JSONWebKeySet;
}
