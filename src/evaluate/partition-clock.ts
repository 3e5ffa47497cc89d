import type { Clock } from '../base/clock.ts';
import { maxTimestamp } from '../log/batch.ts';
import type { Claim } from '../log/log.ts';
import type { RecordChunk } from '../log/record.ts';
import type { HeadClock } from './head-clock.ts';

/** What the clocks say. */
export interface ClockReading {
  /** The time: the wall clock at the head of the log, else the newest timestamp read. */
  readonly clockMs: number;
  readonly monotonicMs: number;
  /** Whether the reader was at the head within the last two seconds. */
  readonly isAtHead: boolean;
}

/** Heard from the log within this time, the head is where it was said to be; a reader that was there is at the head for so long. */
const headFreshMsMax = 2_000;

/** A turn that comes later than this was held up by more than work. */
const pauseMsMinDefault = 2_000;

/**
 * What the time is for one partition: at the head of the log the wall clock as far as samples bear it out, behind it the
 * newest timestamp read.
 */
export class PartitionClock {
  readonly #claim: Claim;
  readonly #clock: Clock;
  readonly #headClock: HeadClock;
  readonly #pauseMsMin: number;
  #askedAtMs: number;
  /** When the reader was last known to be at the head. */
  #atHeadMs = -Infinity;

  constructor(claim: Claim, clock: Clock, headClock: HeadClock, pauseMsMin = pauseMsMinDefault) {
    this.#pauseMsMin = pauseMsMin;
    this.#claim = claim;
    this.#clock = clock;
    this.#headClock = headClock;
    this.#askedAtMs = clock.monotonicMs();
  }

  /** A chunk was read. What is read by a reader that was at the head a moment ago has just been appended. */
  took({ batches, nextOffset }: RecordChunk): void {
    const nowMs = this.#clock.monotonicMs();
    const wasAtHead = this.#isAtHead(nowMs);
    this.#look(nextOffset, nowMs);
    const newest = batches.at(-1);
    if (newest !== undefined && wasAtHead) this.#headClock.saw(maxTimestamp(newest), nowMs, this.#clock.wallMs());
  }

  /** What the clocks say, for a reader that has come to `position`; undefined when the time is not known. */
  read(position: number, newestReadMs: number): ClockReading | undefined {
    const monotonicMs = this.#clock.monotonicMs();
    this.#look(position, monotonicMs);
    const isAtHead = this.#isAtHead(monotonicMs);
    if (!isAtHead) return { clockMs: newestReadMs, monotonicMs, isAtHead };
    const clockMs = this.#headClock.now(monotonicMs, this.#clock.wallMs());
    return clockMs === undefined ? undefined : { clockMs, monotonicMs, isAtHead };
  }

  #look(position: number, nowMs: number): void {
    const { offset, heardAtMs } = this.#claim.head();
    if (position >= offset && nowMs - heardAtMs < headFreshMsMax) this.#atHeadMs = nowMs;
  }

  #isAtHead(nowMs: number): boolean {
    return nowMs - this.#atHeadMs < headFreshMsMax;
  }

  /**
   * Whether the process stood still since this was last asked, `everyMs` ago: it was stopped, its machine was suspended or moved. What
   * was sent meanwhile may not have been read yet.
   */
  hasPaused(everyMs: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    const passedMs = nowMs - this.#askedAtMs;
    this.#askedAtMs = nowMs;
    return passedMs > everyMs + this.#pauseMsMin;
  }
}
