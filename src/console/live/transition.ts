import { alarmId } from '../../alarm/identity.ts';
import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import { subjectKey } from '../../metric/subject.ts';
import type { Transition } from './feed.ts';

/** A valid record of `alarms`, and the valid one before it. */
export interface AlarmChange {
  readonly before: AlarmRecord | undefined;
  readonly after: AlarmRecord;
  readonly place: { readonly partition: number; readonly offset: number; readonly timestampMs: number };
}

/**
 * The transition that a record describes; undefined when it only repeats a state, or adds to it. It is a function of the
 * log, so that every process that reads the log finds the same transitions at the same places.
 */
export function transitionOf({ before, after, place }: AlarmChange): Transition | undefined {
  const [from, to] = [before?.state, after.state];
  const began = to.state === 'firing' ? to.alarmId : undefined;
  const wasFiring = from?.state === 'firing' ? from.alarmId : undefined;
  if (from?.state === to.state && began === wasFiring) return undefined;
  // The record before may have been compacted away: then only a record that shows it itself is the first of its state.
  if (from === undefined && !isFirst(after)) return undefined;
  const cause = to.state === 'firing' ? to.cause : from?.state === 'firing' ? from.cause : undefined;
  return {
    kind: 'transition',
    topic: 'alarms',
    partition: place.partition,
    offset: place.offset,
    atMs: place.timestampMs,
    ruleId: after.ruleId,
    ruleVersion: after.ruleVersion,
    series: after.series,
    from: from?.state,
    to: to.state,
    alarmId: began,
    endedAlarmId: wasFiring,
    sinceMs: to.state === 'ok' ? (from?.state === 'ok' ? undefined : from?.sinceMs) : to.sinceMs,
    cause,
    x: after.x,
    timeMs: after.endedMs ?? after.timeMs,
  };
}

/** Whether the record is the first of its state. */
export function isFirst({ ruleId, series, state, sample, timeMs, clockDues }: AlarmRecord): boolean {
  if (state.state === 'pending') return state.sinceMs === timeMs;
  if (state.state === 'ok') return false;
  // The record of an alarm that fires without data counts it, too.
  const ordinal = state.cause === 'no_data' ? Math.max(0, clockDues - 1) : 0;
  return alarmId(ruleId, subjectKey(series), { ...sample, ordinal }, state.cause) === state.alarmId;
}
