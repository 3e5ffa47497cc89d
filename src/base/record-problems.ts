/** What the readers of a compacted topic share: a record's JSON, and the memory of what could not be read. */
import { Failure } from './failure.ts';

/** Problems remembered by key; past them the oldest is forgotten, and only counted. */
export const problemsMax = 1_000;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Undefined for what is not UTF-8. */
export function textOf(bytes: Uint8Array | string): string | undefined {
  if (typeof bytes === 'string') return bytes;
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** What `parse` makes of a record's JSON, or why the record cannot be read, without a word of its text: it may hold secrets. */
export function readRecord<Read extends object>(
  value: Uint8Array | string,
  bytesMax: number,
  parse: (json: unknown) => Read,
): Read | string {
  if (value.length > bytesMax) return `the record must have at most ${bytesMax} bytes, not ${value.length}`;
  const text = textOf(value);
  if (text === undefined) return 'the record must be UTF-8';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    return 'the record must be JSON';
  }
  try {
    return parse(json);
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** The newest problem of each key, until a good record or a deletion takes its place. */
export class RecordProblems<Problem> {
  readonly #byKey = new Map<string, Problem>();
  #forgotten = 0;

  /** How many were forgotten because there were more than `problemsMax` at once. */
  get forgotten(): number {
    return this.#forgotten;
  }

  all(): Problem[] {
    return [...this.#byKey.values()];
  }

  add(key: string, problem: Problem): void {
    this.#byKey.delete(key);
    this.#byKey.set(key, problem);
    if (this.#byKey.size <= problemsMax) return;
    const [oldest] = this.#byKey.keys();
    this.#byKey.delete(oldest as string);
    this.#forgotten += 1;
  }

  delete(key: string): void {
    this.#byKey.delete(key);
  }
}
