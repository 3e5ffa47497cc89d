import type { RuleBook, RuleChange } from './rule-book.ts';

/** The rules as one process follows them: whoever needs them reads the book, and hears of each change after it was applied. */
export interface RuleFeed {
  readonly book: RuleBook;
  /** Resolves when all rules that stood in the log at the start are in the book. */
  readonly caughtUp: Promise<void>;
  /** Calls the listener after each record that was applied, until the returned function is called. */
  subscribe(listener: RuleListener): () => void;
}

export type RuleListener = (change: RuleChange, place: RulePlace) => void;

/** The record that a change came with. */
export interface RulePlace {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
}
