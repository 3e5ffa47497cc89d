// The list of rules as the page shows it: searched here, for a browser should not load a hundred thousand rules to show
// fifty. Rules are found in the order of their ids, page by page.
import { tagOf } from '../metric/sample.ts';
import type { AlarmRecord } from '../alarm/alarm-record.ts';
import type { RuleBook } from '../rule/rule-book.ts';
import type { RuleEntry } from '../rule/rule-list.ts';

/** What a rule is doing: the gravest state of its alarms, or that it is disabled. */
type RuleState = 'firing' | 'pending' | 'ok' | 'disabled';

export interface RuleSummary {
  readonly entry: RuleEntry;
  readonly state: RuleState;
  readonly firing: number;
  readonly pending: number;
  /** Series that have been seen. */
  readonly series: number;
  /** The longest firing alarm, or else the longest pending one. */
  readonly worst: AlarmRecord | undefined;
}

type Term = (summary: () => RuleSummary, entry: RuleEntry) => boolean;

/**
 * Reads what stands in the search field: `metric:cpu*`, `tag:host=web-1`, `state:firing` and words, all of which must
 * hold. A word is looked for in the metric's name, the description and the id. No regular expression comes from outside.
 */
function parseSearch(text: string): Term[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return words.map((word): Term => {
    if (word.startsWith('metric:')) return (_, { rule }) => globMatches(word.slice(7), rule.metric_name.toLowerCase());
    if (word.startsWith('state:')) return (summary) => summary().state === word.slice(6);
    if (word.startsWith('tag:')) return tagTerm(word.slice(4));
    return (_, { rule }) =>
      [rule.metric_name, rule.description ?? '', rule.id].some((field) => field.toLowerCase().includes(word));
  });
}

function tagTerm(pair: string): Term {
  const equals = pair.indexOf('=');
  const [key, value] = equals < 0 ? [pair, undefined] : [pair.slice(0, equals), pair.slice(equals + 1)];
  return (_, { rule }) => {
    const found = Object.keys(rule.tags ?? {}).find((name) => name.toLowerCase() === key);
    return found !== undefined && (value === undefined || globMatches(value, tagOf(rule.tags!, found)!.toLowerCase()));
  };
}

/** Whether the text is the pattern, in which each `*` stands for any text. Linear in the text. */
export function globMatches(pattern: string, text: string): boolean {
  const parts = pattern.split('*');
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

export interface SearchPage {
  readonly text: string;
  readonly after: string | undefined;
  readonly limit: number;
}

/** The rules of one page, and the id to go on after when there are more. */
export function searchRules(
  book: RuleBook,
  alarmsOf: (ruleId: string) => Iterable<AlarmRecord>,
  page: SearchPage,
): { rules: RuleSummary[]; next: string | undefined } {
  const terms = parseSearch(page.text);
  const found: RuleSummary[] = [];
  for (const entry of entriesAfter(book, page.after)) {
    let made: RuleSummary | undefined;
    const summary = (): RuleSummary => (made ??= summarize(entry, alarmsOf(entry.rule.id)));
    if (!terms.every((term) => term(summary, entry))) continue;
    if (found.length === page.limit) return { rules: found, next: found.at(-1)!.entry.rule.id };
    found.push(summary());
  }
  return { rules: found, next: undefined };
}

/** Entries in the order of their ids, read from the book in parts. */
function* entriesAfter(book: RuleBook, after: string | undefined): Generator<RuleEntry> {
  const partRules = 500;
  for (let last = after; ;) {
    const part = book.page({ after: last, limit: partRules });
    yield* part;
    if (part.length < partRules) return;
    last = part.at(-1)!.rule.id;
  }
}

function summarize(entry: RuleEntry, alarms: Iterable<AlarmRecord>): RuleSummary {
  let [firing, pending, series] = [0, 0, 0];
  let worst: AlarmRecord | undefined;
  for (const alarm of alarms) {
    series++;
    if (alarm.state.state === 'ok') continue;
    if (alarm.state.state === 'firing') firing++;
    else pending++;
    if (worst === undefined || isGraver(alarm, worst)) worst = alarm;
  }
  const enabled = entry.condition.enabled;
  const state = !enabled ? 'disabled' : firing > 0 ? 'firing' : pending > 0 ? 'pending' : 'ok';
  return { entry, state, firing, pending, series, worst };
}

const gravity = { firing: 0, pending: 1, ok: 2 };

/** Orders alarms: firing ones first, then pending ones, each longest first. */
function isGraver(one: AlarmRecord, other: AlarmRecord): boolean {
  return compareGravity(one, other) < 0;
}

export function compareGravity(one: AlarmRecord, other: AlarmRecord): number {
  const [a, b] = [one.state, other.state];
  if (a.state !== b.state) return gravity[a.state] - gravity[b.state];
  if (a.state !== 'ok' && b.state !== 'ok' && a.sinceMs !== b.sinceMs) return a.sinceMs - b.sinceMs;
  return one.series.name < other.series.name ? -1 : one.series.name > other.series.name ? 1 : 0;
}
