/**
 * Which series are missing. The next sample of a series is expected by H + no_data_seconds (or resolve_without_data_seconds), and H is when it was last received: the
 * later of T and of the clock at the moment when its newest sample was read. So a device whose clock is behind, or one that sends
 * a backlog, is not missing. How long ago a sample was read is measured by the monotonic clock: no jump of the wall clock makes
 * data look missing, and
 *
 *   missing = the clock is past T + no_data_seconds, and for no_data_seconds nothing was read of the series
 *
 * What was read before this process began, before a pause of it, or by a reader that had yet to come to the head of the log, was
 * not read when it was sent: then H is T, and no series is missing before no_data_seconds, at most ten minutes, have passed since.
 */
import { ok } from '../alarm/alarm-state.ts';
import { silenceMs } from '../rule/condition.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import type { AlarmSubject } from './alarm.ts';
import type { ClockReading } from './partition-clock.ts';
import type { MetricState } from './series-state.ts';

export interface Missing {
  readonly rule: RuleEntry;
  readonly subject: AlarmSubject;
  /** H + no_data_seconds. */
  readonly expectedMs: number;
  /** H. */
  readonly heardMs: number;
}

const graceMsMax = 10 * 60_000;

export class SilenceWatch {
  /** The metrics whose rules fire, or resolve, without data. */
  readonly #watched = new Set<MetricState>();
  /** None is missing before the monotonic clock, and the other one, have come to these times: till then no series is asked. */
  #nextAtMs = -Infinity;
  #nextClockMs = -Infinity;
  #beganMs = -Infinity;
  #wasAtHead = true;

  watch(metric: MetricState): void {
    this.#watched.add(metric);
  }

  unwatch(metric: MetricState): void {
    this.#watched.delete(metric);
  }

  beganAt(monotonicMs: number): void {
    this.#beganMs = monotonicMs;
    this.askAll();
  }

  /** Rules have changed: at the next reading each series is asked. */
  askAll(): void {
    this.#nextAtMs = -Infinity;
  }

  /** A sample of a series that the rule matches was read. */
  heard({ condition }: RuleEntry, monotonicMs: number): void {
    const waitMs = silenceMs(condition);
    if (waitMs !== undefined) this.#nextAtMs = Math.min(this.#nextAtMs, monotonicMs + waitMs);
  }

  /**
   * The subjects of rules that are missing, in the order in which they were expected, then in that of their samples. `watchedBy` says
   * which there are of some metrics, and of groups.
   */
  missing(
    reading: ClockReading,
    watchedBy: (metrics: Iterable<MetricState>) => Iterable<readonly [RuleEntry, AlarmSubject]>,
  ): readonly Missing[] {
    const { clockMs, monotonicMs, isAtHead } = reading;
    if (isAtHead && !this.#wasAtHead) this.beganAt(monotonicMs);
    this.#wasAtHead = isAtHead;
    if (monotonicMs <= this.#nextAtMs && clockMs <= this.#nextClockMs) return [];
    this.#nextAtMs = Infinity;
    this.#nextClockMs = Infinity;
    const found: Missing[] = [];
    for (const [rule, subject] of watchedBy(this.#watched)) {
      if (subject.isForgotten || subject.last === undefined || hasNothingToResolve(rule, subject)) continue;
      const missing = this.#judge(rule, subject, reading);
      if (missing !== undefined && !isKnown(rule, subject)) found.push(missing);
    }
    return found.sort(
      (one, other) => one.expectedMs - other.expectedMs || one.subject.last!.offset - other.subject.last!.offset,
    );
  }

  #judge(rule: RuleEntry, subject: AlarmSubject, { clockMs, monotonicMs }: ClockReading): Missing | undefined {
    const noDataMs = silenceMs(rule.condition);
    if (noDataMs === undefined) return undefined;
    const isHeard = subject.heardAtMs > this.#beganMs;
    // Up to here nothing has to be missing by the monotonic clock.
    const sinceAtMs = isHeard ? subject.heardAtMs : this.#beganMs;
    const waitMs = isHeard ? noDataMs : Math.min(noDataMs, graceMsMax);
    if (monotonicMs - sinceAtMs <= waitMs) {
      this.#nextAtMs = Math.min(this.#nextAtMs, sinceAtMs + waitMs);
      return undefined;
    }
    const seenMs = Math.max(subject.timeMs, subject.awaitedMs);
    if (clockMs <= seenMs + noDataMs) {
      this.#nextClockMs = Math.min(this.#nextClockMs, seenMs + noDataMs);
      return undefined;
    }
    const readMs = isHeard ? Math.round(clockMs - (monotonicMs - subject.heardAtMs)) : -Infinity;
    const heardMs = Math.max(seenMs, readMs);
    return { rule, subject, expectedMs: heardMs + noDataMs, heardMs };
  }
}

/** An alarm that begins later is heard of with its sample. */
function hasNothingToResolve({ condition }: RuleEntry, subject: AlarmSubject): boolean {
  const state = subject.alarms?.get(condition.ruleId)?.state ?? ok;
  return condition.noDataMs === undefined && state.state === 'ok';
}

/** Whether its alarm says already that the series is missing. */
function isKnown({ condition }: RuleEntry, subject: AlarmSubject): boolean {
  if (condition.noDataMs === undefined) return false;
  const state = subject.alarms?.get(condition.ruleId)?.state;
  return state?.state === 'firing' && (state.cause === 'no_data' || state.silentSinceMs !== undefined);
}
