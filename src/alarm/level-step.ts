// A sample for an alarm whose rule has levels.
import type { SampleEvent, Subject } from './alarm-event.ts';
import { ok, type AlarmState, type Firing, type LevelState } from './alarm-state.ts';
import { earliestSince, highestFiring, levelOf, levelsAfter, levelStates, withoutNotified } from './level-states.ts';
import { become, dueAt, dueOf, end, fire, noneDue, stay, type Step } from './step-result.ts';
import { onStillFiring } from './still-firing.ts';

/** The alarm does not fire without data. */
export function onSampleOfLevels(subject: Subject, state: AlarmState, event: SampleEvent): Step {
  const known = levelStates(subject.condition.levels!, state);
  const levels = levelsAfter(subject.condition, known, event);
  const level = highestFiring(levels);
  if (state.state === 'firing') {
    if (level === undefined) return { ...end(subject, state, event, 'resolved'), next: notFiring(levels) };
    return onStillFiringAt(subject, state, { levels, level }, event);
  }
  if (level !== undefined) {
    const fired = fire(subject, 'breach', earliestSince(levels, 'firing')!, dueAt(event));
    return { ...fired, next: { ...(fired.next as Firing), levels } };
  }
  const next = notFiring(levels);
  if (next.state === 'ok')
    return state.state === 'ok' ? stay(state, 'nothing_to_do') : become(ok, 'breach_ended_in_time');
  if (state.state === 'ok') return become(next, 'breach_began');
  return levels === state.levels ? stay(state, 'breach_goes_on') : become(next, 'breach_goes_on');
}

/** Levels that still pend when none fires. */
function notFiring(levels: readonly LevelState[]): AlarmState {
  const sinceMs = earliestSince(levels, 'pending');
  return sinceMs === undefined ? ok : { state: 'pending', sinceMs, levels: withoutNotified(levels) };
}

/**
 * A rise to a level at which nothing of this firing was sent is sent at once, whatever the cooldown, in place of what is deferred. A
 * later one is a reason to repeat, where the rule repeats; a fall never is. Of both a notifier learns without a message.
 */
function onStillFiringAt(
  subject: Subject,
  state: Firing,
  { levels, level }: { readonly levels: readonly LevelState[]; readonly level: number },
  event: SampleEvent,
): Step {
  const { condition } = subject;
  const before = levelOf(state) ?? 1;
  const next: Firing = { ...state, recent: undefined, clearSinceMs: undefined, levels };
  if (level > before && levels[level - 1]!.notified !== true) {
    const due =
      state.notified && state.silentSinceMs !== undefined ? [dueOf(condition, 'data_again', next, event)] : noneDue;
    const raised: Firing = { ...next, silentSinceMs: undefined, deferred: { kind: 'raised', ...dueAt(event) } };
    return { next: raised, due, reason: 'raised', changed: true, isUrgent: true };
  }
  const result = onStillFiring(subject, next, state, event);
  if (level === before) return result;
  const kind = level > before ? 'raised' : 'lowered';
  const { deferred } = result.next as Firing;
  const isRepeated = kind === 'raised' && deferred?.kind === 'fired' && deferred.sample.offset === event.sample.offset;
  if (isRepeated)
    return { ...result, next: { ...(result.next as Firing), deferred: { ...deferred, kind } }, reason: kind };
  const notice = state.notified ? [{ ...dueOf(condition, kind, next, event), message: false }] : noneDue;
  return { ...result, due: [...result.due, ...notice], reason: kind, changed: true };
}
