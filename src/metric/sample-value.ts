import { nameProblem, sampleValueBytesMax, tagsProblems } from './metric-limits.ts';
import { noTags, tagsOf, type Sample, type Tags } from './sample.ts';

/** What the value of a `metrics` record says. */
export type SampleValue = Pick<Sample, 'value' | 'tags'>;

/** Why a record of `metrics` cannot be read. Records are counted by it. */
export type SampleRefusal =
  | 'no_key'
  | 'bad_name'
  | 'tombstone'
  | 'too_large'
  | 'bad_utf8'
  | 'bad_json'
  | 'not_an_object'
  | 'missing_value'
  | 'bad_value'
  | 'bad_tags';

export interface SampleProblem {
  readonly refusal: SampleRefusal;
  /** For people: says what is wrong and what is allowed. */
  readonly message: string;
}

// A byte order mark before JSON is skipped, but it is a part of a name: bytes and text of a name stand for each other.
const valueDecoder = new TextDecoder('utf-8', { fatal: true });
const nameDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the value of a `metrics` record. Unknown fields and any spacing are accepted, of equal keys the last wins. A
 * number too large for a double (1e400) is refused, and so is a number written as text. Never throws.
 */
export function parseSampleValue(value: Uint8Array | string | null): SampleValue | SampleProblem {
  if (value === null) return problem('tombstone', 'a sample must have a value, not null');
  if (value.length > sampleValueBytesMax) {
    return problem('too_large', `a sample must have at most ${sampleValueBytesMax} bytes, not ${value.length}`);
  }
  const text = typeof value === 'string' ? value : decoded(valueDecoder, value);
  if (text === undefined) return problem('bad_utf8', 'a sample must be UTF-8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return problem('bad_json', 'a sample must be JSON');
  }
  return sampleValueOf(json);
}

function sampleValueOf(json: unknown): SampleValue | SampleProblem {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return problem('not_an_object', 'a sample must be an object such as {"value": 501}');
  }
  if (!Object.hasOwn(json, 'value')) return problem('missing_value', 'value is missing: it must be a number');
  const { value } = json as { value: unknown };
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return problem(
      'bad_value',
      `value must be a finite number, not ${typeof value === 'number' ? String(value) : `of type ${typeof value}`}`,
    );
  }
  if (!Object.hasOwn(json, 'tags')) return { value, tags: noTags };
  const { tags } = json as { tags: unknown };
  const [wrong] = tagsProblems(tags);
  if (wrong) return problem('bad_tags', `${wrong.key === undefined ? 'tags' : `tags.${wrong.key}`} ${wrong.message}`);
  // A copy, because a parsed object may share its shape with text that is a megabyte long.
  return { value, tags: tagsOf(Object.entries(tags as Tags)) };
}

/** Reads the key of a `metrics` record: the metric's name. Never throws. */
export function parseMetricName(key: Uint8Array | null): { readonly name: string } | SampleProblem {
  if (key === null || key.length === 0) return problem('no_key', "a sample must have a key, the metric's name");
  const name = decoded(nameDecoder, key);
  const wrong = name === undefined ? 'must be UTF-8' : nameProblem(name);
  return wrong === undefined && name !== undefined ? { name } : problem('bad_name', `a metric's name ${wrong}`);
}

/**
 * The public text of a sample: `{"value": 501}`, or `{"value": 12.5, "tags": {"machine_id": "12354"}}` when it has tags.
 * `value` must be finite.
 */
export function formatSampleValue(value: number, tags: Tags = noTags): string {
  const pairs = Object.entries(tags).map(([key, tag]) => `${JSON.stringify(key)}: ${JSON.stringify(tag)}`);
  const number = JSON.stringify(value);
  return pairs.length === 0 ? `{"value": ${number}}` : `{"value": ${number}, "tags": {${pairs.join(', ')}}}`;
}

function decoded(decoder: { decode(bytes: Uint8Array): string }, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function problem(refusal: SampleRefusal, message: string): SampleProblem {
  return { refusal, message };
}
