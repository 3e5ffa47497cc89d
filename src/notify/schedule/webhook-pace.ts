/**
 * When the next request to one key may be made: after its rate limit and the back-off that follows failures. Also counts the 5xx
 * in a row that a webhook answers while others are served. Times are of one monotonic clock, in milliseconds; chance is a number in
 * [0, 1).
 */
import { waitMsMax } from './address-pace.ts';

const retryFirstMs = 1_000;
const retryLastMs = 60_000;
/** Waits are 1, 2, 4 … 60 s, and at most this share longer, so that many senders do not come back together. */
const jitterShare = 0.25;
/** A malformed token may be answered with 500 instead of 401 (discord-api-docs #2925), and would be tried for ever. */
const straightErrorsMax = 20;

export class WebhookPace {
  #notBeforeMs = -Infinity;
  #failures = 0;
  #straightErrors = 0;
  #successesBefore: number | undefined;

  /** How long until a request may be made; 0 when one may now. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#notBeforeMs - nowMs);
  }

  /** The receiver allows no request for this time. Not a failure. */
  limited(nowMs: number, durationMs: number): void {
    this.#wait(nowMs, durationMs);
  }

  /** Nothing is sent before this time. */
  holdUntil(timeMs: number): void {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, timeMs);
  }

  /** The request failed, and may be repeated. Returns how long to wait. */
  failed(nowMs: number, chance: number): number {
    const baseMs = Math.min(retryLastMs, retryFirstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    const waitMs = Math.round(baseMs * (1 + jitterShare * chance));
    this.#wait(nowMs, waitMs);
    return waitMs;
  }

  /**
   * The request was answered with a 5xx. `othersServed` counts the requests of other webhooks that succeeded, ever. Returns
   * whether this webhook is to be given up for now: so many in a row, while others were served between any two of them.
   */
  serverError(othersServed: number): boolean {
    const isAlone = this.#successesBefore !== undefined && othersServed > this.#successesBefore;
    this.#successesBefore = othersServed;
    if (isAlone || this.#straightErrors === 0) this.#straightErrors += 1;
    return this.#straightErrors >= straightErrorsMax;
  }

  /** The receiver processed the request: earlier failures no longer count. */
  served(): void {
    this.#failures = 0;
    this.#straightErrors = 0;
    this.#successesBefore = undefined;
  }

  #wait(nowMs: number, durationMs: number): void {
    this.holdUntil(nowMs + Math.min(durationMs, waitMsMax));
  }
}
