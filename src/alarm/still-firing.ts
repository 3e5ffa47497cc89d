// A sample that leaves an alarm firing: what it makes due.
import type { Condition } from '../rule/condition.ts';
import type { SampleEvent, Subject } from './alarm-event.ts';
import type { Deferred, Firing } from './alarm-state.ts';
import { isBreach } from './judgement.ts';
import { become, becomeDue, dueAt, dueOf, noneDue, stay, type Step } from './step-result.ts';

/** `state`: with this value, before anything is made due; `before`: without it. */
export function onStillFiring({ condition }: Subject, state: Firing, before: Firing, event: SampleEvent): Step {
  if (state.silentSinceMs !== undefined) return onSilenceEnded(condition, state, event);
  if (state.deferred === undefined) {
    if (condition.everySample && isBreach(condition, event.x))
      return becomeDue(state, { kind: 'fired', ...dueAt(event) });
    if (isReminderDue(condition, state, event.timeMs)) return becomeDue(state, { kind: 'reminder', ...dueAt(event) });
  }
  if (state.clearSinceMs === before.clearSinceMs)
    return state.recent === before.recent && state.levels === before.levels
      ? stay(before, 'still_firing')
      : become(state, 'still_firing');
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
