import type { Cause, SamplePlace } from './alarm-state.ts';

export type NotificationKind = 'fired' | 'resolved' | 'no_data';

/** A notification to be sent. */
export interface Due {
  readonly id: string;
  readonly kind: NotificationKind;
  readonly alarmId: string;
  /** What the alarm fires, or fired, for. */
  readonly cause: Cause;
  readonly sinceMs: number;
  readonly timeMs: number;
  /** undefined for want of data. */
  readonly x: number | undefined;
  readonly sample: SamplePlace;
  /** Whether it makes good for one that the cooldown withheld. */
  readonly owed: boolean;
}
