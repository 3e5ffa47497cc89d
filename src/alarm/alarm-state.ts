/** What becomes of one rule on one series. Times are event times in milliseconds since the epoch. */
export type AlarmState = Ok | Pending | Firing;

interface Ok {
  readonly state: 'ok';
}

/** In breach, but not for long enough to fire yet. */
interface Pending {
  readonly state: 'pending';
  /** When the breach began. */
  readonly sinceMs: number;
}

export interface Firing {
  readonly state: 'firing';
  /** When the breach began (with `for_seconds` before it fired), or when the next sample was due and did not come. */
  readonly sinceMs: number;
  /** The identity of this firing (identity.ts). */
  readonly alarmId: string;
  readonly cause: Cause;
  /** Whether any notification of this firing was sent. */
  readonly notified: boolean;
  /** Whether one was withheld by the cooldown and not yet made good. */
  readonly owed: boolean;
}

/** Why an alarm fires: its value is in breach, or its series fell silent. */
export type Cause = 'breach' | 'no_data';

export const ok: Ok = Object.freeze({ state: 'ok' });

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
