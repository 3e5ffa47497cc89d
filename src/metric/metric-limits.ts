/** Limits on what a sample, and a rule that matches it, may say. They bound what one series costs in memory. */
export const nameBytesMax = 255;
export const tagsMax = 16;
export const tagKeyBytesMax = 255;
export const tagValueBytesMax = 1_024;

/**
 * The longest value of a `metrics` record that is read: all tags at their limits, each byte written as a JSON escape of
 * six characters, come to 122,784 bytes; what is longer can only be padding.
 */
export const sampleValueBytesMax = 131_072;

const controlCharacter = /\p{Cc}/u;
const shownCharactersMax = 80;

/** What is wrong with a metric's name, as a sentence's end after the field's name; undefined when nothing is. */
export function nameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string') return 'must be a string';
  if (name === '') return 'must not be empty';
  if (!name.isWellFormed()) return 'must be valid Unicode text, without lone surrogates';
  if (utf8Bytes(name) > nameBytesMax) return `must have at most ${nameBytesMax} bytes of UTF-8, not ${utf8Bytes(name)}`;
  if (controlCharacter.test(name)) return 'must not have control characters';
  return undefined;
}

export interface TagProblem {
  /** The tag to blame; undefined when it is the whole. */
  readonly key: string | undefined;
  readonly message: string;
}

/** What is wrong with the tags of a sample, or the labels of a rule, given as parsed JSON: one entry a problem, none when they are good. */
export function tagsProblems(tags: unknown, what = 'tags'): TagProblem[] {
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags)) {
    return [{ key: undefined, message: 'must be an object of strings' }];
  }
  const pairs = Object.entries(tags);
  if (pairs.length > tagsMax) {
    return [{ key: undefined, message: `must have at most ${tagsMax} ${what}, not ${pairs.length}` }];
  }
  return pairs.flatMap(([key, value]) => {
    const message = tagKeyProblem(key) ?? tagValueProblem(value);
    return message === undefined ? [] : [{ key: key.slice(0, shownCharactersMax), message }];
  });
}

/** What is wrong with a tag's key, as a sentence's end after the field's name. */
export function tagKeyProblem(key: string): string | undefined {
  if (key === '') return 'must have a key that is not empty';
  if (!key.isWellFormed()) return 'must have a key of valid Unicode text, without lone surrogates';
  if (utf8Bytes(key) > tagKeyBytesMax)
    return `must have a key of at most ${tagKeyBytesMax} bytes of UTF-8, not ${utf8Bytes(key)}`;
  return undefined;
}

function tagValueProblem(value: unknown): string | undefined {
  if (typeof value !== 'string')
    return `must be a string, not ${value === null ? 'null' : Array.isArray(value) ? 'an array' : `of type ${typeof value}`}`;
  if (!value.isWellFormed()) return 'must be valid Unicode text, without lone surrogates';
  if (utf8Bytes(value) > tagValueBytesMax)
    return `must have at most ${tagValueBytesMax} bytes of UTF-8, not ${utf8Bytes(value)}`;
  return undefined;
}

/** The length in UTF-8 of a well-formed text, without making its bytes. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // A surrogate pair is two units and four bytes: one more byte for each half.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}
