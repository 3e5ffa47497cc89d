// The tags of a rule while it is being edited: what is asked of them as pairs of inputs, and as lines of text.
import { matcherText, parseMatcher } from '../../../rule/matcher-text.ts';
import { isMatcher, type TagMatcher, type TagMatchers } from '../../../rule/matcher.ts';

interface TagDraft {
  readonly key: string;
  readonly value: string;
}

/** Tags with a value as pairs of inputs, other matchers as lines of text. */
export interface TagsDraft {
  readonly exact: readonly TagDraft[];
  readonly lines: string;
  /** What the lines of the saved rule stand for: not every matcher can be written as a line. */
  readonly given: Readonly<Record<string, readonly [key: string, matcher: TagMatcher]>>;
}

export const tagsDrafting = {
  empty: (): TagsDraft => ({ exact: [], lines: '', given: {} }),
  of: (value: unknown): TagsDraft => {
    const entries = Object.entries((value ?? {}) as TagMatchers);
    const others = entries.filter(([, matcher]) => typeof matcher !== 'string');
    const given = Object.fromEntries(others.map((entry) => [lineOf(...entry), entry]));
    const exact = entries.flatMap(([key, tag]) => (typeof tag === 'string' ? [{ key, value: tag }] : []));
    return { exact, lines: Object.keys(given).join('\n'), given };
  },
  valueOf: (draft: TagsDraft): unknown => {
    const exact = draft.exact.filter(({ key, value }) => key !== '' || value !== '');
    const lines = linesOf(draft).map(({ line, key, matcher = null }) => [key ?? line, matcher] as const);
    const entries = [...exact.map(({ key, value }) => [key, value] as const), ...lines];
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  },
};

/** JSON may say what is no matcher. */
export function lineOf(key: string, matcher: TagMatcher): string {
  return isMatcher(matcher) ? matcherText(key, matcher) : `${key}=${JSON.stringify(matcher)}`;
}

interface MatcherLine {
  readonly line: string;
  /** Without a key and a matcher: what is wrong with the line. The server refuses it, too. */
  readonly problem?: string;
  readonly key?: string;
  readonly matcher?: TagMatcher;
}

/** The lines of a draft, without empty ones. */
export function linesOf({ exact, lines, given }: TagsDraft): MatcherLine[] {
  const keys = new Set(exact.map(({ key }) => key));
  return lines
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const read = given[line] ?? parseMatcher(line);
      if ('problem' in read) return { line, problem: read.problem };
      const [key, matcher] = read;
      if (keys.has(key)) return { line, problem: `names ${key}, which is there already` };
      keys.add(key);
      return { line, key, matcher };
    });
}
