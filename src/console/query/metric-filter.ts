import { globMatches } from './search-terms.ts';

export const metricFilterWords = 'Its whole name, or one with stars: cpu*';

/** Whether a metric, or the value of a tag, is wanted: by its whole text, or by one with stars, as in a search for rules. */
export function metricFilter(wanted: string | undefined): (name: string | undefined) => boolean {
  if (wanted === undefined) return () => true;
  if (!wanted.includes('*')) return (name) => name === wanted;
  const pattern = wanted.toLowerCase();
  return (name) => name !== undefined && globMatches(pattern, name.toLowerCase());
}
