// What is wrong with what a client gives as a rule's `tags`. Apart from the matchers, for the page does without these texts.
import { shown } from '../base/failure.ts';
import { tagKeyProblem, tagsMax, tagValueBytesMax, utf8Bytes, type TagProblem } from '../metric/metric-limits.ts';

/** Values of one list. */
export const listedValuesMax = 100;
const allowedValue = `a string, a list of 1 to ${listedValuesMax} strings, {"like": "web-*"}`;
const allowed = `${allowedValue}, {"exists": true or false} or {"not": one of the first three}`;

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
