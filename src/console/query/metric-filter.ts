import { globMatches } from './search-terms.ts';

export const metricFilterWords = 'Its whole name, or one with stars: cpu*';

/** Whether a metric is wanted: by its whole name, or by one with stars, as in a search for rules. */
export function metricFilter(wanted: string | undefined): (name: string | undefined) => boolean {
  if (wanted === undefined) return () => true;
  if (!wanted.includes('*')) return (name) => name === wanted;
  const pattern = wanted.toLowerCase();
  return (name) => name !== undefined && globMatches(pattern, name.toLowerCase());
}
