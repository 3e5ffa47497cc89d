// What a rule's `tags` ask of the tags of a series. Decided once for each series and version of a rule, never per sample.
import { unreachable } from '../base/assert.ts';
import { shown } from '../base/failure.ts';
import { tagKeyProblem, tagsMax, tagValueBytesMax, utf8Bytes, type TagProblem } from '../metric/metric-limits.ts';
import { tagOf, tagsOf, type Tags } from '../metric/sample.ts';

/** Of a tag that is there: its value, one of several, or a text in which `*` is any text and `\*` a star. */
export type ValueMatcher = string | readonly string[] | { readonly like: string };
export type TagMatcher = ValueMatcher | { readonly exists: boolean } | { readonly not: ValueMatcher };
/** By the tag's key. A series matches when every entry holds. Build them with matchersOf, as Tags with tagsOf. */
export type TagMatchers = Readonly<Record<string, TagMatcher>>;

/** A matcher by its form. */
type ValueForm =
  | { readonly kind: 'is'; readonly value: string }
  | { readonly kind: 'one_of'; readonly values: readonly string[] }
  | { readonly kind: 'like'; readonly pattern: string };
export type MatcherForm =
  | ValueForm
  | { readonly kind: 'exists'; readonly exists: boolean }
  | { readonly kind: 'not'; readonly of: ValueForm };

/** Values of one list. */
export const listedValuesMax = 100;
const allowedValue = `a string, a list of 1 to ${listedValuesMax} strings, {"like": "web-*"}`;
const allowed = `${allowedValue}, {"exists": true or false} or {"not": one of the first three}`;

export const noMatchers: TagMatchers = Object.freeze({});

export function formOf(matcher: TagMatcher): MatcherForm {
  if (typeof matcher === 'object' && 'exists' in matcher) return { kind: 'exists', exists: matcher.exists };
  if (typeof matcher === 'object' && 'not' in matcher) return { kind: 'not', of: valueFormOf(matcher.not) };
  return valueFormOf(matcher);
}

function valueFormOf(matcher: ValueMatcher): ValueForm {
  if (typeof matcher === 'string') return { kind: 'is', value: matcher };
  if ('like' in matcher) return { kind: 'like', pattern: matcher.like };
  return { kind: 'one_of', values: matcher };
}

/** Whether every entry holds for the tags of a series. Without entries every series matches. */
export function tagsMatch(matchers: TagMatchers | undefined, tags: Tags): boolean {
  if (matchers === undefined) return true;
  return Object.keys(matchers).every((key) => {
    const matcher = matchers[key]!;
    const value = tagOf(tags, key);
    return typeof matcher === 'string' ? value === matcher : holds(formOf(matcher), value);
  });
}

function holds(form: MatcherForm, value: string | undefined): boolean {
  if (form.kind === 'exists') return form.exists === (value !== undefined);
  if (form.kind === 'not') return value === undefined || !holds(form.of, value);
  if (value === undefined) return false;
  switch (form.kind) {
    case 'is':
      return value === form.value;
    case 'one_of':
      return form.values.includes(value);
    case 'like':
      return hasParts(likeParts(form.pattern), value);
    default:
      return unreachable(form);
  }
}

/** The texts between the stars that are any text. */
export function likeParts(pattern: string): string[] {
  return pattern.split(/(?<!\\)\*/).map((part) => part.replaceAll('\\*', '*'));
}

/** Whether a text is these parts with any text between them. At most the product of their lengths in time. */
export function hasParts(parts: readonly string[], text: string): boolean {
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return first === text;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

/** The one text that stands for matchers, whatever the order of their keys. */
export function matchersKey(matchers: TagMatchers): string {
  return JSON.stringify(Object.entries(matchers).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** A copy, which nobody who holds the original can change. */
export function matchersOf(matchers: TagMatchers): TagMatchers {
  return Object.fromEntries(Object.entries(matchers).map(([key, matcher]) => [key, structuredClone(matcher)]));
}

/** The tags that every matching series has, with their values. */
export function exactTags(matchers: TagMatchers): Tags {
  return tagsOf(Object.entries(matchers).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** What a search finds a matcher by: its values and its pattern; of what must not be, with `!` before them. */
export function matcherTexts(matcher: TagMatcher): readonly string[] {
  return textsOfForm(formOf(matcher));
}

function textsOfForm(form: MatcherForm): readonly string[] {
  switch (form.kind) {
    case 'is':
      return [form.value];
    case 'one_of':
      return form.values;
    case 'like':
      return [form.pattern];
    case 'exists':
      return [form.exists ? 'exists' : 'absent'];
    case 'not':
      return textsOfForm(form.of).map((text) => `!${text}`);
    default:
      return unreachable(form);
  }
}

/** Tags that a matching series may have: for an example. */
export function exampleTags(matchers: TagMatchers): Tags {
  return tagsOf(
    Object.entries(matchers).flatMap(([key, matcher]): [string, string][] => {
      const value = exampleValue(formOf(matcher));
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

function exampleValue(form: MatcherForm): string | undefined {
  switch (form.kind) {
    case 'is':
      return form.value;
    case 'one_of':
      return form.values[0];
    case 'like':
      return likeParts(form.pattern).join('1');
    case 'exists':
      return form.exists ? 'example' : undefined;
    case 'not':
      return undefined;
    default:
      return unreachable(form);
  }
}

/** What is wrong with a rule's tags, given as parsed JSON: one entry a problem, none when they are good. */
export function matchersProblems(matchers: unknown): TagProblem[] {
  if (typeof matchers !== 'object' || matchers === null || Array.isArray(matchers))
    return [{ key: undefined, message: 'must be an object with what is asked of each tag' }];
  const entries = Object.entries(matchers);
  if (entries.length > tagsMax)
    return [{ key: undefined, message: `must have at most ${tagsMax} tags, not ${entries.length}` }];
  return entries.flatMap(([key, matcher]) => {
    const message = tagKeyProblem(key) ?? matcherProblem(matcher);
    return message === undefined ? [] : [{ key: key.slice(0, shownKeyCharactersMax), message }];
  });
}

const shownKeyCharactersMax = 80;

/** What is wrong with one entry, as a sentence's end after the field's name. */
export function matcherProblem(matcher: unknown): string | undefined {
  if (typeof matcher === 'object' && matcher !== null && !Array.isArray(matcher)) {
    const [[form, given] = ['', undefined], ...others] = Object.entries(matcher);
    if (others.length === 0 && form === 'exists')
      return typeof given === 'boolean' ? undefined : `must have true or false as "exists", not ${kindOf(given)}`;
    if (others.length === 0 && form === 'not') return valueProblem(given, `must have ${allowedValue} as "not"`);
  }
  return valueProblem(matcher, `must be ${allowed}`);
}

function valueProblem(matcher: unknown, otherwise: string): string | undefined {
  if (typeof matcher === 'string') return textProblem(matcher);
  if (Array.isArray(matcher)) {
    if (matcher.length === 0 || matcher.length > listedValuesMax)
      return `must list 1 to ${listedValuesMax} values, not ${matcher.length}`;
    const at = matcher.findIndex((value) => typeof value !== 'string' || textProblem(value) !== undefined);
    if (at < 0) return undefined;
    const value: unknown = matcher[at];
    return typeof value === 'string'
      ? `has a value at ${at} that ${textProblem(value)}`
      : `must list strings, and has ${kindOf(value)} at ${at}`;
  }
  if (typeof matcher === 'object' && matcher !== null) {
    const entries = Object.entries(matcher);
    const [[form, pattern] = ['', undefined]] = entries;
    if (entries.length === 1 && form === 'like')
      return typeof pattern === 'string'
        ? textProblem(pattern)
        : `must have a string as "like", such as "web-*", not ${kindOf(pattern)}`;
  }
  return `${otherwise}, not ${kindOf(matcher)}`;
}

function textProblem(text: string): string | undefined {
  if (!text.isWellFormed()) return 'must be valid Unicode text, without lone surrogates';
  const bytes = utf8Bytes(text);
  return bytes <= tagValueBytesMax ? undefined : `must have at most ${tagValueBytesMax} bytes of UTF-8, not ${bytes}`;
}

/** Without what may be a megabyte, or a secret in the wrong field. */
function kindOf(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return shown(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object') return typeof value === 'string' ? 'a string' : typeof value;
  const keys = Object.keys(value);
  return keys.length === 0
    ? 'an empty object'
    : `an object with ${keys.length === 1 ? 'another field' : `${keys.length} fields`}`;
}
