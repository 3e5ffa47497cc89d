import { readFile, stat } from 'node:fs/promises';
import type { Logger } from '../base/logger.ts';
import { reasonOf } from '../base/reason.ts';

export interface RevokedTokensOptions {
  readonly ids: readonly string[];
  /** One id a line, or several with commas; what follows a # is a comment. Read again when it has changed. */
  readonly file: string | undefined;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A revocation is in force after this time at the latest. */
const checkedEveryMs = 2_000;

/**
 * The ids (jti) of tokens that are refused though they are valid. While the file cannot be read, what was read of it last
 * holds: a revoked token must not become valid by a mistake, nor all others invalid.
 */
export class RevokedTokens {
  readonly #options: RevokedTokensOptions;
  readonly #fixed: ReadonlySet<string>;
  #fromFile: ReadonlySet<string> = new Set();
  #checkedAt = -Infinity;
  #version = '';
  #failure = '';

  constructor(options: RevokedTokensOptions) {
    this.#options = options;
    this.#fixed = new Set(options.ids);
  }

  /** By what was read of the file last. */
  has(tokenId: string | undefined): boolean {
    return tokenId !== undefined && (this.#fixed.has(tokenId) || this.#fromFile.has(tokenId));
  }

  /** Reads the file, unless that was done a moment ago. Never rejects. */
  async refresh(): Promise<void> {
    const { file, now, logger } = this.#options;
    if (file === undefined || now() - this.#checkedAt < checkedEveryMs) return;
    this.#checkedAt = now();
    try {
      const { mtimeMs, size, ino } = await stat(file);
      const version = [mtimeMs, size, ino].join(' ');
      if (version === this.#version) return;
      this.#fromFile = new Set(idsIn(await readFile(file, 'utf8')));
      this.#version = version;
      this.#failure = '';
      logger.info({ file, ids: this.#fromFile.size }, 'the ids of revoked tokens were read');
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== this.#failure) logger.error({ file, reason }, 'the ids of revoked tokens cannot be read');
      this.#failure = reason;
    }
  }
}

function idsIn(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line) => line.replace(/#.*$/, '').split(','))
    .map((id) => id.trim())
    .filter((id) => id !== '');
}
