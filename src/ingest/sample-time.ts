import { shown } from '../base/failure.ts';

/** How far from the time of receipt a timestamp may lie. */
export interface TimeBounds {
  readonly pastMsMax: number;
  readonly futureMsMax: number;
}

export type TimeVerdict =
  | { readonly timestampMs: number; readonly skewed: boolean }
  | { readonly code: 'invalid_timestamp' | 'too_old' | 'too_far_in_future'; readonly message: string };

/** The least number taken for milliseconds: as seconds it is the year 5138, as milliseconds March 1973. */
const millisecondsMin = 1e11;

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d+)?)([Zz]|[+-]\d\d:\d\d)$/;

/**
 * The timestamp that a sample is published with: whole milliseconds. Missing means now, and so does one that is a little
 * ahead: a sender whose clock runs fast must not push a series' time forward for the others.
 */
export function judgeTimestamp(given: unknown, nowMs: number, bounds: TimeBounds): TimeVerdict {
  if (given === undefined) return { timestampMs: nowMs, skewed: false };
  const timestampMs = millisecondsOf(given);
  if (typeof timestampMs === 'string') return { code: 'invalid_timestamp', message: timestampMs };
  if (timestampMs < nowMs - bounds.pastMsMax) {
    const age = Math.round((nowMs - timestampMs) / 1000);
    return {
      code: 'too_old',
      message: `timestamp is ${shown(given)}, ${age} s old, and may be ${bounds.pastMsMax / 1000} s old`,
    };
  }
  if (timestampMs > nowMs + bounds.futureMsMax) {
    const ahead = Math.round((timestampMs - nowMs) / 1000);
    const message = `timestamp is ${shown(given)}, ${ahead} s ahead, and may be ${bounds.futureMsMax / 1000} s ahead`;
    return { code: 'too_far_in_future', message };
  }
  if (timestampMs > nowMs) return { timestampMs: nowMs, skewed: true };
  return { timestampMs, skewed: false };
}

/** Milliseconds since the epoch, or what is wrong. */
function millisecondsOf(given: unknown): number | string {
  if (typeof given === 'number') {
    if (!Number.isFinite(given) || given < millisecondsMin) {
      return `timestamp is ${shown(given)}, and must be milliseconds since 1970: this looks like another unit`;
    }
    return Math.floor(given);
  }
  if (typeof given === 'string') {
    const parsed = rfc3339Ms(given);
    if (parsed !== undefined) return parsed;
  }
  return `timestamp is ${shown(given)}, and must be milliseconds since 1970 or a text such as "2026-08-06T12:00:00Z"`;
}

function rfc3339Ms(text: string): number | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, time, zone] = match;
  // JavaScript takes the 30th of February for the 2nd of March.
  const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  if (Number(day) > daysInMonth) return undefined;
  const parsed = Date.parse(`${year}-${month}-${day}T${time}${zone!.toUpperCase()}`);
  return Number.isNaN(parsed) ? undefined : Math.floor(parsed);
}
