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
 * A firing alarm is clear for `resolve_for_seconds` before it ends. One that fires without data ends at the next sample,
 * which is then judged as from `ok`.
 *
 * A step sends nothing that waits for the cooldown: it notes in the state what is deferred. `send` takes it from there, when
 * the rule's cooldown (cooldown.ts) is over; at once, where there is none.
 */
import { assert, unreachable } from '../base/assert.ts';
import type { Condition } from '../rule/condition.ts';
import { isEnough, withValue } from '../rule/for-samples.ts';
import type { AlarmEvent, EndEvent, NoDataEvent, SampleEvent, Subject } from './alarm-event.ts';
import { ok, type AlarmState, type Deferred, type Firing } from './alarm-state.ts';
import type { Due } from './due.ts';
import { judge } from './judgement.ts';
import { levelOf, withNotified } from './level-states.ts';
import { onSampleOfLevels } from './level-step.ts';
import { become, becomeDue, dueAt, end, fire, stay, type Step } from './step-result.ts';
import { onStillFiring } from './still-firing.ts';

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
  const level = levelOf(state);
  const levels = level === undefined ? state.levels : withNotified(state.levels!, level);
  return {
    next: { ...firing, notified: true, messagedMs: sentMs, ...(levels && { levels }) },
    due: {
      kind: deferred.kind,
      alarmId: state.alarmId,
      cause: state.cause,
      level,
      forLevels: level === undefined ? undefined : [level],
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

/** A series of any rule, and of none, is forgotten no earlier than after this silence. */
export const forgottenAfterMs = 24 * 3_600_000;

/** When a silent series is forgotten: after 24 h, and after four times `no_data_seconds`. */
export function forgottenAtMs(condition: Condition, timeMs: number): number {
  return timeMs + Math.max(forgottenAfterMs, 4 * (condition.noDataMs ?? 0));
}

function onSample(subject: Subject, state: AlarmState, event: SampleEvent): Step {
  if (state.state === 'firing' && state.cause === 'no_data') return onDataAgain(subject, state, event);
  if (subject.condition.levels !== undefined) return onSampleOfLevels(subject, state, event);
  const judgement = judge(subject.condition, event.x);
  const { forSamples } = subject.condition;
  const before = state.state === 'ok' ? undefined : state.recent;
  const recent = forSamples && withValue(forSamples, before, judgement === 'breach');
  if (state.state === 'firing') {
    const clearSinceMs = judgement === 'clear' ? (state.clearSinceMs ?? event.timeMs) : undefined;
    const isClear = clearSinceMs !== undefined && event.timeMs - clearSinceMs >= subject.condition.resolveForMs;
    if (isClear && (forSamples === undefined || !isEnough(forSamples, recent)))
      return { ...end(subject, state, event, 'resolved'), next: notFiring(recent, event) };
    return onStillFiring(subject, { ...state, recent, clearSinceMs, levels: undefined }, state, event);
  }
  if (forSamples !== undefined) return onSampleOfMany(subject, state, event, recent);
  if (judgement !== 'breach')
    return state.state === 'pending' ? become(ok, 'breach_ended_in_time') : stay(state, 'nothing_to_do');
  const sinceMs = state.state === 'pending' ? state.sinceMs : event.timeMs;
  if (event.timeMs - sinceMs >= subject.condition.forMs) return fire(subject, 'breach', sinceMs, dueAt(event));
  return state.state === 'pending' && state.recent === undefined && state.levels === undefined
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
  const isSame = recent === state.recent && state.levels === undefined;
  return isSame ? stay(state, 'breach_goes_on') : become({ ...state, recent, levels: undefined }, 'breach_goes_on');
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

function onEnd(subject: Subject, state: AlarmState, event: EndEvent): Step {
  if (state.state !== 'firing') return state.state === 'ok' ? stay(state, event.kind) : become(ok, event.kind);
  // A rule that watches for silence goes on saying that there is one.
  if (event.kind === 'forgotten' && subject.condition.noDataMs !== undefined) return stay(state, 'still_firing');
  return end(subject, state, event, 'ended');
}
