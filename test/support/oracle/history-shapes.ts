/** What kinds of histories there are: each kind leaves out what is somebody else's to judge, and says why. */

export interface HistoryShape {
  readonly stepsMin: number;
  readonly stepsMax: number;
  /** By how much time goes on from one sample to the next. */
  readonly paceMs: readonly number[];
  /** How far a sample's timestamp lies behind the time. */
  readonly lateMs: readonly number[];
  /** By how much the clock runs ahead when it is read; empty when nobody reads it. */
  readonly clockMs: readonly number[];
  readonly noDataSeconds: readonly number[];
  readonly windowSeconds: readonly number[];
  readonly staleSeconds: readonly number[];
  readonly cooldownSeconds: readonly number[];
  readonly remindSeconds: readonly number[];
  /** Which sets of tags the series have, by number; one that is named more often has more samples. */
  readonly tags: readonly number[];
  /** How often rules change, and the process begins anew, where forty samples are taken. */
  readonly edits: number;
  readonly restarts: number;
  /** Whether an id that was deleted may come back. No client can do that, and a restart remembers what the id meant before. */
  readonly revivals: boolean;
  /**
   * Whether a rule may begin to watch for silence later than its series were seen. After a restart series are known only as far
   * back as the rules of that time asked for.
   */
  readonly lateWatches: boolean;
  /** Whether a group of all series may be waited for before any was seen: since when is told by the clock of whoever waits. */
  readonly awaitsFirst: boolean;
}

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** Time as the samples alone tell it, to and fro. */
export const clocklessShape: HistoryShape = {
  stepsMin: 0,
  stepsMax: 60,
  paceMs: [0, 0, 1, 250, 1_000, 1_000, 5_000, 5_000, 30_000, 10 * minute, hour, day - 1, day, day + 1, 30 * hour],
  lateMs: [0, 0, 0, 0, 0, 0, 1, 1_000, 5_000, 30_000, 10 * minute, 2 * hour, day, 25 * hour],
  clockMs: [],
  noDataSeconds: [60],
  windowSeconds: [0.25, 1, 5, 60, 60, 60, 3_600, 86_400],
  staleSeconds: [0.5, 5, 60, 50_000],
  cooldownSeconds: [0, 1, 5, 60, 1_800, 100_000],
  remindSeconds: [60, 600, 7_200],
  tags: [0, 0, 1, 1, 1, 2, 3, 4],
  edits: 6,
  restarts: 0,
  revivals: true,
  lateWatches: true,
  awaitsFirst: true,
};

/** Few series, many samples, nothing but thresholds: most samples change nothing, and are to be seen to do so at a glance. */
export const thresholdsShape: HistoryShape = {
  ...clocklessShape,
  stepsMin: 40,
  stepsMax: 120,
  noDataSeconds: [],
  windowSeconds: [],
  tags: [0, 1],
  edits: 2,
};

/** The clock is read, and series fall silent. Readings lie apart by so much that each is noticed. */
export const silenceShape: HistoryShape = {
  ...clocklessShape,
  lateMs: [0, 0, 0, 0, 0, 0, 1, 1_000, 5_000, 30_000, 10 * minute],
  clockMs: [minute, minute + 1, minute + 5_000, 2 * minute, hour, hour + 1, 10 * hour, day, 40 * hour],
  noDataSeconds: [5, 60, 3_600, 50_000],
  windowSeconds: [0.25, 1, 5, 60, 60, 60, 3_600],
};

/**
 * The process begins anew now and then, from the log alone. All happens within a day: which samples of a series are older than
 * what a restart reads is then of no account.
 */
export const restartShape: HistoryShape = {
  ...clocklessShape,
  paceMs: [0, 0, 1, 250, 1_000, 1_000, 5_000, 5_000, 30_000, 5 * minute],
  lateMs: [0, 0, 0, 0, 0, 0, 1, 1_000, 5_000, 30_000, 5 * minute],
  noDataSeconds: [],
  edits: 3,
  restarts: 5,
  revivals: false,
  lateWatches: false,
};

/** So it does when series fall silent. No sample is so late that it ends a silence without ending it in time, too. */
export const restartInSilenceShape: HistoryShape = {
  ...restartShape,
  lateMs: [0, 0, 0, 1, 1_000],
  clockMs: [minute, minute + 1, minute + 5_000, 2 * minute, hour],
  noDataSeconds: [5, 60, 3_600],
};

/** For the simulation, whose processes come and go: some minutes of samples, and now and then a rule that changes. */
export const simulatedShape: HistoryShape = {
  ...clocklessShape,
  stepsMin: 60,
  stepsMax: 110,
  edits: 1,
  revivals: false,
  lateWatches: false,
  paceMs: [0, 1, 250, 1_000, 2_000],
  lateMs: [0, 0, 0, 0, 1, 1_000, 20_000],
  noDataSeconds: [],
  windowSeconds: [0.25, 1, 5, 60, 60, 60, 3_600],
};

/**
 * The same, with silences: between two readings of the clock no series falls silent, and at each all do. So it is nobody's
 * chance when a silence is noticed.
 */
export const simulatedSilenceShape: HistoryShape = {
  ...simulatedShape,
  clockMs: [400_000],
  awaitsFirst: false,
  noDataSeconds: [300],
  // A crash amid a decision on several series leaves some of them to the next reading, which a cooldown then holds back: for which of
  // them is chance. restore.test.ts crashes amid what cooldowns hold back.
  cooldownSeconds: [],
  // A reading that a crash interrupts is repeated, and would remind twice.
  remindSeconds: [],
};
