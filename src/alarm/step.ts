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
 * A firing alarm is clear for `resolve_for_seconds` before it ends. One that fires without data ends at the next sample, which is then judged as from `ok`.
 *
 * A step sends nothing that waits for the cooldown: it notes in the state what is deferred. `send` takes it from there, when
 * the rule's cooldown (cooldown.ts) is over; at once, where there is none.
 */
import { assert, unreachable } from '../base/assert.ts';
import { asCompared, comparisons } from '../rule/comparison.ts';
import type { Condition } from '../rule/condition.ts';
import { isEnough, withValue } from '../rule/for-samples.ts';
import { ok, type AlarmState, type Deferred, type Firing, type SamplePlace } from './alarm-state.ts';
import { hasMessage, type Due, type NotificationKind } from './due.ts';
import { alarmId } from './identity.ts';

/** A rule on what an alarm of it is about. */
export interface Subject {
  readonly condition: Condition;
  /** subjectKey of the series, or of the group. */
  readonly subjectKey: string;
}

export type AlarmEvent = SampleEvent | DataEvent | NoDataEvent | RemindEvent | EndEvent;

/** A sample gave a value to compare. */
export interface SampleEvent {
  readonly kind: 'sample';
  /** What is compared: the sample's value, or the window's. Finite. */
  readonly x: number;
  /** T: the largest timestamp the series has shown so far, this sample included. */
  readonly timeMs: number;
  readonly sample: SamplePlace;
}

/** A sample that is not evaluated, being older than the rule's window. */
interface DataEvent {
  readonly kind: 'data';
  readonly timeMs: number;
  readonly sample: SamplePlace;
}

/** The next sample of the series was expected by this time, and did not come. */
interface NoDataEvent {
  readonly kind: 'no_data';
  /** When it was expected, whenever that was noticed. */
  readonly timeMs: number;
  /** H: when the series was last received. */
  readonly heardMs: number;
  /** The last value received. */
  readonly x: number | undefined;
  /** The last sample of the series. */
  readonly sample: SamplePlace;
  /** See `Deferred`: another one each time that a clock makes something due at this sample. */
  readonly ordinal: number;
}

/** The clock says that it is time to send again what still fires. */
interface RemindEvent {
  readonly kind: 'remind';
  readonly timeMs: number;
  readonly x: number | undefined;
  readonly sample: SamplePlace;
  readonly ordinal: number;
}

/** The rule was deleted, disabled, or no longer matches; or the series is silent for so long that nothing is known of it. */
interface EndEvent {
  readonly kind: 'stopped' | 'forgotten';
  /** When that was. */
  readonly timeMs: number;
  /** The last sample of the series. */
  readonly sample: SamplePlace;
}

/** Where a value lies: beyond the threshold, back beyond the resolve threshold, or between the two. */
export type Judgement = 'breach' | 'between' | 'clear';

/** Why a step did what it did. */
export type Reason =
  | 'nothing_to_do'
  | 'breach_began'
  | 'breach_goes_on'
  | 'breach_ended_in_time'
  | 'fired'
  | 'still_firing'
  | 'clear_began'
  | 'clear_ended_in_time'
  | 'due_again'
  | 'silence_began'
  | 'silence_ended'
  | 'resolved'
  | 'resolved_without_data'
  | 'stopped'
  | 'forgotten';

export interface Step {
  readonly next: AlarmState;
  /** What is appended at once, in order; mostly nothing. */
  readonly due: readonly Due[];
  readonly reason: Reason;
  /** Whether the state is another than before: whether it must be written down. */
  readonly changed: boolean;
}

const noneDue: readonly Due[] = [];

/** One event for one alarm. The event's times must not run backwards within a series. */
export function step(subject: Subject, state: AlarmState, event: AlarmEvent): Step {
  switch (event.kind) {
    case 'sample':
      return onSample(subject, state, event);
    case 'data':
      return state.state === 'firing' && state.cause === 'no_data'
        ? end(subject, state, event, 'resolved')
        : stay(state, 'nothing_to_do');
    case 'no_data':
      return onNoData(subject, state, event);
    case 'remind':
      return state.state === 'firing' && state.notified && state.deferred === undefined
        ? becomeDue(state, { kind: 'reminder', ...dueAt(event) })
        : stay(state, 'nothing_to_do');
    case 'stopped':
    case 'forgotten':
      return onEnd(subject, state, event);
    default:
      return unreachable(event);
  }
}

/** The deferred notification of an alarm is sent. */
export interface Sent {
  readonly next: Firing;
  readonly due: Due;
}

interface Sending {
  /** A sample of its series that is evaluated at this moment: the message says its value; else the one that made it due. */
  readonly own: SampleEvent | undefined;
  /** Whether it became due before this moment. */
  readonly isDelayed: boolean;
  /** What its reminders are counted from. */
  readonly sentMs: number;
}

/** Sends what an alarm has deferred. */
export function send(state: Firing, { own, isDelayed, sentMs }: Sending): Sent {
  const { deferred, ...firing } = state;
  assert(deferred !== undefined, 'only what is deferred can be sent');
  return {
    next: { ...firing, notified: true, messagedMs: sentMs },
    due: {
      kind: deferred.kind,
      alarmId: state.alarmId,
      cause: state.cause,
      sinceMs: state.sinceMs,
      timeMs: own?.timeMs ?? deferred.timeMs,
      x: own === undefined ? deferred.x : own.x,
      sample: deferred.sample,
      ordinal: deferred.ordinal,
      message: true,
      deferred: isDelayed,
      isPast: own === undefined,
    },
  };
}

/** Where a compared value lies. Equal to the resolve threshold is clear, unless that is in breach; without a threshold every value is. */
export function judge({ operator, threshold, resolveThreshold, isComputed }: Condition, x: number): Judgement {
  if (threshold === undefined || resolveThreshold === undefined) return 'clear';
  const comparison = comparisons[operator];
  if (comparison.breaches(asCompared(x, threshold, isComputed), threshold)) return 'breach';
  return comparison.clears(asCompared(x, resolveThreshold, isComputed), resolveThreshold) ? 'clear' : 'between';
}

/** A series of any rule, and of none, is forgotten no earlier than after this silence. */
export const forgottenAfterMs = 24 * 3_600_000;

/** When a silent series is forgotten: after 24 h, and after four times `no_data_seconds`. */
export function forgottenAtMs(condition: Condition, timeMs: number): number {
  return timeMs + Math.max(forgottenAfterMs, 4 * (condition.noDataMs ?? 0));
}

function isBreach(condition: Condition, x: number): boolean {
  return judge(condition, x) === 'breach';
}

function onSample(subject: Subject, state: AlarmState, event: SampleEvent): Step {
  const judgement = judge(subject.condition, event.x);
  const { forSamples } = subject.condition;
  const before = state.state === 'ok' ? undefined : state.recent;
  const recent = forSamples && withValue(forSamples, before, judgement === 'breach');
  if (state.state === 'firing') {
    if (state.cause === 'no_data') return onDataAgain(subject, state, event);
    const clearSinceMs = judgement === 'clear' ? (state.clearSinceMs ?? event.timeMs) : undefined;
    const isClear = clearSinceMs !== undefined && event.timeMs - clearSinceMs >= subject.condition.resolveForMs;
    if (isClear && (forSamples === undefined || !isEnough(forSamples, recent)))
      return { ...end(subject, state, event, 'resolved'), next: notFiring(recent, event) };
    return onStillFiring(subject, { ...state, recent, clearSinceMs }, state, event);
  }
  if (forSamples !== undefined) return onSampleOfMany(subject, state, event, recent);
  if (judgement !== 'breach')
    return state.state === 'pending' ? become(ok, 'breach_ended_in_time') : stay(state, 'nothing_to_do');
  const sinceMs = state.state === 'pending' ? state.sinceMs : event.timeMs;
  if (event.timeMs - sinceMs >= subject.condition.forMs) return fire(subject, 'breach', sinceMs, dueAt(event));
  return state.state === 'pending' && state.recent === undefined
    ? stay(state, 'breach_goes_on')
    : become({ state: 'pending', sinceMs }, 'breach_began');
}

/** A rule with `for_samples` and an alarm that does not fire: `recent` with this value. */
function onSampleOfMany(
  subject: Subject,
  state: Exclude<AlarmState, Firing>,
  event: SampleEvent,
  recent: readonly boolean[] | undefined,
): Step {
  if (recent === undefined)
    return state.state === 'ok' ? stay(state, 'nothing_to_do') : become(ok, 'breach_ended_in_time');
  // Only a value in breach fires, also where a new version asks for fewer.
  if (recent.at(-1) === true && isEnough(subject.condition.forSamples!, recent)) {
    const fired = fire(subject, 'breach', event.timeMs, dueAt(event));
    return { ...fired, next: { ...(fired.next as Firing), recent } };
  }
  if (state.state === 'ok') return become(notFiring(recent, event), 'breach_began');
  return recent === state.recent ? stay(state, 'breach_goes_on') : become({ ...state, recent }, 'breach_goes_on');
}

/** What is not over of the values of a rule with `for_samples` when its alarm does not fire. */
function notFiring(recent: readonly boolean[] | undefined, event: SampleEvent): AlarmState {
  return recent === undefined ? ok : { state: 'pending', sinceMs: event.timeMs, recent };
}

function onNoData(subject: Subject, state: AlarmState, event: NoDataEvent): Step {
  if (subject.condition.resolveWithoutDataMs !== undefined) return onDataGone(subject, state, event);
  if (state.state !== 'firing') return fire(subject, 'no_data', event.timeMs, { ...dueAt(event), x: undefined });
  if (state.cause === 'no_data' || state.silentSinceMs !== undefined) return stay(state, 'still_firing');
  const deferred: Deferred = { kind: 'no_data', ...dueAt(event) };
  return become({ ...state, silentSinceMs: event.heardMs, deferred }, 'silence_began');
}

/** A rule with `resolve_without_data_seconds`. */
function onDataGone(subject: Subject, state: AlarmState, event: NoDataEvent): Step {
  if (state.state === 'ok') return stay(state, 'nothing_to_do');
  const reason = 'resolved_without_data';
  return state.state === 'pending' ? become(ok, reason) : { ...end(subject, state, event, 'resolved'), reason };
}

/** The end of an alarm that fired without data, and the sample that ended it judged as from `ok`. */
function onDataAgain(subject: Subject, state: Firing, event: SampleEvent): Step {
  const ended = end(subject, state, event, 'resolved');
  const after = onSample(subject, ok, event);
  if (!after.changed) return ended;
  return { ...after, due: [...ended.due, ...after.due] };
}

/** `state`: with this value, before anything is made due; `before`: without it. */
function onStillFiring({ condition }: Subject, state: Firing, before: Firing, event: SampleEvent): Step {
  if (state.silentSinceMs !== undefined) return onSilenceEnded(condition, state, event);
  if (state.deferred === undefined) {
    if (condition.everySample && isBreach(condition, event.x))
      return becomeDue(state, { kind: 'fired', ...dueAt(event) });
    if (isReminderDue(condition, state, event.timeMs)) return becomeDue(state, { kind: 'reminder', ...dueAt(event) });
  }
  if (state.clearSinceMs === before.clearSinceMs)
    return state.recent === before.recent ? stay(before, 'still_firing') : become(state, 'still_firing');
  return become(state, state.clearSinceMs === undefined ? 'clear_ended_in_time' : 'clear_began');
}

/** What was to tell of the silence is dropped with it; an alarm that nobody has heard of yet still has to be told. */
function onSilenceEnded(condition: Condition, state: Firing, event: SampleEvent): Step {
  const repeats = condition.everySample && isBreach(condition, event.x);
  const deferred: Deferred | undefined = state.notified && !repeats ? undefined : { kind: 'fired', ...dueAt(event) };
  const due = state.notified ? [dueOf(condition, 'data_again', state, event)] : noneDue;
  return { next: { ...state, silentSinceMs: undefined, deferred }, due, reason: 'silence_ended', changed: true };
}

function isReminderDue({ remindMs }: Condition, { notified, messagedMs, sinceMs }: Firing, timeMs: number): boolean {
  return remindMs !== undefined && notified && timeMs - (messagedMs ?? sinceMs) >= remindMs;
}

function fire(subject: Subject, cause: Firing['cause'], sinceMs: number, at: Omit<Deferred, 'kind'>): Step {
  const { condition, subjectKey } = subject;
  const id = alarmId(condition.ruleId, subjectKey, { ...at.sample, ordinal: at.ordinal }, cause);
  const deferred: Deferred = { kind: cause === 'breach' ? 'fired' : 'no_data', ...at };
  return become({ state: 'firing', sinceMs, alarmId: id, cause, notified: false, deferred }, 'fired');
}

/** What waits for the cooldown is dropped with the alarm. */
function end({ condition }: Subject, state: Firing, event: AlarmEvent, kind: 'resolved' | 'ended'): Step {
  const due = state.notified ? [dueOf(condition, kind, state, event)] : noneDue;
  const reason = event.kind === 'stopped' || event.kind === 'forgotten' ? event.kind : 'resolved';
  return { next: ok, due, reason, changed: true };
}

function onEnd(subject: Subject, state: AlarmState, event: EndEvent): Step {
  if (state.state !== 'firing') return state.state === 'ok' ? stay(state, event.kind) : become(ok, event.kind);
  // A rule that watches for silence goes on saying that there is one.
  if (event.kind === 'forgotten' && subject.condition.noDataMs !== undefined) return stay(state, 'still_firing');
  return end(subject, state, event, 'ended');
}

function dueAt(event: SampleEvent | NoDataEvent | RemindEvent): Omit<Deferred, 'kind'> {
  const { sample, x, timeMs } = event;
  return { sample, ordinal: event.kind === 'sample' ? 0 : event.ordinal, x, timeMs };
}

/** What is appended at once. */
function dueOf(condition: Condition, kind: NotificationKind, alarm: Firing, event: AlarmEvent): Due {
  return {
    kind,
    alarmId: alarm.alarmId,
    cause: alarm.cause,
    sinceMs: alarm.sinceMs,
    timeMs: event.timeMs,
    x: event.kind === 'sample' ? event.x : undefined,
    sample: event.sample,
    ordinal: 0,
    message: hasMessage(kind, condition.notifyOnResolve),
    deferred: false,
    isPast: false,
  };
}

function becomeDue(state: Firing, deferred: Deferred): Step {
  return become({ ...state, deferred }, 'due_again');
}

function become(next: AlarmState, reason: Reason): Step {
  return { next, due: noneDue, reason, changed: true };
}

function stay(next: AlarmState, reason: Reason): Step {
  return { next, due: noneDue, reason, changed: false };
}
