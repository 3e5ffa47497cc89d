/**
 * Which series of a partition have a clock that is ahead or behind. Evaluation does not need to know (a series is judged in
 * its own time); whoever runs the devices does.
 *
 *      ┄┄┄ read before ┄┄┄│┄┄ appended since the last look ┄┄│
 *   ──────────────────────┴──────────────────────────────────┴───▶ offsets
 *                  head at the last look                head now
 *
 * Ahead: the series' time T is later than the time here. Until time catches up its windows and for_seconds stand still.
 *
 * Behind: its newest sample was appended since the last look, and dated more than a minute before that look. So it was late
 * when it was appended; that this reader lags makes no sample late. A series stays behind until a sample of it is on time, or
 * none has come for ten minutes.
 */
import { firstSorted } from '../base/first-sorted.ts';
import { noSkew, skewedNamesMax, type SkewedSeries } from '../instance/instance-record.ts';
import { seriesText, type Series } from '../metric/series.ts';

/** Clocks that differ by less are in good order. */
const aheadMsMin = 5_000;
/** Batching, retries and a poll interval delay samples by less. */
const behindMsMin = 60_000;
/** A series that sends nothing is no longer behind. */
const silentMsMax = 10 * 60_000;

/** What is known of a series' samples. */
export interface TimedSeries extends Series {
  /** T; -Infinity before the first sample. */
  readonly timeMs: number;
  /** The newest sample in log order. */
  readonly last: { readonly offset: number; readonly timestampMs: number } | undefined;
}

/** The partition's next offset to be given, and when, in milliseconds since the epoch, it was so. */
export interface HeadSeen {
  readonly offset: number;
  readonly atMs: number;
}

interface Skewed {
  readonly series: Series;
  readonly byMs: number;
}

export class SeriesClocks {
  #ahead: SkewedSeries = noSkew;
  #behind: SkewedSeries = noSkew;
  /** How late the newest sample of each series that is behind was, and when that was seen. */
  readonly #late = new Map<TimedSeries, { readonly byMs: number; readonly seenMs: number }>();
  #lastHead: HeadSeen | undefined;

  /** As of the last look. */
  get ahead(): SkewedSeries {
    return this.#ahead;
  }

  get behind(): SkewedSeries {
    return this.#behind;
  }

  /** Looks at all series of the partition; `nowMs` is the time here, since the epoch. */
  look(metrics: Iterable<{ readonly series: ReadonlyMap<string, TimedSeries> }>, head: HeadSeen, nowMs: number): void {
    const ahead: Skewed[] = [];
    for (const metric of metrics) {
      for (const series of metric.series.values()) {
        const byMs = series.timeMs - nowMs;
        if (byMs > aheadMsMin) ahead.push({ series, byMs });
        this.#noteDelay(series, nowMs);
      }
    }
    this.#lastHead = head;
    for (const [series, { seenMs }] of this.#late) if (nowMs - seenMs > silentMsMax) this.#late.delete(series);
    this.#ahead = worstOf(ahead);
    this.#behind = worstOf(this.#late.entries().map(([series, { byMs }]) => ({ series, byMs })));
  }

  #noteDelay(series: TimedSeries, nowMs: number): void {
    const { last } = series;
    if (this.#lastHead === undefined || last === undefined || last.offset < this.#lastHead.offset) return;
    const byMs = this.#lastHead.atMs - last.timestampMs;
    if (byMs > behindMsMin) this.#late.set(series, { byMs, seenMs: nowMs });
    else this.#late.delete(series);
  }
}

function worstOf(skewed: Iterable<Skewed>): SkewedSeries {
  const { first, total } = firstSorted(skewed, (one, other) => other.byMs - one.byMs, skewedNamesMax);
  return { count: total, first: first.map(({ series, byMs }) => [seriesText(series), Math.round(byMs / 1_000)]) };
}
