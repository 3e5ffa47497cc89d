/**
 * Matchers as people type and read them, one a line:
 *
 *   host=web-1            equal                  host!=web-1           absent, or another
 *   host=web-1|web-2      one of several         host!=web-1|web-2
 *   host=web-*            * is any text          host!=web-*
 *   host exists           host absent
 *
 * In values `\*` is a star, `\|` a bar, and `\\` a backslash.
 */
import { unreachable } from '../base/assert.ts';
import { formOf, type MatcherForm, type TagMatcher, type ValueMatcher } from './matcher.ts';

export const matcherTextHint = 'host=web-1|web-2, host=web-*, host!=db-1, host exists or host absent';

/** A tag's key and its matcher, or what is wrong with the line. */
export function parseMatcher(line: string): readonly [key: string, matcher: TagMatcher] | { readonly problem: string } {
  const text = line.trim();
  const [, present, word] = /^([^=!]*\S)\s+(exists|absent)$/.exec(text) ?? [];
  if (present !== undefined) return [present, { exists: word === 'exists' }];
  const [, key, not, given] = /^([^=]*?)\s*(!?)=\s*(.*)$/s.exec(text) ?? [];
  if (key === undefined || key === '' || given === undefined) return { problem: `must be ${matcherTextHint}` };
  const value = parseValue(given);
  if (typeof value === 'object' && 'problem' in value) return value;
  return [key, not === '' ? value : { not: value }];
}

/** Characters of a value, a wildcard apart from a star. */
type Letter = string | typeof wildcard;
const wildcard = Symbol('*');

function parseValue(text: string): ValueMatcher | { readonly problem: string } {
  const values: Letter[][] = [[]];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    const next = text[at + 1];
    if (letter === '\\' && next !== undefined && '*|\\'.includes(next)) {
      values.at(-1)!.push(next);
      at++;
    } else if (letter === '|') values.push([]);
    else values.at(-1)!.push(letter === '*' ? wildcard : letter);
  }
  const hasWildcard = values.some((value) => value.includes(wildcard));
  if (!hasWildcard) return values.length === 1 ? values[0]!.join('') : values.map((value) => value.join(''));
  if (values.length > 1) return { problem: String.raw`must have no * in a list of values; \* is a star` };
  const pattern = values[0]!;
  if (
    pattern.some((letter, index) => letter === '\\' && (pattern[index + 1] === wildcard || pattern[index + 1] === '*'))
  )
    return { problem: 'must have no backslash before a star' };
  return {
    like: pattern.map((letter) => (letter === wildcard ? '*' : letter === '*' ? String.raw`\*` : letter)).join(''),
  };
}

/** The line that parseMatcher reads as this matcher. Some keys and values cannot be written so; then it reads as another, or as none. */
export function matcherText(key: string, matcher: TagMatcher): string {
  const form = formOf(matcher);
  switch (form.kind) {
    case 'exists':
      return `${key} ${form.exists ? 'exists' : 'absent'}`;
    case 'not':
      return `${key}!=${valueText(form.of)}`;
    default:
      return `${key}=${valueText(form)}`;
  }
}

function valueText(form: Exclude<MatcherForm, { kind: 'exists' | 'not' }>): string {
  switch (form.kind) {
    case 'is':
      return escaped(form.value);
    case 'one_of':
      return form.values.map(escaped).join('|');
    case 'like':
      // Its own `\*` stays; another backslash, and a bar, are no signs in it.
      return form.pattern.replaceAll(/\\(?!\*)|\|/g, String.raw`\$&`);
    default:
      return unreachable(form);
  }
}

function escaped(value: string): string {
  return value.replaceAll(/[\\*|]/g, String.raw`\$&`);
}
