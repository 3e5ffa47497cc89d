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
  /** Whether it needs `percentile`. */
  readonly hasPercentile?: true;
  /** Whether the value is computed from samples, so that roundings may part it from a threshold that it equals. */
  readonly isComputed: boolean;
  readonly words: {
    /** "cpu … above 90" */
    readonly verb: string;
    /** "cpu … 95" */
    readonly verbPast: string;
    /** What the value is, at the head of a column: "Value", "Average" */
    readonly noun: string;
    /**
     * The value in a message, before ", which exceeds …". `{name}`: the metric's; `{is}`: is, or was; `{window}`: its length, as text;
     * `{seconds}`: the same in seconds.
     */
    readonly sentence: string;
  };
}

/** What distinguishes two measures of one type. */
export interface MeasureParameters {
  readonly windowMs: number;
  /** From 0 to 100. */
  readonly percentile?: number | undefined;
}

/** Calculates a measure over (T - W, T], T being the series' largest timestamp so far and W the window's duration. */
export interface WindowCalculator {
  create(parameters: MeasureParameters): Measure;
  /** Whether its values are of the samples' kind, so that a chart shows both; otherwise it shows the values alone. */
  readonly hasSampleScale: boolean;
  /** How far before T the log must be read, so that a measure that is filled from it equals one that has always run. */
  fillBackMs(windowMs: number): number;
  /** The value from totals of the window, as far as they tell it. `count` is at least 1. */
  ofTotals(totals: { readonly sum: number; readonly count: number }): number | undefined;
}
