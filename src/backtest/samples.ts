import type { SamplePlace } from '../alarm/alarm-state.ts';
import type { ReadSample } from '../evaluate/series-index.ts';
import type { Measure } from '../measure/measure.ts';
import { calculators, fillBackMs } from '../measure/measures.ts';
import type { MeasureRequest } from '../rule/measure-request.ts';
import { seriesKey } from '../metric/series.ts';
import type { Tags } from '../metric/sample.ts';
import { exactTags, type TagMatchers } from '../rule/matcher.ts';
import { readPast, type SamplesSource } from './read-past.ts';
import {
  ChartLines,
  inOrder,
  noPoints,
  noteSample,
  Quantiles,
  stretchMsOf,
  type ChartRange,
  type ChartSample,
  type SeriesOrder,
  type SeriesPoints,
} from './series-points.ts';

export interface SamplesOrder extends ChartRange {
  readonly metricName: string;
  readonly tags: TagMatchers;
  /** Only the series with exactly these tags, each with its value, and none that has more. */
  readonly isExact: boolean;
  readonly seriesMax: number;
  /** The value of this measure is given with each point; undefined for none. */
  readonly measure: Omit<MeasureRequest, 'key'> | undefined;
  /** Which series come first: those that reach highest or lowest, or that come closest to or go furthest from the threshold. */
  readonly order: SeriesOrder;
  readonly threshold: number;
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

/** The samples of a metric for a chart: no spike is lost, however many share a pixel, for each stretch has its extremes. */
export async function readSamples(source: SamplesSource, order: SamplesOrder, signal: AbortSignal): Promise<Samples> {
  const { metricName, tags, fromMs, toMs, measure } = order;
  const sinceMs = measure === undefined ? fromMs : fromMs - fillBackMs(measure.type, measure.windowMs);
  const begin = (firstMs: number | undefined) => {
    const chart = new Chart(order, stretchMsOf(order, firstMs));
    return {
      wants: (timestampMs: number) => timestampMs <= toMs && timestampMs >= sinceMs,
      take: ({ series, value }: ReadSample, { timestampMs, offset }: SamplePlace) =>
        chart.add(series, { timestampMs, value, offset }),
      finish: () => chart.finish(),
    };
  };
  return readPast(source, { metricName, tags, sinceMs }, begin, signal);
}

class Chart {
  readonly #order: SamplesOrder;
  readonly #key: string;
  readonly #lines: ChartLines<SeriesPoints>;
  readonly #measures = new Map<string, Measure>();
  readonly #quantiles = new Quantiles();
  #samples = 0;

  constructor(order: SamplesOrder, stretchMs: number) {
    this.#order = order;
    this.#key = seriesKey(order.metricName, exactTags(order.tags));
    this.#lines = new ChartLines(stretchMs);
  }

  add(series: { readonly key: string; readonly tags: Tags }, sample: ChartSample): void {
    const { isExact, fromMs } = this.#order;
    if (isExact && series.key !== this.#key) return;
    const measured = this.#measureOf(series.key)?.add(sample.timestampMs, sample.value);
    if (sample.timestampMs < fromMs) return;
    this.#samples++;
    const { measure } = this.#order;
    const compared = measure === undefined ? sample.value : measured;
    if (compared !== undefined) this.#quantiles.note(compared);
    const line = this.#lines.of(series.key, () => noPoints(series.tags));
    if (line === undefined) return;
    noteSample(line, sample, compared);
    if (measure === undefined) this.#lines.add(line, sample);
    else if (calculators[measure.type]?.hasSampleScale === true) this.#lines.add(line, sample, compared ?? Number.NaN);
    else if (compared !== undefined) this.#lines.add(line, { ...sample, value: compared });
  }

  finish(): Omit<Samples, 'partition' | 'cutShort'> {
    const { seriesMax, order, threshold } = this.#order;
    return {
      series: inOrder(this.#lines.all, order, threshold).slice(0, seriesMax),
      seriesTotal: this.#lines.total,
      samples: this.#samples,
      ...this.#quantiles.finish(),
    };
  }

  #measureOf(key: string): Measure | undefined {
    const { measure } = this.#order;
    const known = this.#measures.get(key);
    if (known !== undefined || measure === undefined) return known;
    const made = calculators[measure.type]?.create(measure);
    if (made !== undefined) this.#measures.set(key, made);
    return made;
  }
}
