// The list of rules as the page shows it: searched here, for a browser should not load a million rules to show fifty. Rules are
// found in the order of their ids, page by page.
import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import type { RuleBook } from '../../rule/rule-book.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';
import type { RuleIndex } from '../live/rule-index.ts';
import { summarize, type RuleSummary } from './rule-summary.ts';
import { parseSearch } from './search-terms.ts';

export interface SearchPage {
  readonly text: string;
  readonly after?: string | undefined;
  /** How many are passed over, where that can be counted: see `total`. */
  readonly skip?: number | undefined;
  readonly limit: number;
}

export interface SearchSources {
  readonly book: RuleBook;
  readonly index: RuleIndex;
  readonly alarms: {
    ofRule(ruleId: string): Iterable<AlarmRecord>;
    /** Those that are firing or pending. */
    active(): Iterable<AlarmRecord>;
  };
}

export interface Found {
  readonly rules: RuleSummary[];
  /** The id to go on after. There may be more; and there may be none left that match. */
  readonly next: string | undefined;
  /** How many match, where that is known without looking at all. */
  readonly total: number | undefined;
}

/** So many that may match are all looked at, put in order and counted; more are looked at as they come. */
const countedMax = 5_000;
/** Rules that one question looks at: it is answered soon, whatever is asked, with an id to go on after. */
const lookedMax = 20_000;

/** The rules of one page, in the order of their ids. */
export function searchRules(sources: SearchSources, page: SearchPage): Found {
  const { book, index, alarms } = sources;
  const terms = parseSearch(page.text);
  if (terms.length === 0) return allRules(sources, page);
  const queries = terms.flatMap(({ query, isActive }) => {
    if (isActive === true) return [{ parts: [], ids: ruleIdsOf(alarms.active()) }];
    return query === undefined ? [] : [query];
  });
  const holds = (entry: RuleEntry): RuleSummary | undefined => {
    let made: RuleSummary | undefined;
    const summary = (): RuleSummary => (made ??= summarize(entry, alarms.ofRule(entry.rule.id)));
    return terms.every((term) => term.holds(entry, summary)) ? summary() : undefined;
  };
  const candidates = index.candidates(queries, countedMax);
  if (candidates === undefined) return lookedThrough(book, page, holds);
  const found = candidates.map(holds).filter((summary) => summary !== undefined);
  found.sort((one, other) => (one.entry.rule.id < other.entry.rule.id ? -1 : 1));
  const { after = '', skip = 0, limit } = page;
  const from = found.findIndex(({ entry }) => entry.rule.id > after);
  const rest = from < 0 ? [] : found.slice(from + skip);
  const rules = rest.slice(0, limit);
  return { rules, next: rest.length > limit ? rules.at(-1)!.entry.rule.id : undefined, total: found.length };
}

function* ruleIdsOf(alarms: Iterable<AlarmRecord>): Generator<string> {
  for (const { ruleId } of alarms) yield ruleId;
}

function allRules({ book, alarms }: SearchSources, { after, skip = 0, limit }: SearchPage): Found {
  const before = skip > 0 ? book.at(skip - 1)?.rule.id : after;
  const total = book.size;
  if (skip > 0 && before === undefined) return { rules: [], next: undefined, total };
  const part = book.page({ after: before, limit: limit + 1 });
  const rules = part.slice(0, limit).map((entry) => summarize(entry, alarms.ofRule(entry.rule.id)));
  return { rules, next: part.length > limit ? part[limit - 1]!.rule.id : undefined, total };
}

/** What matches is not rare, so it is soon found: from rule to rule, up to a limit. */
function lookedThrough(
  book: RuleBook,
  { after = '', limit }: SearchPage,
  holds: (entry: RuleEntry) => RuleSummary | undefined,
): Found {
  const rules: RuleSummary[] = [];
  let [looked, last] = [0, after];
  for (const entry of book.after(after)) {
    if (looked === lookedMax || rules.length === limit) return { rules, next: last, total: undefined };
    const summary = holds(entry);
    if (summary !== undefined) rules.push(summary);
    looked++;
    last = entry.rule.id;
  }
  return { rules, next: undefined, total: undefined };
}
