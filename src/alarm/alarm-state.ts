/** The state of one rule on one series. Times are event times in milliseconds since the epoch. */
export type AlarmState = Ok | Pending | Firing;

interface Ok {
  readonly state: 'ok';
}

/** In breach, but not for long enough, or not often enough, to fire yet. */
interface Pending {
  readonly state: 'pending';
  /** When the breach began. */
  readonly sinceMs: number;
  /** Of a rule with `for_samples`: see Firing. */
  readonly recent?: readonly boolean[] | undefined;
  /** Of a rule with levels: what each is. */
  readonly levels?: readonly LevelState[] | undefined;
}

/** One of an alarm's levels. */
export interface LevelState {
  readonly state: AlarmState['state'];
  /** When its breach began; undefined when it is ok. */
  readonly sinceMs?: number | undefined;
  /** Of one that fires: since when the values have been clear of it. */
  readonly clearSinceMs?: number | undefined;
  /** A message of this firing of the alarm was sent at this level. */
  readonly notified?: true | undefined;
}

export interface Firing {
  readonly state: 'firing';
  /** When the breach began (with `for_seconds` before it fired), or when the next sample was expected and did not come. */
  readonly sinceMs: number;
  /** The identity of this firing (identity.ts). */
  readonly alarmId: string;
  readonly cause: Cause;
  /** Whether any notification of this firing was sent. */
  readonly notified: boolean;
  /** The notification that waits for the cooldown to end; at most one. */
  readonly deferred?: Deferred | undefined;
  /**
   * Of a rule with `for_samples`: which of the newest values were in breach, oldest first, from the first that was; undefined when
   * none was.
   */
  readonly recent?: readonly boolean[] | undefined;
  /** Of a rule with levels that fires by its value: what each is, at least one of them firing. */
  readonly levels?: readonly LevelState[] | undefined;
  /** Without levels: since when the values have been clear, the newest included; undefined when that is not clear. */
  readonly clearSinceMs?: number | undefined;
  /** Of an alarm that fires by its value: when its series was last received, once that is too long ago. */
  readonly silentSinceMs?: number | undefined;
  /** The time of the last message: what reminders are counted from. */
  readonly messagedMs?: number | undefined;
}

/** A notification that is due, with what made it due. */
export interface Deferred {
  readonly kind: 'fired' | 'raised' | 'no_data' | 'reminder';
  readonly sample: SamplePlace;
  /** Tells what a clock made due from what was made due at the same sample before; 0 for what a sample made due. */
  readonly ordinal: number;
  /** The compared value then; for `no_data` the last one received, or undefined. */
  readonly x: number | undefined;
  /** T then; for `no_data` when the sample was expected. */
  readonly timeMs: number;
}

/** Why an alarm fires: its value is in breach, or its series sends no data. */
export type Cause = (typeof causes)[number];

export const causes = ['breach', 'no_data'] as const;

export const ok: Ok = Object.freeze({ state: 'ok' });

/** Whether two states say the same, whatever fields are left out. */
export function isSameState(one: AlarmState, other: AlarmState): boolean {
  return textOf(one) === textOf(other);
}

function textOf(state: AlarmState): string {
  if (state.state === 'ok') return state.state;
  if (state.state === 'pending') return JSON.stringify([state.state, state.sinceMs, state.recent, state.levels]);
  const { recent, levels, sinceMs, alarmId, cause, notified, deferred, clearSinceMs, silentSinceMs, messagedMs } =
    state;
  const due = deferred === undefined ? null : [deferred.kind, deferred.sample.offset, deferred.ordinal];
  return JSON.stringify([
    sinceMs,
    alarmId,
    cause,
    notified,
    due,
    recent,
    levels,
    clearSinceMs,
    silentSinceMs,
    messagedMs,
  ]);
}

/** Whether the newest value is clear: of each level that fires. */
export function isClear({ levels, clearSinceMs }: Firing): boolean {
  if (levels === undefined) return clearSinceMs !== undefined;
  return levels.every((level) => level.state !== 'firing' || level.clearSinceMs !== undefined);
}

/** The notification that is sent as soon as no cooldown holds it back: what is deferred, which waits while the value is clear. */
export function sendable(state: AlarmState): Deferred | undefined {
  if (state.state !== 'firing') return undefined;
  return isClear(state) && state.silentSinceMs === undefined ? undefined : state.deferred;
}

/** The place and time of the sample that a state, or a notification, is a function of. */
export interface SamplePlace {
  readonly partition: number;
  readonly offset: number;
  /** The record's own timestamp, which for a late sample lies before T. */
  readonly timestampMs: number;
}

/** A rule's version: its place in the `rules` log. */
export interface RuleVersion {
  readonly partition: number;
  readonly offset: number;
}
