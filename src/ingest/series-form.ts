import { shown } from '../base/failure.ts';
import { partitionOf } from '../log/murmur2.ts';
import { nameProblem, tagsProblems } from '../metric/metric-limits.ts';
import { formatSampleValue } from '../metric/sample-value.ts';
import { noTags, tagsOf, type Tags } from '../metric/sample.ts';
import type { Rejection } from './sample-sink.ts';

/** A series as its samples are written: all that does not change from one to the next, encoded. */
export interface SeriesForm {
  readonly partition: number;
  /** The metric's name, before it its length as a varint. */
  readonly key: Uint8Array;
  /** What follows the number in the value: `, "tags": {…}}`, or `}` alone. */
  readonly ending: Uint8Array;
  /** What it holds of memory, about. */
  readonly bytes: number;
}

const utf8 = new TextEncoder();
const objectBytes = 200;

/** Checks a name and tags and encodes them, or says what is wrong with them. */
export function seriesForm(name: unknown, tags: unknown, partitionCount: number): SeriesForm | Rejection {
  const wrongName = nameProblem(name);
  if (wrongName !== undefined) return { code: 'invalid_name', message: `name is ${shown(name)}, and ${wrongName}` };
  const [wrongTag] = tags === undefined ? [] : tagsProblems(tags);
  if (wrongTag !== undefined) {
    const field = wrongTag.key === undefined ? 'tags' : `tags.${wrongTag.key}`;
    return { code: 'invalid_tags', message: `${field} ${wrongTag.message}` };
  }
  const nameBytes = utf8.encode(name as string);
  const value = formatSampleValue(0, tags === undefined ? noTags : tagsOf(Object.entries(tags as Tags)));
  const ending = utf8.encode(value.slice('{"value": 0'.length));
  const zigzag = nameBytes.length * 2;
  const key = Uint8Array.from(
    zigzag < 128 ? [zigzag, ...nameBytes] : [(zigzag & 127) | 128, zigzag >>> 7, ...nameBytes],
  );
  return {
    partition: partitionOf(nameBytes, partitionCount),
    key,
    ending,
    bytes: key.length + ending.length + objectBytes,
  };
}

/** As seriesForm, of pairs as they stand on the wire, where a key may come twice: those are refused. */
export function seriesFormOfPairs(
  name: string | undefined,
  pairs: readonly (readonly [string, string])[],
  partitionCount: number,
): SeriesForm | Rejection {
  if (name === undefined) return { code: 'missing_field', message: 'the label __name__ is missing' };
  const tags = tagsOf(pairs);
  if (Object.keys(tags).length !== pairs.length) {
    const [twice] = pairs.find(([key], index) => pairs.findIndex(([other]) => other === key) !== index) ?? [''];
    return { code: 'invalid_tags', message: `tags.${twice.slice(0, 80)} is there twice` };
  }
  return seriesForm(name, tags, partitionCount);
}
