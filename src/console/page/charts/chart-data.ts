import type { SeriesView } from '../../../wire/metrics.ts';
import type uPlot from 'uplot';

/** The padding above and below the plot, which the threshold's handle needs as well. */
export const chartPadding = { top: 10, bottom: 30 };

/** The width of the axis of a group's members. */
export const rightAxisPx = 44;

/** The range of values that a chart shows. */
export interface Span {
  readonly low: number;
  readonly high: number;
}

/** Series of a group, thin below its line. */
export interface ShownMembers {
  readonly series: readonly SeriesView[];
  readonly total: number;
  /** Whether they are on the axis of the compared values; otherwise they have their own, on the right. */
  readonly isSameScale: boolean;
}

/** Data for uPlot: one column of times for all series, then four columns for each series and one for each member of a group. */
export function alignedData(series: readonly SeriesView[], members: readonly SeriesView[] = []): uPlot.AlignedData {
  const all = [...series, ...members];
  // A late sample may be in an earlier interval, but uPlot requires rising times.
  const times = [...new Set(all.flatMap(({ t }) => t))].sort((a, b) => a - b);
  const places = new Map(times.map((ms, place) => [ms, place]));
  const aligned = (t: readonly number[], column: readonly (number | null)[]): (number | null)[] => {
    const row: (number | null)[] = times.map(() => null);
    column.forEach((value, index) => (row[places.get(t[index]!)!] = value));
    return row;
  };
  return [
    times.map((ms) => ms / 1000),
    ...series.flatMap(({ t, mean, min, max, window }) => [mean, min, max, window].map((column) => aligned(t, column))),
    ...members.map(({ t, mean }) => aligned(t, mean)),
  ];
}

/** The range of the values and the threshold, with some padding. */
export function valueSpan(shown: {
  readonly series: readonly SeriesView[];
  readonly threshold: number | undefined;
  readonly ghost?: number | undefined;
  readonly mark?: { readonly value: number } | undefined;
  readonly onThreshold?: unknown;
  readonly members?: ShownMembers | undefined;
}): Span {
  let [low, high] = [Infinity, -Infinity];
  const take = (value: number | undefined): void => {
    if (value === undefined) return;
    if (value < low) low = value;
    if (value > high) high = value;
  };
  const { members } = shown;
  for (const { min, max } of [...shown.series, ...(members?.isSameScale === true ? members.series : [])]) {
    min.forEach(take);
    max.forEach(take);
  }
  take(shown.mark?.value);
  take(shown.ghost);
  const [dataLow, dataHigh] = [low, high];
  take(shown.threshold);
  if (!Number.isFinite(low)) return { low: 0, high: 1 };
  // A threshold far from all values must not flatten them into a line, as long as it can be dragged towards them.
  const reach = dataHigh - dataLow;
  if (shown.onThreshold !== undefined && reach > 0 && Number.isFinite(reach)) {
    low = Math.max(low, dataLow - 6 * reach);
    high = Math.min(high, dataHigh + 6 * reach);
  }
  const room = high > low ? (high - low) * 0.14 : Math.max(1, Math.abs(high) * 0.2);
  return { low: low - room, high: high + room };
}

/** A round step of about a pixel's height, so that a dragged value is one that a person would type. */
export function roundStep({ low, high }: Span, pixels: number): number {
  const raw = (high - low) / Math.max(1, pixels);
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((each) => each * power >= raw) ?? 10;
  return factor * power;
}

/** The value on the step's grid, without binary rounding errors: 0.3, not 0.30000000000000004. */
export function snapped(value: number, step: number): number {
  const digits = Math.max(0, Math.min(15, Math.ceil(-Math.log10(step)) + 1));
  return Number((Math.round(value / step) * step).toFixed(digits));
}

/** When the range starts, or shortly before the first sample if most of the range is empty. */
export function fittedFromMs(series: readonly SeriesView[], fromMs: number, toMs: number): number {
  const firstMs = Math.min(...series.map(({ t }) => t[0] ?? Infinity));
  const spanMs = toMs - firstMs;
  return Number.isFinite(firstMs) && spanMs < (toMs - fromMs) * 0.6
    ? Math.max(fromMs, firstMs - spanMs * 0.04 - 1_000)
    : fromMs;
}
