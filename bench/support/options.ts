import type { Result } from './result.ts';

/** What `npm run bench` was told. */
export interface Options {
  /** Shows that it runs and that the work is equal, in seconds; no figure counts. */
  readonly isShort: boolean;
  /** Rounds of each subject, when the scenario is to run others than its own number. */
  readonly pairs: number | undefined;
  /** Each round is written down with the machine's conditions, for the JSON. */
  readonly journal: Round[];
}

/** One run of one subject in a fresh process, and what the machine did meanwhile. */
export interface Round {
  readonly scenario: string;
  readonly subject: string;
  readonly conditions: Conditions;
  readonly figures: unknown;
  /** It was measured again, since others took too much of the machine's time. */
  readonly repeated: boolean;
}

export interface Conditions {
  /** The share of all processor time that other machines on the same host took. */
  readonly stealShare: number;
  readonly contextSwitchesPerSecond: number;
  readonly load1: number;
  readonly wallMs: number;
}

export type Scenario = (options: Options) => Promise<Result[]>;

export function pairsOf(options: Options, full: number): number {
  return options.pairs ?? (options.isShort ? 1 : full);
}
