/**
 * What the time is at the head of the log. The wall clock of one instance may be wrong, and one that is an hour ahead would
 * find every series silent. Samples bear a clock out as they come in: it is no later than the newest timestamp that was just
 * appended, and the time that has passed since by the monotonic clock.
 *
 *   now = min(wall clock, timestamp of the freshest sample + time since it was read)
 *
 * Shared by the partitions of an instance: where some series fell silent, others still speak.
 */

/** An instance that has seen no sample come in waits so long for one; then its wall clock is all there is. */
const graceMsDefault = 5_000;
/** The freshest sample holds so long, unless a fresher one comes: what bore the clock out once may have been a wrong one. */
const freshestHoldsMs = 10 * 60_000;
/** A timestamp later than the wall clock by more is some device's mistake. */
export const futureMsMax = 60_000;

export class HeadClock {
  readonly #bornMs: number;
  readonly #graceMs: number;
  /** Of the freshest sample: its timestamp less the monotonic time when it was read. */
  #offsetMs: number | undefined;
  #heardMs = -Infinity;

  /** `nowMs`, here and below, is monotonic; `wallMs` is not. */
  constructor(nowMs: number, graceMs = graceMsDefault) {
    this.#bornMs = nowMs;
    this.#graceMs = graceMs;
  }

  /** A sample with this timestamp was just appended. */
  saw(timestampMs: number, nowMs: number, wallMs: number): void {
    if (timestampMs > wallMs + futureMsMax) return;
    const offsetMs = timestampMs - nowMs;
    if (offsetMs < (this.#offsetMs ?? -Infinity) && nowMs - this.#heardMs < freshestHoldsMs) return;
    this.#offsetMs = offsetMs;
    this.#heardMs = nowMs;
  }

  /** The time; undefined as long as nothing bears the wall clock out. */
  now(nowMs: number, wallMs: number): number | undefined {
    if (this.#offsetMs !== undefined) return Math.min(wallMs, this.#offsetMs + nowMs);
    return nowMs - this.#bornMs < this.#graceMs ? undefined : wallMs;
  }
}
