/**
 * What all targets behind one address share: the rate of requests, the pauses that the receiver orders for all of them, and the
 * breaker for the time in which its firewall refuses our address.
 *
 *           blocked answer                 waiting over                  one request goes out
 *   open ─────────────────> blocked ──────────────────> on trial ──────────────────────────> on trial, taken
 *     ^                        ^                                                                │        │
 *     │                        └───────────────────── blocked answer ──────────────────────────┘        │
 *     └──────────────────────────────────────── any answer of the receiver itself ───────────────────────┘
 *
 * Times are of one monotonic clock, in milliseconds.
 */

/** How long a block lasts when the firewall does not say: doubling, from the first to the last. */
const blockFirstMs = 60_000;
const blockLastMs = 3_600_000;
/** No wait is longer: notifications older than a day are not sent. */
export const waitMsMax = 24 * 3_600_000;
/**
 * A part of a second's requests may go out at once. With the default rate of 40 that makes 46 in the worst second: a few less
 * than Discord's 50, since requests that leave evenly do not arrive so.
 */
const burstSeconds = 0.15;

export class AddressPace {
  #requestsPerSecond: number;
  /** When the next request would stand if all were evenly spaced (the generic cell rate algorithm, ATM Forum 1996). */
  #spacedMs = -Infinity;
  #closedUntilMs = -Infinity;
  /** Blocks in a row, without an answer of the receiver itself between them. */
  #blocks = 0;
  #blockedAtMs = -Infinity;
  #isTrialTaken = false;

  constructor(requestsPerSecond: number) {
    this.#requestsPerSecond = requestsPerSecond;
  }

  set requestsPerSecond(rate: number) {
    this.#requestsPerSecond = rate;
  }

  /**
   * How long until a request may go out; 0 when one may now, Infinity while the outcome of a trial is awaited. `spare`: so many
   * could follow it at once.
   */
  waitMs(nowMs: number, spare = 0): number {
    if (nowMs < this.#closedUntilMs) return this.#closedUntilMs - nowMs;
    if (this.#isTrialTaken) return Infinity;
    const intervalMs = 1_000 / this.#requestsPerSecond;
    const burstMs = Math.max(0, burstSeconds * 1_000 - (1 + spare) * intervalMs);
    return Math.max(0, this.#spacedMs - burstMs - nowMs);
  }

  /** One request goes out. Call it only when waitMs is 0. */
  take(nowMs: number): void {
    this.#spacedMs = Math.max(this.#spacedMs, nowMs) + 1_000 / this.#requestsPerSecond;
    if (this.#blocks > 0) this.#isTrialTaken = true;
  }

  /** The receiver itself answered a request: the address is not blocked. */
  answered(begunMs: number): void {
    // The answer to a request that began before the block does not tell whether it lasts.
    if (begunMs < this.#blockedAtMs) return;
    this.#blocks = 0;
    this.#isTrialTaken = false;
  }

  /** There was no answer: the trial was inconclusive, so another may be made. */
  unanswered(): void {
    this.#isTrialTaken = false;
  }

  /** The receiver's limit for all its targets. */
  close(nowMs: number, durationMs: number): void {
    this.#closedUntilMs = Math.max(this.#closedUntilMs, nowMs + Math.min(durationMs, waitMsMax));
  }

  /** The firewall refused a request: for as long as it says, or ever longer when it says nothing. Returns for how long. */
  block(nowMs: number, begunMs: number, durationMs: number | undefined): number {
    // Requests that were under way together are refused together, and count once.
    const isNews = begunMs >= this.#blockedAtMs;
    if (isNews) this.#blocks += 1;
    if (isNews) this.#blockedAtMs = nowMs;
    this.#isTrialTaken = false;
    const guessMs = Math.min(blockLastMs, blockFirstMs * 2 ** (this.#blocks - 1));
    this.close(isNews ? nowMs : this.#blockedAtMs, durationMs ?? guessMs);
    return this.#closedUntilMs - nowMs;
  }

  isBlocked(): boolean {
    return this.#blocks > 0;
  }

  closedMs(nowMs: number): number {
    return Math.max(0, this.#closedUntilMs - nowMs);
  }
}
