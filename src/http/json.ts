import { Failure } from '../base/failure.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Decodes UTF-8, a byte order mark left out. Throws the Failure `invalid_json`. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Failure('invalid_json', 'the body is not UTF-8');
  }
}

/**
 * Parses JSON no deeper than `depthMax`. Throws the Failure `invalid_json` with the place of the first error, and none of
 * the text around it: a body may hold a webhook's URL, and V8's own message quotes it.
 */
export function parseJson(text: string, depthMax: number): unknown {
  const tooDeep = firstDeeperThan(text, depthMax);
  if (tooDeep >= 0) {
    throw new Failure('invalid_json', `the JSON is nested deeper than ${depthMax} levels at ${placeOf(text, tooDeep)}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    const error = jsonError(text);
    throw new Failure('invalid_json', `the JSON is broken at ${placeOf(text, error.position)}: ${error.expected}`);
  }
}

const quote = 0x22;
const backslash = 0x5c;

/** The position of the first bracket that opens a level too many; -1 when there is none. */
function firstDeeperThan(text: string, depthMax: number): number {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      for (at++; at < text.length && text.charCodeAt(at) !== quote; at++) {
        if (text.charCodeAt(at) === backslash) at++;
      }
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > depthMax) return at;
    } else if (code === 0x7d || code === 0x5d) {
      depth--;
    }
  }
  return -1;
}

function placeOf(text: string, position: number): string {
  const before = text.slice(0, position);
  const line = before.split('\n').length;
  const column = position - before.lastIndexOf('\n');
  return `position ${position} (line ${line}, column ${column})`;
}

interface JsonError {
  readonly position: number;
  readonly expected: string;
}

/** Where a text stops being JSON. Only called for a text that JSON.parse refused, so speed is no matter here. */
function jsonError(text: string): JsonError {
  const scanner = new Scanner(text);
  try {
    scanner.value();
    scanner.end();
  } catch (error) {
    if (error instanceof Unexpected) return error;
    throw error;
  }
  return { position: text.length, expected: 'it is no JSON' };
}

class Unexpected extends Error implements JsonError {
  readonly position: number;
  readonly expected: string;
  constructor(position: number, expected: string) {
    super(expected);
    this.position = position;
    this.expected = expected;
  }
}

const blank = /[ \t\r\n]*/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// eslint-disable-next-line no-control-regex -- JSON allows no control characters in strings.
const string = /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[\da-fA-F]{4})*"/y;
const word = /true|false|null/y;

/** A reader of RFC 8259 by recursive descent; the depth was bounded before. */
class Scanner {
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  value(): void {
    this.#take(blank);
    if (this.#takeCharacter('{')) return this.#members();
    if (this.#takeCharacter('[')) return this.#items();
    if (this.#take(string) || this.#take(number) || this.#take(word)) return;
    const unclosed = this.#text[this.#at] === '"' ? ': a string is not closed, or has a character that needs a \\' : '';
    throw new Unexpected(this.#at, `a value should stand here${unclosed}`);
  }

  end(): void {
    this.#take(blank);
    if (this.#at < this.#text.length) throw new Unexpected(this.#at, 'the text should end here');
  }

  #members(): void {
    this.#take(blank);
    if (this.#takeCharacter('}')) return;
    do {
      this.#take(blank);
      if (!this.#take(string)) throw new Unexpected(this.#at, 'a field name in double quotes should stand here');
      this.#take(blank);
      if (!this.#takeCharacter(':')) throw new Unexpected(this.#at, 'a colon should stand here');
      this.value();
      this.#take(blank);
    } while (this.#takeCharacter(','));
    if (!this.#takeCharacter('}')) throw new Unexpected(this.#at, 'a comma or } should stand here');
  }

  #items(): void {
    this.#take(blank);
    if (this.#takeCharacter(']')) return;
    do {
      this.value();
      this.#take(blank);
    } while (this.#takeCharacter(','));
    if (!this.#takeCharacter(']')) throw new Unexpected(this.#at, 'a comma or ] should stand here');
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #takeCharacter(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }
}
