import type { SeriesView } from '../../../wire/metrics.ts';
import { shownValue } from '../../../measure/shown-value.ts';
import { numberText } from '../words/time-text.ts';

/** A series in one interval of a chart: one sample, or an aggregate of several. */
export interface ChartPoint {
  readonly timeMs: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly count: number;
  readonly window: number | undefined;
  /** Of the last sample in it. */
  readonly offset: number;
}

export function pointOf({ t, min, max, mean, count, window, offset }: SeriesView, index: number): ChartPoint {
  return {
    timeMs: t[index]!,
    min: min[index]!,
    max: max[index]!,
    mean: mean[index]!,
    count: count[index]!,
    window: window[index] ?? undefined,
    offset: offset[index]!,
  };
}

/** The distinct times of all points, rising: the stops of the cursor. */
export const timesOf = (series: readonly SeriesView[]): readonly number[] =>
  [...new Set(series.flatMap(({ t }) => t))].sort((a, b) => a - b);

/** The index of the nearest time. */
export function nearestIndex(times: readonly number[], timeMs: number): number {
  let nearest = 0;
  times.forEach((each, index) => {
    if (Math.abs(each - timeMs) < Math.abs(times[nearest]! - timeMs)) nearest = index;
  });
  return nearest;
}

/** The series' newest point that is not after a time. Late samples may follow newer ones. */
export function pointAt(series: SeriesView, timeMs: number): ChartPoint | undefined {
  let newest = -1;
  series.t.forEach((each, index) => {
    if (each <= timeMs && (newest < 0 || each >= series.t[newest]!)) newest = index;
  });
  return newest < 0 ? undefined : pointOf(series, newest);
}

/** A computed value with four significant decimals, another one without binary rounding errors. */
export const shownNumber = (value: number, isComputed = false): string =>
  numberText(Number(isComputed ? shownValue(value, true) : value.toPrecision(9)));

/** `42`; of several samples `mean 42, 40 to 44 of 3 samples`. `isComputed`: whether what is compared is. */
export function pointText(point: ChartPoint | undefined, isComputed: boolean): string {
  if (point === undefined) return 'none yet';
  const { min, max, mean, count, window } = point;
  const shown = (value: number): string => shownNumber(value, isComputed && window === undefined);
  const own = count === 1 ? shown(mean) : `mean ${shown(mean)}, ${shown(min)} to ${shown(max)} of ${count} samples`;
  return window === undefined ? own : `${own}, window ${shownNumber(window, isComputed)}`;
}

/** What a line is of: a series, or a group of series. */
export function lineName({ tags, group }: Pick<SeriesView, 'tags' | 'group'>): string {
  if (group === undefined) return tagsText(tags);
  const texts = Object.entries(group).map(([key, value]) => (value === null ? `no ${key}` : `${key}=${value}`));
  return texts.join(' ') || 'all series';
}

export const tagsText = (tags: SeriesView['tags']): string =>
  Object.entries(tags ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
