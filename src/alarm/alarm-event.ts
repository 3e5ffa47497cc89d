import type { Condition } from '../rule/condition.ts';
import type { SamplePlace } from './alarm-state.ts';

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
export interface DataEvent {
  readonly kind: 'data';
  readonly timeMs: number;
  readonly sample: SamplePlace;
}

/** The next sample of the series was expected by this time, and did not come. */
export interface NoDataEvent {
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
export interface RemindEvent {
  readonly kind: 'remind';
  readonly timeMs: number;
  readonly x: number | undefined;
  readonly sample: SamplePlace;
  readonly ordinal: number;
}

/** The rule was deleted, disabled, or no longer matches; or the series is silent for so long that nothing is known of it. */
export interface EndEvent {
  readonly kind: 'stopped' | 'forgotten';
  /** When that was. */
  readonly timeMs: number;
  /** The last sample of the series. */
  readonly sample: SamplePlace;
}
