import type { Clock } from '../base/clock.ts';
import { maxTimestamp } from '../log/batch.ts';
import type { Claim } from '../log/log.ts';
import type { RecordChunk } from '../log/record.ts';
import type { HeadClock } from './head-clock.ts';

/** Heard from the log within this time, the head is where it was said to be. */
const headFreshMsMax = 2_000;

/**
 * What the time is for one partition: at the head of the log the wall clock as far as samples bear it out, behind it the
 * newest timestamp read.
 */
export class PartitionClock {
  readonly #claim: Claim;
  readonly #clock: Clock;
  readonly #headClock: HeadClock;
  /** When the reader was last known to be at the head. */
  #atHeadMs = -Infinity;

  constructor(claim: Claim, clock: Clock, headClock: HeadClock) {
    this.#claim = claim;
    this.#clock = clock;
    this.#headClock = headClock;
  }

  /** To be told of each chunk. What is read by a reader that was at the head a moment ago has just been appended. */
  took({ batches }: RecordChunk): void {
    const newest = batches.at(-1);
    const nowMs = this.#clock.monotonicMs();
    if (newest === undefined || nowMs - this.#atHeadMs > headFreshMsMax) return;
    this.#headClock.saw(maxTimestamp(newest), nowMs, this.#clock.wallMs());
  }

  /** The time, for a reader that has come to `position`; undefined when it is not known. */
  now(position: number, newestReadMs: number): number | undefined {
    const { offset, heardAtMs } = this.#claim.head();
    const nowMs = this.#clock.monotonicMs();
    if (position < offset || nowMs - heardAtMs >= headFreshMsMax) return newestReadMs;
    this.#atHeadMs = nowMs;
    return this.#headClock.now(nowMs, this.#clock.wallMs());
  }
}
