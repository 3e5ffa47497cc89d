import { zone, zoneOption } from './zone.ts';

/** `42 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`: two units at most. */
export function durationText(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  const units: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor((seconds % 86_400) / 3_600), 'h'],
    [Math.floor((seconds % 3_600) / 60), 'min'],
    [seconds % 60, 's'],
  ];
  const first = units.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  return units
    .slice(first, first + 2)
    .filter(([count], index) => index === 0 || count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** `42 s ago`; less than a second is `just now`. */
export const agoText = (durationMs: number): string =>
  durationMs < 1_000 ? 'just now' : `${durationText(durationMs)} ago`;

/** Like durationText, but short durations have up to three digits: `182 ms`, `4.1 s`. */
export function shortText(durationMs: number): string {
  if (durationMs < 999.5) return `${Math.max(0, Math.round(durationMs))} ms`;
  return durationMs < 9_950 ? `${Math.round(durationMs / 100) / 10} s` : durationText(Math.max(10_000, durationMs));
}

/** `4:59`, as a countdown. */
export function clockLeft(leftMs: number): string {
  const seconds = Math.ceil(leftMs / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** A duration that a rule's author wrote in seconds, always exact: `45 s`, `90 s`, `5 min`, `2 h`, `1 h 30 min`. */
export function secondsText(seconds: number): string {
  return seconds >= 60 && seconds % 60 === 0 && seconds <= 86_400 ? durationText(seconds * 1000) : `${seconds} s`;
}

/** 24-hour clock, as on chart axes and in logs, whatever the language prefers. */
const hourCycle = 'h23';

/** Cached: creating one takes a millisecond, and a screen shows a hundred times. */
const momentFormats = new Map<string, Intl.DateTimeFormat>();

export function momentText(timeMs: number): string {
  let format = momentFormats.get(zone.value);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(undefined, {
      dateStyle: 'medium',
      timeStyle: 'medium',
      hourCycle,
      ...zoneOption(),
    });
    momentFormats.set(zone.value, format);
  }
  return zone.value === 'UTC' ? `${format.format(timeMs)} UTC` : format.format(timeMs);
}

/** The time of day; `parts` shortens it. */
export function clockText(timeMs: number, parts: Intl.DateTimeFormatOptions = { timeStyle: 'medium' }): string {
  return new Date(timeMs).toLocaleString(undefined, { ...parts, hourCycle, ...zoneOption() });
}

export function numberText(value: number): string {
  return Math.abs(value) >= 1e4 && Number.isInteger(value) ? grouped(value) : String(value);
}

/** A whole number as `1,204`. Written by hand because Intl costs the first screen 50 ms on a slow machine. */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

/** The backlog in records; null: not known, which must not look like zero. */
export const lagText = (records: number | null): string => (records === null ? 'unknown' : grouped(records));

export const timesText = (count: number): string => (count === 1 ? 'once' : `${numberText(count)} times`);

/** A rate per second: one decimal while it is small. */
export function rateText(perSecond: number): string {
  return perSecond >= 100 ? grouped(Math.round(perSecond)) : String(Math.round(perSecond * 10) / 10);
}
