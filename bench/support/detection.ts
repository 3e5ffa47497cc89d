import type { Lateness } from './open-loop.ts';

/** An alarm's sample has this value plus the alarm's number. */
export const alarmValue = 1_000_000;

/** What the generator did. */
export interface Generated {
  /** Number and intended time of each alarm's sample. */
  readonly alarms: readonly (readonly [number, number])[];
  readonly lateness: Lateness;
  readonly failures: number;
}

/** When each alarm, by its number, was heard of. */
export interface Arrivals {
  readonly arrivals: readonly (readonly [number, number])[];
  /** Heard again under the same id: whoever sends drops them. */
  readonly copies?: number;
}

/** The numbers of the alarms that a message for Discord tells of. */
export function alarmsIn(body: string): number[] {
  const values = body.matchAll(/"name":"Metric value","value":"([\d.]+)"/g);
  return [...values].map(([, value]) => Number(value) - alarmValue);
}
