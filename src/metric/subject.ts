import { seriesKey, type Series } from './series.ts';
import { tagOf, tagsOf, type Tags } from './sample.ts';

/** The values of the tags that the members of a group have in common; null where they lack the tag. */
export type Group = Readonly<Record<string, string | null>>;

/** What one alarm is about: a series, or a group of series of one metric. */
export interface Subject extends Series {
  /** Undefined for a series. Of a group, `tags` are those of its tags that its members have. */
  readonly group?: Group | undefined;
}

/** The group, of those that are made by these tags, that a series belongs to. */
export function groupOf(by: readonly string[], tags: Tags): Group {
  const names = by.toSorted();
  return Object.fromEntries(names.map((name) => [name, tagOf(tags, name) ?? null]));
}

/** The group as what an alarm is about. */
export function groupSubject(name: string, group: Group): Subject {
  const given = Object.entries(group).filter((pair): pair is [string, string] => pair[1] !== null);
  return { name, tags: tagsOf(given), group };
}

/**
 * The one text that stands for a subject: seriesKey of a series, and of a group a JSON object like
 * `{"metric":"cpu","group":{"service":"a","zone":null}}`, the tags in the order of their names.
 */
export function subjectKey({ name, tags, group }: Subject): string {
  if (group === undefined) return seriesKey(name, tags);
  const pairs = Object.entries(group).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify({ metric: name, group: Object.fromEntries(pairs) });
}
