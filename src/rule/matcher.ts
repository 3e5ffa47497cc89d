// What a rule's `tags` ask of the tags of a series. Decided once for each series and version of a rule, never per sample.
import { unreachable } from '../base/assert.ts';
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

/** Whether a value has the form of a matcher. What may stand in one, matcher-check.ts says. */
export function isMatcher(value: unknown): value is TagMatcher {
  if (isValueMatcher(value)) return true;
  const [form, given] = onlyEntry(value);
  return (form === 'exists' && typeof given === 'boolean') || (form === 'not' && isValueMatcher(given));
}

function isValueMatcher(value: unknown): value is ValueMatcher {
  if (Array.isArray(value)) return value.length > 0 && value.every((each) => typeof each === 'string');
  const [form, given] = onlyEntry(value);
  return typeof value === 'string' || (form === 'like' && typeof given === 'string');
}

/** The entry of an object that has no other. */
function onlyEntry(value: unknown): [key?: string, given?: unknown] {
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  return entries.length === 1 ? entries[0]! : [];
}
