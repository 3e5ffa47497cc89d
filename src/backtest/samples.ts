import { SeriesBudget } from '../evaluate/series-budget.ts';
import { SeriesIndex } from '../evaluate/series-index.ts';
import type { Measure } from '../measure/measure.ts';
import { calculators, fillBackMs } from '../measure/measures.ts';
import type { Comparison } from '../rule/comparison.ts';
import type { MeasureRequest } from '../rule/measure-request.ts';
import type { Log } from '../log/log.ts';
import { seriesKey } from '../metric/series.ts';
import type { Tags } from '../metric/sample.ts';
import { exactTags, type TagMatchers } from '../rule/matcher.ts';
import { inTurns, offsetSince, spanOf } from './backtest.ts';
import type { MetricPasts } from './metric-pasts.ts';

type SeriesOrder = Comparison['nearest'];

export interface SamplesOrder {
  readonly metricName: string;
  readonly tags: TagMatchers;
  /** Only the series with exactly these tags, each with its value, and none that has more. */
  readonly isExact: boolean;
  readonly fromMs: number;
  readonly toMs: number;
  /** Stretches of time that the range is cut into: mostly one a pixel. */
  readonly points: number;
  readonly seriesMax: number;
  /** The value of this measure is given with each point; undefined for none. */
  readonly measure: Omit<MeasureRequest, 'key'> | undefined;
  /** Which series come first: those that reach highest or lowest, or that come closest to or go furthest from the threshold. */
  readonly order: SeriesOrder;
  readonly threshold: number;
}

/**
 * One series of a chart, column by column: what its samples were in each stretch that has any; or the values of the measure, where these
 * are of another kind than the samples.
 */
export interface SeriesPoints {
  readonly tags: Tags;
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

export interface Samples {
  readonly series: readonly SeriesPoints[];
  readonly seriesTotal: number;
  readonly samples: number;
  /** Of all values; undefined without any. */
  readonly p1: number | undefined;
  readonly p99: number | undefined;
  readonly partition: number;
  readonly cutShort: boolean;
}

/** Quantiles are taken of so many values at the most, evenly chosen. */
const quantileValuesMax = 20_000;
/** Series that are followed; further ones are counted. */
const seriesFollowedMax = 2_000;

/** The samples of a metric for a chart: no spike is lost, however many share a pixel, for each stretch has its extremes. */
export async function readSamples(
  { log, pasts }: { readonly log: Log; readonly pasts: MetricPasts },
  order: SamplesOrder,
  signal: AbortSignal,
): Promise<Samples> {
  const { metricName, tags, fromMs, toMs, measure } = order;
  return pasts.use(metricName, tags, async (past) => {
    await past.readOn(signal);
    const wantedMs = measure === undefined ? fromMs : fromMs - fillBackMs(measure.type, measure.windowMs);
    const from = await offsetSince(log, past.partition, wantedMs);
    while (await past.readBack(from, signal));
    const index = new SeriesIndex(new SeriesBudget(), () => {});
    const chunk = past.chunk({ from: Math.max(from, past.range.from), to: past.range.to });
    const chart = new Chart(order, stretchMsOf(order, spanOf(chunk)?.[0]));
    index.table.partition = past.partition;
    for await (const { batches } of inTurns(chunk, signal)) {
      for (const batch of batches) {
        index.scan(batch, chunk.firstOffset, chunk.nextOffset);
        const { columns } = index;
        for (let at = 0; at < columns.count; at++) {
          const timestampMs = columns.timestampMs[at]!;
          if (timestampMs > toMs || timestampMs < wantedMs) continue;
          const read = index.readColumn(batch, at);
          if (typeof read === 'string') continue;
          chart.add(read.series, { timestampMs, value: read.value, offset: columns.offset[at]! });
        }
      }
    }
    return { ...chart.finish(), partition: past.partition, cutShort: past.range.from > from };
  });
}

/** Where there are few samples yet, stretches are as short as this at the least. */
const finestMs = 250;

/**
 * How long a stretch is: one more may be begun at an end of the range. Where samples begin later than the range they are shorter, as what is
 * shown then is; in steps of twice the length, since what is there grows, and is not to be cut anew by each answer.
 */
function stretchMsOf({ fromMs, toMs, points }: SamplesOrder, firstMs = fromMs): number {
  const stretches = Math.max(1, points - 1);
  const neededMs = (toMs - Math.max(fromMs, firstMs)) / stretches;
  const steppedMs = finestMs * 2 ** Math.ceil(Math.log2(Math.max(1, neededMs / finestMs)));
  return Math.max(1, Math.min(steppedMs, (toMs - fromMs) / stretches));
}

interface ChartSample {
  readonly timestampMs: number;
  readonly value: number;
  readonly offset: number;
}

/** What the series are sorted by, the least first. */
const seriesOrders: Record<SeriesOrder, (series: SeriesPoints, threshold: number) => number> = {
  highest: ({ highest }) => -highest,
  lowest: ({ lowest }) => lowest,
  closest: ({ lowest, highest }, threshold) => Math.max(0, lowest - threshold, threshold - highest),
  furthest: ({ lowest, highest }, threshold) => -Math.max(highest - threshold, threshold - lowest),
};

class Chart {
  readonly #order: SamplesOrder;
  readonly #key: string;
  readonly #series = new Map<string, SeriesPoints>();
  readonly #measures = new Map<string, Measure>();
  readonly #values: number[] = [];
  #valuesSeen = 0;
  readonly #stretchMs: number;
  #samples = 0;
  #left = 0;

  constructor(order: SamplesOrder, stretchMs: number) {
    this.#order = order;
    this.#key = seriesKey(order.metricName, exactTags(order.tags));
    this.#stretchMs = stretchMs;
  }

  add(series: { readonly key: string; readonly tags: Tags }, sample: ChartSample): void {
    const { isExact, fromMs } = this.#order;
    if (isExact && series.key !== this.#key) return;
    const measured = this.#measureOf(series.key)?.add(sample.timestampMs, sample.value);
    if (sample.timestampMs < fromMs) return;
    this.#samples++;
    const { measure } = this.#order;
    const compared = measure === undefined ? sample.value : measured;
    if (compared !== undefined) this.#noteValue(compared);
    const points = this.#pointsOf(series);
    if (points === undefined) return;
    points.samples++;
    if (compared !== undefined) {
      points.lowest = Math.min(points.lowest, compared);
      points.highest = Math.max(points.highest, compared);
    }
    if (sample.timestampMs >= points.lastMs) [points.lastMs, points.lastValue] = [sample.timestampMs, sample.value];
    if (measure === undefined) this.#addPoint(points, sample, undefined);
    else if (calculators[measure.type]?.hasSampleScale === true) this.#addPoint(points, sample, compared ?? Number.NaN);
    else if (compared !== undefined) this.#addPoint(points, { ...sample, value: compared }, undefined);
  }

  finish(): Omit<Samples, 'partition' | 'cutShort'> {
    const { seriesMax, order, threshold } = this.#order;
    const rank = (series: SeriesPoints): number => seriesOrders[order](series, threshold);
    const all = [...this.#series.values()].sort((a, b) => rank(a) - rank(b));
    const values = this.#values.sort((a, b) => a - b);
    const quantile = (share: number): number | undefined => values[Math.round(share * (values.length - 1))];
    return {
      series: all.slice(0, seriesMax),
      seriesTotal: all.length + this.#left,
      samples: this.#samples,
      p1: quantile(0.01),
      p99: quantile(0.99),
    };
  }

  #addPoint(points: SeriesPoints, { timestampMs, value, offset }: ChartSample, measured: number | undefined): void {
    const { t, min, max, mean: means, count, window, offset: offsets } = points;
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

  #pointsOf({ key, tags }: { readonly key: string; readonly tags: Tags }): SeriesPoints | undefined {
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= seriesFollowedMax) {
      this.#left = Math.max(1, this.#left);
      return undefined;
    }
    const points: SeriesPoints = {
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
    this.#series.set(key, points);
    return points;
  }

  #measureOf(key: string): Measure | undefined {
    const { measure } = this.#order;
    const known = this.#measures.get(key);
    if (known !== undefined || measure === undefined) return known;
    const made = calculators[measure.type]?.create(measure);
    if (made !== undefined) this.#measures.set(key, made);
    return made;
  }

  /** Every sample is as likely as another to be among those that the quantiles are of: a reservoir, its dice a hash. */
  #noteValue(value: number): void {
    this.#valuesSeen++;
    if (this.#values.length < quantileValuesMax) {
      this.#values.push(value);
      return;
    }
    const at = (Math.imul(this.#valuesSeen, 0x9e37_79b1) >>> 0) % this.#valuesSeen;
    if (at < quantileValuesMax) this.#values[at] = value;
  }
}
