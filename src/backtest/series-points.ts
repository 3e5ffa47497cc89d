// The lines of a chart while samples are added: each cut into stretches of time that keep their extremes, so that no spike is lost.
import type { Tags } from '../metric/sample.ts';
import type { Group } from '../metric/subject.ts';
import type { Comparison } from '../rule/comparison.ts';

export type SeriesOrder = Comparison['nearest'];

/**
 * One line of a chart, column by column: what the samples of a series were in each stretch that has any; or the values of a measure, where
 * these are of another kind than the samples; or what a rule compares of a group.
 */
export interface SeriesPoints {
  readonly tags: Tags;
  /** Of a group of series. */
  readonly group?: Group | undefined;
  samples: number;
  lastValue: number;
  lastMs: number;
  lowest: number;
  highest: number;
  /** The stretch's only sample's time, or that of its middle. */
  readonly t: number[];
  readonly min: number[];
  readonly max: number[];
  readonly mean: number[];
  readonly count: number[];
  /**
   * The measure's value at the stretch's last sample, NaN where it has none; left empty without a measure, and where the other columns
   * are of its values.
   */
  readonly window: number[];
  /** The offset of the stretch's last sample. */
  readonly offset: number[];
}

export interface ChartSample {
  readonly timestampMs: number;
  readonly value: number;
  readonly offset: number;
}

/** The times of a chart, and into how many stretches they are cut. */
export interface ChartRange {
  readonly fromMs: number;
  readonly toMs: number;
  /** Stretches of time that the range is cut into: mostly one a pixel. */
  readonly points: number;
}

/** Where there are few samples yet, stretches are as short as this at the least. */
const finestMs = 250;
/** Lines that are followed; further ones are counted. */
const followedMax = 2_000;

/**
 * How long a stretch is: one more may be begun at an end of the range. Where samples begin later than the range they are shorter, as what is
 * shown then is; in steps of twice the length, since what is there grows, and is not to be cut anew by each answer.
 */
export function stretchMsOf({ fromMs, toMs, points }: ChartRange, firstMs = fromMs): number {
  const stretches = Math.max(1, points - 1);
  const neededMs = (toMs - Math.max(fromMs, firstMs)) / stretches;
  const steppedMs = finestMs * 2 ** Math.ceil(Math.log2(Math.max(1, neededMs / finestMs)));
  return Math.max(1, Math.min(steppedMs, (toMs - fromMs) / stretches));
}

/** What the lines are sorted by, the least first. */
const seriesOrders: Record<SeriesOrder, (series: SeriesPoints, threshold: number) => number> = {
  highest: ({ highest }) => -highest,
  lowest: ({ lowest }) => lowest,
  closest: ({ lowest, highest }, threshold) => Math.max(0, lowest - threshold, threshold - highest),
  furthest: ({ lowest, highest }, threshold) => -Math.max(highest - threshold, threshold - lowest),
};

/** The lines that are nearest to firing first. */
export function inOrder(lines: Iterable<SeriesPoints>, order: SeriesOrder, threshold: number): SeriesPoints[] {
  const rank = (series: SeriesPoints): number => seriesOrders[order](series, threshold);
  return [...lines].sort((a, b) => rank(a) - rank(b));
}

/** The lines of a chart by their keys. */
export class ChartLines<Line extends SeriesPoints> {
  readonly #lines = new Map<string, Line>();
  readonly #stretchMs: number;
  #left = 0;

  constructor(stretchMs: number) {
    this.#stretchMs = stretchMs;
  }

  /** More than are followed count as one more. */
  get total(): number {
    return this.#lines.size + this.#left;
  }

  get all(): Iterable<Line> {
    return this.#lines.values();
  }

  /** The line with this key, made when it is not there; undefined when there are too many. */
  of(key: string, create: () => Line): Line | undefined {
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    if (this.#lines.size >= followedMax) {
      this.#left = 1;
      return undefined;
    }
    const made = create();
    this.#lines.set(key, made);
    return made;
  }

  /** `measured`: the value of a measure beside the sample's, NaN where there is none. */
  add(line: Line, { timestampMs, value, offset }: ChartSample, measured?: number): void {
    const { t, min, max, mean: means, count, window, offset: offsets } = line;
    // Cut where the clock says and not where the range begins: a range that moves on keeps the points that it has.
    const stretch = Math.floor(timestampMs / this.#stretchMs);
    const last = t.length - 1;
    // A late sample belongs to a stretch that is closed: it goes where it came, so that none is lost.
    const isSame = last >= 0 && stretch <= Math.floor(t[last]! / this.#stretchMs);
    if (!isSame) {
      t.push(timestampMs);
      min.push(value);
      max.push(value);
      means.push(value);
      count.push(1);
      offsets.push(offset);
      if (measured !== undefined) window.push(measured);
      return;
    }
    min[last] = Math.min(min[last]!, value);
    max[last] = Math.max(max[last]!, value);
    count[last] = count[last]! + 1;
    means[last]! += (value - means[last]!) / count[last];
    offsets[last] = offset;
    if (measured !== undefined && !Number.isNaN(measured)) window[last] = measured;
  }
}

/** Takes note of a sample of a line, and of what is compared at it. */
export function noteSample(
  line: SeriesPoints,
  { timestampMs, value }: ChartSample,
  compared: number | undefined,
): void {
  line.samples++;
  if (compared !== undefined) {
    line.lowest = Math.min(line.lowest, compared);
    line.highest = Math.max(line.highest, compared);
  }
  if (timestampMs >= line.lastMs) [line.lastMs, line.lastValue] = [timestampMs, value];
}

export function noPoints(tags: Tags): SeriesPoints {
  return {
    tags,
    samples: 0,
    lastValue: Number.NaN,
    lastMs: -Infinity,
    lowest: Infinity,
    highest: -Infinity,
    t: [],
    min: [],
    max: [],
    mean: [],
    count: [],
    window: [],
    offset: [],
  };
}

/** Quantiles are taken of so many values at the most, evenly chosen. */
const quantileValuesMax = 20_000;

export class Quantiles {
  readonly #values: number[] = [];
  #seen = 0;

  /** Every value is as likely as another to be among those that the quantiles are of: a reservoir, its dice a hash. */
  note(value: number): void {
    this.#seen++;
    if (this.#values.length < quantileValuesMax) {
      this.#values.push(value);
      return;
    }
    const at = (Math.imul(this.#seen, 0x9e37_79b1) >>> 0) % this.#seen;
    if (at < quantileValuesMax) this.#values[at] = value;
  }

  /** Undefined without any value. */
  finish(): { readonly p1: number | undefined; readonly p99: number | undefined } {
    const values = this.#values.sort((a, b) => a - b);
    const quantile = (share: number): number | undefined => values[Math.round(share * (values.length - 1))];
    return { p1: quantile(0.01), p99: quantile(0.99) };
  }
}
