import { tagsOf, type Tags } from './sample.ts';

/** A metric's name and one exact set of tags. */
export interface Series {
  readonly name: string;
  readonly tags: Tags;
}

/**
 * The one text that stands for a series: a JSON array of the name and then each tag's key and value, in the order of
 * the keys' code units, e.g. `["cpu","host","a","zone","b"]`. Equal series have equal keys and different ones different.
 */
export function seriesKey(name: string, tags: Tags): string {
  const keys = Object.keys(tags);
  if (keys.length === 0) return `[${JSON.stringify(name)}]`;
  const parts = [name];
  for (const key of keys.sort(byCodeUnit)) parts.push(key, tags[key] as string);
  return JSON.stringify(parts);
}

/** No longer than this is what people are shown of a series. */
const shownCharactersMax = 200;

/** A series as people are shown it, cut when it is long: `cpu{host=a, zone=b}`. */
export function seriesText({ name, tags }: Series): string {
  const pairs = Object.keys(tags)
    .sort(byCodeUnit)
    .map((key) => `${key}=${tags[key]}`);
  const text = pairs.length === 0 ? name : `${name}{${pairs.join(', ')}}`;
  return text.length <= shownCharactersMax ? text : `${text.slice(0, shownCharactersMax - 1)}…`;
}

/** The series that a key of seriesKey stands for, or undefined when the text is no such key. */
export function parseSeriesKey(key: string): Series | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(key);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length % 2 === 0 || !parts.every((part) => typeof part === 'string'))
    return undefined;
  const [name, ...rest] = parts as [string, ...string[]];
  const pairs: [string, string][] = [];
  for (let index = 0; index < rest.length; index += 2) pairs.push([rest[index] as string, rest[index + 1] as string]);
  const tags = tagsOf(pairs);
  return seriesKey(name, tags) === key ? { name, tags } : undefined;
}

function byCodeUnit(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
