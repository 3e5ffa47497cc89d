import type { Locator } from 'playwright-core';

/** What differs each time, and its placeholder. */
const varying: readonly (readonly [pattern: RegExp, placeholder: string])[] = [
  [/127\.0\.0\.1:\d+/g, '‹host›'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?/g, '‹time›'],
  [/[A-Z][a-z]{2} \d{1,2}, \d{4}, /g, ''],
  [/\b\d{1,2}:\d\d(:\d\d)?( [AP]M)?/g, '‹time›'],
  // Durations, except those of rules and ranges: 10 min, and hours.
  [/\b(\d+ (d|h|min) )?\d+(\.\d+)? m?s\b/g, '‹duration›'],
  [/\bjust now\b/g, '‹duration› ago'],
  [/\b(?!10 min\b)\d+ min\b/g, '‹duration›'],
  [/\b(?!00000000)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '‹id›'],
  [/\bwh_[0-9a-f]+/g, '‹fingerprint›'],
  [/"Evaluated by [^"]+"/g, '"Evaluated by ‹process›"'],
  [/(Running A) \S+/g, '$1 ‹process›'],
  [/\b\d+(\.\d+)?\/s/g, '‹rate›/s'],
  [/(term: Samples per second\n\s+- definition: )\S+/g, '$1‹rate›'],
  [/\b\d+ (of \d+ per (‹duration›|minute))/g, '‹number› $1'],
];

/** The accessible content of a screen, without what differs each time. */
export async function ariaOf(shown: Locator): Promise<string> {
  return varying.reduce(
    (text, [pattern, placeholder]) => text.replace(pattern, placeholder),
    await shown.ariaSnapshot(),
  );
}
