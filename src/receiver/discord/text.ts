/**
 * Text for Discord. Whatever somebody else wrote (a metric's name, tags, a rule's description) goes through untrusted(), so
 * that it is shown as text: no link, mention, heading or emphasis comes of it, and nothing invisible or turned around.
 */

/** Control, format (bidi, zero-width, tags), lone surrogates, and what Unicode says may be drawn as nothing at all. */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const lineBreak = /[\t\n\v\f\r\u0085\p{Zl}\p{Zp}]+/gu;

/**
 * What Discord takes as it stands. An underscore between ASCII letters or digits is none of Markdown's; beside other
 * letters it would be, since Discord's parser knows word boundaries in ASCII only.
 */
const plain = /^\p{L}(?:[\p{L}\p{Nd} .-]|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9]))*$/u;

/** The length as Discord counts it: code points of the trimmed text. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text.trim()) count += 1;
  return count;
}

/** The text, or its beginning and an ellipsis, with at most `max` code points. */
export function cut(text: string, max: number): string {
  // A text of so few units needs no counting.
  if (text.length <= max) return text;
  const points = Array.from(text);
  return points.length <= max ? text : `${points.slice(0, Math.max(0, max - 1)).join('')}…`;
}

/** Text without what cannot be seen; line breaks and tabs become blanks. */
export function visible(text: string): string {
  return text.replaceAll(lineBreak, ' ').replaceAll(invisible, '').trim();
}

/**
 * Somebody else's text, safe to stand in a message, with at most `max` code points: bare when it is plain, in inline code
 * otherwise, its backticks replaced.
 */
export function untrusted(text: string, max: number): string {
  const seen = visible(text);
  if (seen === '') return '(empty)';
  if (plain.test(seen)) return cut(seen, max);
  return `\`${cut(seen.replaceAll('`', "'"), max - 2)}\``;
}

/** A moment, shown in the reader's own time zone, e.g. `<t:1700000000:F>`; undefined when it is none that Discord can show. */
export function moment(timeMs: number, style: 'F' | 'R' = 'F'): string | undefined {
  const seconds = Math.floor(timeMs / 1_000);
  return Math.abs(seconds) <= 8.64e12 ? `<t:${seconds}:${style}>` : undefined;
}

const unitsMs = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A length of time for people, its two greatest units: `1 h 5 min`, `2.5 s`, `340 ms`. */
export function duration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 10_000) return `${Math.round(durationMs / 100) / 10} s`;
  const first = unitsMs.findIndex(([, unitMs]) => durationMs >= unitMs);
  let restMs = durationMs;
  const parts: string[] = [];
  for (const [unit, unitMs] of unitsMs.slice(first, first + 2)) {
    const count = Math.floor(restMs / unitMs);
    restMs -= count * unitMs;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.join(' ');
}
