/** How the samples of a series become the value that a rule compares. */
export interface Measure {
  /**
   * Takes a sample and returns the value with it; undefined when the sample is older than the window, which is then as it was.
   * `timeMs`: milliseconds since the epoch. `value`: finite.
   */
  add(timeMs: number, value: number): number | undefined;
  /** Bytes of samples held, about. */
  readonly bytes: number;
}

/** What people see of one type of measure. */
export interface MeasureType {
  /** Whether it needs `window_duration_seconds`; without a window the value is that of the newest sample. */
  readonly hasWindow: boolean;
  /** Whether the value is computed from samples, so that roundings may part it from a threshold that it equals. */
  readonly isComputed: boolean;
  readonly words: {
    /** "cpu … above 90" */
    readonly verb: string;
    /** "cpu … 95" */
    readonly verbPast: string;
    /** What the value is, at the head of a column: "Value", "Average" */
    readonly noun: string;
  };
}

/** Calculates a measure over (T - W, T], T being the series' largest timestamp so far and W the window's duration. */
export interface WindowCalculator {
  create(windowMs: number): Measure;
  /** The time, inclusive, from which the log must be read so that a measure filled from it equals one that always ran. */
  fillFromMs(timeMs: number, windowMs: number): number;
  /** The value from totals of the window, as far as they tell it. `count` is at least 1. */
  ofTotals(totals: { readonly sum: number; readonly count: number }): number | undefined;
}
