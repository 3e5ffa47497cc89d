// What a step comes to, and how it is put together.
import type { Condition } from '../rule/condition.ts';
import type { AlarmEvent, NoDataEvent, RemindEvent, SampleEvent, Subject } from './alarm-event.ts';
import { ok, type AlarmState, type Deferred, type Firing } from './alarm-state.ts';
import { hasMessage, type Due, type NotificationKind } from './due.ts';
import { alarmId } from './identity.ts';
import { levelOf, notifiedLevels } from './level-states.ts';

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
  | 'raised'
  | 'lowered'
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
  /** What is deferred is sent at once, whatever the cooldown. */
  readonly isUrgent?: true;
}

export const noneDue: readonly Due[] = [];

export function dueAt(event: SampleEvent | NoDataEvent | RemindEvent): Omit<Deferred, 'kind'> {
  const { sample, x, timeMs } = event;
  return { sample, ordinal: event.kind === 'sample' ? 0 : event.ordinal, x, timeMs };
}

/** What is appended at once. */
export function dueOf(condition: Condition, kind: NotificationKind, alarm: Firing, event: AlarmEvent): Due {
  return {
    kind,
    alarmId: alarm.alarmId,
    cause: alarm.cause,
    level: levelOf(alarm),
    forLevels: alarm.levels && notifiedLevels(alarm),
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

export function becomeDue(state: Firing, deferred: Deferred): Step {
  return become({ ...state, deferred }, 'due_again');
}

export function become(next: AlarmState, reason: Reason): Step {
  return { next, due: noneDue, reason, changed: true };
}

export function stay(next: AlarmState, reason: Reason): Step {
  return { next, due: noneDue, reason, changed: false };
}

export function fire(subject: Subject, cause: Firing['cause'], sinceMs: number, at: Omit<Deferred, 'kind'>): Step {
  const { condition, subjectKey } = subject;
  const id = alarmId(condition.ruleId, subjectKey, { ...at.sample, ordinal: at.ordinal }, cause);
  const deferred: Deferred = { kind: cause === 'breach' ? 'fired' : 'no_data', ...at };
  return become({ state: 'firing', sinceMs, alarmId: id, cause, notified: false, deferred }, 'fired');
}

/** What waits for the cooldown is dropped with the alarm. */
export function end({ condition }: Subject, state: Firing, event: AlarmEvent, kind: 'resolved' | 'ended'): Step {
  const due = state.notified ? [dueOf(condition, kind, state, event)] : noneDue;
  const reason = event.kind === 'stopped' || event.kind === 'forgotten' ? event.kind : 'resolved';
  return { next: ok, due, reason, changed: true };
}
