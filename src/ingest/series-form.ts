import { shown } from '../base/failure.ts';
import { partitionOf } from '../log/murmur2.ts';
import { nameProblem, tagsProblems } from '../metric/metric-limits.ts';
import { formatSampleValue } from '../metric/sample-value.ts';
import { noTags, tagsOf, type Tags } from '../metric/sample.ts';
import { viewOf } from '../base/byte-copy.ts';
import type { Rejection } from './rejection.ts';

/** A series as its samples are written: all that does not change from one to the next, encoded. */
export interface SeriesForm {
  readonly partition: number;
  readonly view: DataView;
  /** Where the metric's name begins, before it its length as a varint. */
  readonly keyStart: number;
  /** Where the name ends, and what follows the number in the value begins: `, "tags": {…}}`, or `}` alone. */
  readonly endingStart: number;
  readonly end: number;
}

const utf8 = new TextEncoder();

/** Checks a name and tags and encodes them, or returns the problem. */
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
  const length = zigzag < 128 ? [zigzag] : [(zigzag & 127) | 128, zigzag >>> 7];
  const endingStart = length.length + nameBytes.length;
  return {
    partition: partitionOf(nameBytes, partitionCount),
    view: viewOf(Uint8Array.from([...length, ...nameBytes, ...ending])),
    keyStart: 0,
    endingStart,
    end: endingStart + ending.length,
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

/** A number of 53 bits that stands for the series where many are counted, by FNV-1a of words, twice with other constants. */
export function seriesHash({ view, keyStart, end }: SeriesForm): number {
  let [low, high, at] = [0x811c_9dc5, 0x1234_5679, keyStart];
  const mix = (word: number): void => {
    low = Math.imul(low ^ word, 0x0100_0193);
    low ^= low >>> 15;
    high = Math.imul(high ^ word, 0x85eb_ca6b);
    high ^= high >>> 13;
  };
  for (; at + 4 <= end; at += 4) mix(view.getInt32(at, true));
  for (; at < end; at++) mix(view.getUint8(at));
  return (low >>> 0) + (high & 0x1f_ffff) * 2 ** 32;
}
