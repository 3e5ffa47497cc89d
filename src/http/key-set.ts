import { setTimeout as sleep } from 'node:timers/promises';
import {
  createLocalJWKSet,
  errors,
  type CompactJWSHeaderParameters,
  type FlattenedJWSInput,
  type JSONWebKeySet,
} from 'jose';
import { Failure } from '../base/failure.ts';
import type { Logger } from '../base/logger.ts';
import { reasonOf } from '../base/reason.ts';
import { demandTrustworthy } from './trustworthy.ts';

/** Keys are published at least this long before their first use, so a set as old as this knows every key in use. */
const freshMs = 10 * 60_000;
/** However many unknown key ids come, the issuer is asked once in this time. */
const cooldownMs = 30_000;
const answerTimeoutMs = 5_000;
/** A caller waits no longer for the issuer: some senders give up after 5 s. */
const waitMsMax = 2_000;
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
 * When the issuer cannot be reached the last good set serves on: refusing valid tokens loses their senders' data. A key that is
 * not in it may then be a new one, so a call rejects with the Failure `unavailable`, and its sender keeps what it has. Nobody
 * passes without a key.
 */
export class KeySet {
  readonly #options: KeySetOptions;
  #keys: LocalKeySet | undefined;
  #loadedAt = -Infinity;
  #triedAt = -Infinity;
  #loading: Promise<void> | undefined;
  /** Whether the issuer failed to answer the last time. */
  #isAway = false;

  constructor(options: KeySetOptions) {
    demandTrustworthy(options.url, 'the key set');
    this.#options = options;
  }

  /** The key for a token's header, as jose asks for it. */
  readonly find = async (header: CompactJWSHeaderParameters, token: FlattenedJWSInput) => {
    if (this.#options.now() - this.#loadedAt > freshMs) {
      const refreshed = this.#refresh();
      // With older keys at hand no request waits for an issuer that may hang.
      if (this.#keys === undefined) await refreshed;
    }
    const keys = this.#keys;
    if (keys === undefined) throw keysUnavailable();
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#refresh();
      if (this.#isAway || this.#loading !== undefined) throw keysUnavailable();
      return this.#keys!(header, token);
    }
  };

  /** Asks the issuer, unless that was done within the cooldown. Resolves when it has answered, or has let us wait for long. */
  async #refresh(): Promise<void> {
    if (this.#loading === undefined) {
      if (this.#options.now() - this.#triedAt < cooldownMs) return;
      this.#triedAt = this.#options.now();
      this.#loading = this.#load().finally(() => (this.#loading = undefined));
    }
    await Promise.race([this.#loading, sleep(waitMsMax, undefined, { ref: false })]);
  }

  async #load(): Promise<void> {
    try {
      const set = await fetchKeySet(this.#options.url);
      this.#keys = createLocalJWKSet(set);
      this.#loadedAt = this.#options.now();
      this.#isAway = false;
    } catch (error) {
      this.#isAway = true;
      this.#options.logger.error(
        { reason: reasonOf(error), haveOlderKeys: this.#keys !== undefined },
        'the key set could not be loaded',
      );
    }
  }
}

function keysUnavailable(): Failure {
  return new Failure('unavailable', 'the keys that tokens are checked with cannot be had right now', {
    retryAfterSeconds: 5,
  });
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
