// The rules that a search matches, as far as they are shown: rows by rank, polled every two seconds.
//
// Where the server knows how many match, any rows can be requested by rank. Where it does not, since too many match, they are read page
// by page, as far as the user scrolls.
import type { RuleView } from '../../../wire/rules.ts';
import { signal, type Signal } from '@preact/signals';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { ApiError, api, token } from '../state/api.ts';
import { missedChanges } from '../parts/missed-changes.ts';
import { isResting } from '../state/pause.ts';
import { isRefused } from '../state/query.ts';

const everyMs = 2_000;
const typingMs = 150;
const scrollingMs = 40;
const pageRows = 60;
/** Rows are kept for scrolling back, but not all of a million. */
const keptRows = 400;
/** One answer covers only some of the rules, and may find none among them. */
const askedAtOnce = 8;

export interface RuleRows {
  readonly rows: ReadonlyMap<number, RuleView>;
  /** Rows to scroll through: all that match, or those found so far. */
  readonly count: number;
  /** How many match, if known. */
  readonly total: number | undefined;
  /** How many changes the held rows do not show. */
  readonly missed: number;
}

/** Follows one search. */
export class FollowedRules {
  readonly found: Signal<RuleRows | undefined> = signal(undefined);
  readonly failure = signal('');
  readonly #search: string;
  /** Ids by rank for a search whose matches are not counted, and the cursor of the next page. */
  #ids: string[] | undefined;
  #next: string | undefined;
  #first = 0;
  #last = pageRows;
  #isHeld = false;
  #turn = 0;
  #isAsking = false;
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(search: string) {
    this.#search = search;
  }

  /** The rows from `first` to before `last` are in the window. */
  look(first: number, last: number): void {
    if (first === this.#first && last === this.#last) return;
    [this.#first, this.#last] = [first, last];
    const rows = this.found.value?.rows;
    let isMissing = rows === undefined || (this.#next !== undefined && last >= this.found.value!.count);
    for (let rank = first; !isMissing && rank < last; rank++) isMissing = !rows!.has(rank);
    if (!isMissing) return;
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.ask(), scrollingMs);
  }

  /** While held, rows keep their positions; their contents are still updated. */
  hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return;
    this.#isHeld = isHeld;
    if (!isHeld && (this.found.value?.missed ?? 0) > 0) void this.ask();
  }

  /** Removes a deleted rule at once; the rows below move up with the next answer. */
  forget(id: string): void {
    const before = this.found.value;
    if (before === undefined) return;
    const rows = new Map([...before.rows].filter(([, { rule }]) => rule.id !== id));
    if (rows.size < before.rows.size) this.found.value = { ...before, rows };
  }

  stop(): void {
    this.#turn++;
    clearTimeout(this.#soon);
  }

  /** An older answer never replaces a newer one. */
  async ask(): Promise<void> {
    const turn = ++this.#turn;
    this.#isAsking = true;
    const [first, last] = [this.#first, this.#last];
    try {
      const answer = this.#ids === undefined ? await this.#readByRank(first, last) : await this.#readOn(first, last);
      if (turn !== this.#turn) return;
      this.#take(first, answer.rules, answer.total);
      this.failure.value = '';
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (turn === this.#turn && isRefused(error)) this.failure.value = error.message;
    } finally {
      if (turn === this.#turn) this.#isAsking = false;
    }
  }

  /** Skipped while a slow server has not answered; otherwise no answer would ever be shown. */
  async askAgain(): Promise<void> {
    if (!this.#isAsking) await this.ask();
  }

  async #readByRank(first: number, last: number): Promise<{ rules: readonly RuleView[]; total: number | undefined }> {
    const { rules, next, total } = await api.search(this.#search, { skip: first, limit: last - first });
    if (total === undefined) {
      this.#ids = [];
      this.#next = next;
      return this.#goOn([...rules], last - first);
    }
    return { rules, total };
  }

  async #readOn(first: number, last: number): Promise<{ rules: readonly RuleView[]; total: number | undefined }> {
    const ids = this.#ids!;
    const from = Math.min(first, ids.length);
    const isAtEnd = last >= ids.length;
    const after = ids[from - 1];
    const limit = isAtEnd ? last - from + pageRows : last - from;
    const { rules, next } = await api.search(this.#search, { after, limit: Math.min(200, limit) });
    if (!isAtEnd) return { rules, total: undefined };
    this.#next = next;
    return this.#goOn([...rules], last - from);
  }

  async #goOn(rules: RuleView[], wanted: number): Promise<{ rules: readonly RuleView[]; total: number | undefined }> {
    for (let asked = 0; rules.length < wanted && this.#next !== undefined && asked < askedAtOnce; asked++) {
      const more = await api.search(this.#search, { after: this.#next, limit: pageRows });
      rules.push(...more.rules);
      this.#next = more.next;
    }
    return { rules, total: undefined };
  }

  #take(first: number, fresh: readonly RuleView[], total: number | undefined): void {
    const before = this.found.value;
    const rows = new Map<number, RuleView>();
    for (const [rank, view] of before?.rows ?? [])
      if (Math.abs(rank - first) < keptRows && (this.#isHeld || total === undefined || rank < total))
        rows.set(rank, view);
    const missed = this.#isHeld ? this.#renew(rows, first, fresh) : 0;
    if (missed === 0) fresh.forEach((view, index) => rows.set(first + index, view));
    if (this.#ids !== undefined) this.#ids.splice(first, fresh.length, ...fresh.map(({ rule }) => rule.id));
    const count = total ?? this.#ids!.length;
    const isEnd = total === undefined && this.#next === undefined;
    this.found.value = {
      rows,
      count: missed === 0 ? count : Math.max(count, before!.count),
      total: isEnd ? count : total,
      missed,
    };
  }

  /** Updates the contents of held rows, and counts the changes they do not show. */
  #renew(rows: Map<number, RuleView>, first: number, fresh: readonly RuleView[]): number {
    const held = new Map<string, number>();
    for (let rank = first; rank < Math.max(first + fresh.length, this.#last); rank++) {
      const id = rows.get(rank)?.rule.id;
      if (id !== undefined) held.set(id, rank);
    }
    const isAsBefore = [...held].every(([id, rank]) => fresh[rank - first]?.rule.id === id);
    if (isAsBefore) return 0;
    for (const view of fresh) {
      const rank = held.get(view.rule.id);
      if (rank !== undefined) rows.set(rank, view);
    }
    return missedChanges(
      [...held.keys()],
      fresh.map(({ rule }) => rule.id),
    );
  }
}

export function useFollowedRules(search: string): FollowedRules {
  const isFirst = useRef(true);
  const isTyped = !isFirst.current && search !== '';
  const followed = useMemo(() => {
    const made = new FollowedRules(search);
    // Requested while the rest of the screen is drawn, so that the answer may arrive before the first paint.
    if (!isTyped) void made.ask();
    return made;
  }, [search, token.value]);
  useLayoutEffect(() => {
    isFirst.current = false;
    const first = isTyped ? setTimeout(() => void followed.ask(), typingMs) : undefined;
    const timer = setInterval(() => void (isResting() || followed.askAgain()), everyMs);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
      followed.stop();
    };
  }, [followed]);
  return followed;
}
