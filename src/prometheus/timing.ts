/**
 * When a rule here comes to the same result as Prometheus. Prometheus looks at the stored samples once in an interval I; a rule looks at
 * each sample. A breach is seen by Prometheus half an interval after its first sample on average, and so are ends of windows; measured
 * on Prometheus itself, the durations below bring the two closest to each other (docs/PROMETHEUS.md).
 */
import type { RuleType } from '../measure/measures.ts';

export interface Timing {
  /** I: how often Prometheus scrapes, and evaluates. */
  readonly scrapeIntervalMs: number;
  /** Whether samples are pushed: their series get no marker when they end, and count for five minutes. */
  readonly isPushed: boolean;
}

/** Prometheus' --query.lookback-delta. */
const lookbackMs = 300_000;
/** A series that is scraped no more ends at the next scrape, and is seen to at the evaluation after it. */
const scrapedIntervals = 1.7;

/** How much of the range is the window. */
const windows: Record<RuleType, ((rangeMs: number, intervalMs: number) => number) | undefined> = {
  instantaneous: undefined,
  window_increase: wholeRange,
  window_rate: wholeRange,
  window_delta: wholeRange,
  window_average: lessHalfAnInterval,
  window_min: lessHalfAnInterval,
  window_max: lessHalfAnInterval,
  window_sum: lessHalfAnInterval,
  window_count: lessHalfAnInterval,
  window_stddev: lessHalfAnInterval,
  window_percentile: lessHalfAnInterval,
  window_changes: lessHalfAnInterval,
};

function wholeRange(rangeMs: number): number {
  return rangeMs;
}

function lessHalfAnInterval(rangeMs: number, intervalMs: number): number {
  return rangeMs - intervalMs / 2;
}

/** Undefined without a window; 0 or less where the range is too short for one. */
export function windowMsOf(type: RuleType, rangeMs: number | undefined, timing: Timing): number | undefined {
  return rangeMs === undefined ? undefined : windows[type]?.(rangeMs, timing.scrapeIntervalMs);
}

/** How long a series counts after its newest sample. */
export function staleMsOf(rangeMs: number | undefined, { scrapeIntervalMs, isPushed }: Timing): number {
  return rangeMs ?? (isPushed ? lookbackMs : scrapedIntervals * scrapeIntervalMs);
}

/** Of `for` and `keep_firing_for`: from the first sample to the last one that Prometheus' evaluations see. */
export function lastingMsOf(durationMs: number, { scrapeIntervalMs: intervalMs }: Timing): number {
  return durationMs < intervalMs ? 0 : Math.floor(durationMs / intervalMs) * intervalMs - intervalMs / 2;
}
