/**
 * The levels of an alarm whose rule has several thresholds. Each pends, fires and clears by itself; the alarm's level is the highest
 * that fires. Numbered from 1, the least severe first.
 */
import type { Condition, LevelCondition } from '../rule/condition.ts';
import type { AlarmState, Firing, LevelState } from './alarm-state.ts';
import { judgeLevel } from './judgement.ts';

const okLevel: LevelState = { state: 'ok' };

/** The number of the highest level that fires; undefined when none does. */
export function highestFiring(levels: readonly LevelState[]): number | undefined {
  const index = levels.findLastIndex(({ state }) => state === 'firing');
  return index === -1 ? undefined : index + 1;
}

/** The level of a firing alarm; undefined without levels, or without data. */
export function levelOf({ levels }: Firing): number | undefined {
  return levels && highestFiring(levels);
}

/** The levels at which a message of this firing was sent. */
export function notifiedLevels({ levels = [] }: Firing): readonly number[] {
  return levels.flatMap(({ notified }, index) => (notified === true ? [index + 1] : []));
}

/** Since when the earliest of the levels of a state has been in it; undefined when none is. */
export function earliestSince(levels: readonly LevelState[], state: 'pending' | 'firing'): number | undefined {
  const times = levels.flatMap((level) => (level.state === state ? [level.sinceMs ?? 0] : []));
  return times.length === 0 ? undefined : Math.min(...times);
}

/** As an alarm that does not fire keeps them. */
export function withoutNotified(levels: readonly LevelState[]): readonly LevelState[] {
  return levels.map(({ notified: _notified, ...level }) => level);
}

/** A message was sent at a level. */
export function withNotified(levels: readonly LevelState[], level: number): readonly LevelState[] {
  return levels.map((one, index) => (index + 1 === level ? { ...one, notified: true } : one));
}

/** What a state says of the levels that a condition has, matched by position: the version before may have had others, or none. */
export function levelStates(conditions: readonly LevelCondition[], state: AlarmState): readonly LevelState[] {
  const known = knownLevels(state);
  if (known.length === conditions.length) return known;
  return conditions.map((_, index) => known[index] ?? okLevel);
}

/** Of a rule that had no levels the alarm is the first one. */
function knownLevels(state: AlarmState): readonly LevelState[] {
  if (state.state === 'ok') return [];
  if (state.levels !== undefined) return state.levels;
  const { sinceMs } = state;
  if (state.state === 'pending') return [{ state: 'pending', sinceMs }];
  const level: LevelState = { state: 'firing', sinceMs, clearSinceMs: state.clearSinceMs };
  return [state.notified ? { ...level, notified: true } : level];
}

/** The levels after a value; the very same when it changes none. */
export function levelsAfter(
  condition: Condition,
  before: readonly LevelState[],
  { x, timeMs }: { readonly x: number; readonly timeMs: number },
): readonly LevelState[] {
  const after = before.map((level, index) => levelAfter(condition, condition.levels![index]!, level, { x, timeMs }));
  return after.every((level, index) => level === before[index]) ? before : after;
}

function levelAfter(
  condition: Condition,
  own: LevelCondition,
  before: LevelState,
  { x, timeMs }: { readonly x: number; readonly timeMs: number },
): LevelState {
  const isBreach = judgeLevel(condition, own.threshold, x) === 'breach';
  const { notified } = before;
  if (before.state === 'firing') {
    const clearSinceMs = isBreach ? undefined : (before.clearSinceMs ?? timeMs);
    if (clearSinceMs !== undefined && timeMs - clearSinceMs >= condition.resolveForMs)
      return withNotifiedIf(okLevel, notified);
    return clearSinceMs === before.clearSinceMs ? before : { ...before, clearSinceMs };
  }
  if (!isBreach) return before.state === 'ok' ? before : withNotifiedIf(okLevel, notified);
  const sinceMs = before.sinceMs ?? timeMs;
  if (timeMs - sinceMs >= own.forMs) return withNotifiedIf({ state: 'firing', sinceMs }, notified);
  return before.state === 'pending' ? before : withNotifiedIf({ state: 'pending', sinceMs }, notified);
}

function withNotifiedIf(level: LevelState, notified: true | undefined): LevelState {
  return notified === true ? { ...level, notified } : level;
}
