/**
 * The alarm as one pure function, for every caller: live evaluation, backtest, rule test and preview. SPEC.md numbers what
 * must hold.
 *
 *            breach, for = 0                       not in breach
 *        ┌───────────────────────────────┐      ┌───────────────┐
 *        │                               ▼      ▼               │
 *      ( ok ) ── breach, for > 0 ──> ( pending ) ── lasted ──> ( firing ) ── clear ──> ( ok )
 *        └───────── no data ────────────────────────────────────▲
 *
 * A firing for want of data ends at the next sample, which is then judged as from `ok`: one step may therefore send two
 * notifications. What is due is sent when the rule's cooldown is over, and otherwise owed by the alarm.
 */
import { comparisons } from '../rule/comparison.ts';
import type { Condition } from '../rule/condition.ts';
import { ok, type AlarmState, type Firing, type SamplePlace } from './alarm-state.ts';
import type { Due, NotificationKind } from './due.ts';
import { alarmId, notificationId } from './identity.ts';

/** A rule on a series. */
export interface Subject {
  readonly condition: Condition;
  /** seriesKey of the series. */
  readonly seriesKey: string;
}

export type AlarmEvent = SampleEvent | NoDataEvent | { readonly kind: 'stopped' } | { readonly kind: 'forgotten' };

/** A sample gave a value to compare. A sample older than a rule's window gives none, and is no event for it. */
interface SampleEvent {
  readonly kind: 'sample';
  /** What is compared: the sample's value, or the window's mean. Finite. */
  readonly x: number;
  /** T: the largest timestamp the series has shown so far, this sample included. */
  readonly timeMs: number;
  readonly sample: SamplePlace;
}

/** The series owed its next sample by this time, and it did not come. */
interface NoDataEvent {
  readonly kind: 'no_data';
  /** When it was due (noDataDueMs), whenever that was noticed. */
  readonly timeMs: number;
  /** The last sample of the series. */
  readonly sample: SamplePlace;
}

/** Where a value stands: beyond the threshold, back beyond the resolve threshold, or between the two. */
export type Judgement = 'breach' | 'between' | 'clear';

/** Why a step did what it did. */
export type Reason =
  | 'nothing_to_do'
  | 'breach_began'
  | 'breach_goes_on'
  | 'breach_ended_in_time'
  | 'fired'
  | 'fired_but_withheld_by_cooldown'
  | 'still_firing'
  | 'repeated'
  | 'repeat_withheld_by_cooldown'
  | 'debt_paid'
  | 'debt_withheld_by_cooldown'
  | 'resolved'
  | 'ended_silently'
  | 'stopped'
  | 'forgotten';

export interface Step {
  readonly next: AlarmState;
  /** In order; mostly none. */
  readonly due: readonly Due[];
  readonly reason: Reason;
  /** The event time of the rule's last sent notification, resolved ones not counted; undefined before the first. */
  readonly lastSentMs: number | undefined;
  /** Whether the state, or what the rule remembers, is another than before: whether it must be written down. */
  readonly changed: boolean;
}

const noneDue: readonly Due[] = [];

/**
 * One event for one alarm. `lastSentMs` is the rule's, across all its series: the caller keeps it, and hands each step the
 * one that the step before gave back. The event's times must not run backwards within a series.
 */
export function step(subject: Subject, state: AlarmState, event: AlarmEvent, lastSentMs: number | undefined): Step {
  if (event.kind === 'sample') return onSample(subject, state, event, lastSentMs);
  if (event.kind === 'no_data') return onNoData(subject, state, event, lastSentMs);
  return stepTo(ok, event.kind, lastSentMs, state.state !== 'ok');
}

/** Where a compared value lies. Equal to the resolve threshold is clear, unless that is in breach. */
export function judge({ operator, threshold, resolveThreshold }: Condition, x: number): Judgement {
  const comparison = comparisons[operator];
  if (comparison.breaches(x, threshold)) return 'breach';
  return comparison.clears(x, resolveThreshold) ? 'clear' : 'between';
}

/** When the series' next sample is due, its largest timestamp being `timeMs`; undefined when silence is no alarm. */
export function noDataDueMs(condition: Condition, timeMs: number): number | undefined {
  return condition.noDataMs === undefined ? undefined : timeMs + condition.noDataMs;
}

const forgottenAfterMs = 24 * 3_600_000;

/** When a silent series is forgotten: after 24 h, and after four times `no_data_seconds`. */
export function forgottenAtMs(condition: Condition, timeMs: number): number {
  return timeMs + Math.max(forgottenAfterMs, 4 * (condition.noDataMs ?? 0));
}

function onSample(subject: Subject, state: AlarmState, event: SampleEvent, lastSentMs: number | undefined): Step {
  const judgement = judge(subject.condition, event.x);
  if (state.state === 'firing') {
    if (state.cause === 'no_data') return onDataAgain(subject, state, event, lastSentMs);
    if (judgement === 'clear') return end(subject, state, event, lastSentMs);
    return onStillFiring(subject, state, event, lastSentMs);
  }
  if (judgement !== 'breach') {
    return state.state === 'pending'
      ? stepTo(ok, 'breach_ended_in_time', lastSentMs, true)
      : stepTo(state, 'nothing_to_do', lastSentMs, false);
  }
  const sinceMs = state.state === 'pending' ? state.sinceMs : event.timeMs;
  if (event.timeMs - sinceMs >= subject.condition.forMs)
    return fire(subject, { cause: 'breach', sinceMs }, event, lastSentMs);
  return state.state === 'pending'
    ? stepTo(state, 'breach_goes_on', lastSentMs, false)
    : stepTo({ state: 'pending', sinceMs }, 'breach_began', lastSentMs, true);
}

function onNoData(subject: Subject, state: AlarmState, event: NoDataEvent, lastSentMs: number | undefined): Step {
  // An alarm that fires already goes on firing for what it fires for.
  if (state.state === 'firing') return stepTo(state, 'still_firing', lastSentMs, false);
  return fire(subject, { cause: 'no_data', sinceMs: event.timeMs }, event, lastSentMs);
}

/** The end of a firing for want of data, and the sample that ended it judged as from `ok`. */
function onDataAgain(subject: Subject, state: Firing, event: SampleEvent, lastSentMs: number | undefined): Step {
  const ended = end(subject, state, event, lastSentMs);
  const after = onSample(subject, ok, event, lastSentMs);
  if (!after.changed) return ended;
  return { ...after, due: [...ended.due, ...after.due] };
}

function onStillFiring(subject: Subject, state: Firing, event: SampleEvent, lastSentMs: number | undefined): Step {
  const repeats = subject.condition.everySample && judge(subject.condition, event.x) === 'breach';
  if (!repeats && !state.owed) return stepTo(state, 'still_firing', lastSentMs, false);
  if (!isCooldownOver(subject.condition, event.timeMs, lastSentMs)) {
    if (state.owed) return stepTo(state, 'debt_withheld_by_cooldown', lastSentMs, false);
    return stepTo({ ...state, owed: true }, 'repeat_withheld_by_cooldown', lastSentMs, true);
  }
  return {
    next: state.notified && !state.owed ? state : { ...state, notified: true, owed: false },
    due: [dueOf('fired', state, event)],
    reason: state.owed ? 'debt_paid' : 'repeated',
    lastSentMs: event.timeMs,
    changed: state.owed || !state.notified || lastSentMs !== event.timeMs,
  };
}

function fire(
  subject: Subject,
  firing: Pick<Firing, 'cause' | 'sinceMs'>,
  event: SampleEvent | NoDataEvent,
  lastSentMs: number | undefined,
): Step {
  const isSent = isCooldownOver(subject.condition, event.timeMs, lastSentMs);
  const id = alarmId(subject.condition.ruleId, subject.seriesKey, event.sample, firing.cause);
  const next: Firing = { state: 'firing', ...firing, alarmId: id, notified: isSent, owed: !isSent };
  if (!isSent) return stepTo(next, 'fired_but_withheld_by_cooldown', lastSentMs, true);
  const due = dueOf(firing.cause === 'breach' ? 'fired' : 'no_data', { ...next, owed: false }, event);
  return { next, due: [due], reason: 'fired', lastSentMs: event.timeMs, changed: true };
}

/** A debt is dropped with the alarm. A resolved notification waits for no cooldown, and begins none. */
function end(subject: Subject, state: Firing, event: SampleEvent, lastSentMs: number | undefined): Step {
  if (!subject.condition.notifyOnResolve || !state.notified) return stepTo(ok, 'ended_silently', lastSentMs, true);
  const due = dueOf('resolved', { ...state, owed: false }, event);
  return { next: ok, due: [due], reason: 'resolved', lastSentMs, changed: true };
}

/** Without a cooldown nothing is ever withheld, also when one series' time lies behind another's. */
function isCooldownOver(condition: Condition, timeMs: number, lastSentMs: number | undefined): boolean {
  return condition.cooldownMs === 0 || lastSentMs === undefined || timeMs - lastSentMs >= condition.cooldownMs;
}

function dueOf(kind: NotificationKind, alarm: Firing, event: SampleEvent | NoDataEvent): Due {
  return {
    id: notificationId(alarm.alarmId, kind, event.sample),
    kind,
    alarmId: alarm.alarmId,
    cause: alarm.cause,
    sinceMs: alarm.sinceMs,
    timeMs: event.timeMs,
    x: event.kind === 'sample' ? event.x : undefined,
    sample: event.sample,
    owed: alarm.owed,
  };
}

function stepTo(next: AlarmState, reason: Reason, lastSentMs: number | undefined, changed: boolean): Step {
  return { next, due: noneDue, reason, lastSentMs, changed };
}
