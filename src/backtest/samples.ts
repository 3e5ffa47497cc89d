import { SeriesBudget } from '../evaluate/series-budget.ts';
import { SeriesIndex } from '../evaluate/series-index.ts';
import type { Measure } from '../measure/measure.ts';
import { calculators, fillBackMs } from '../measure/measures.ts';
import type { MeasureRequest } from '../rule/measure-request.ts';
import type { Log } from '../log/log.ts';
import { seriesKey } from '../metric/series.ts';
import type { Tags } from '../metric/sample.ts';
import { exactTags, type TagMatchers } from '../rule/matcher.ts';
import { inTurns, offsetSince, spanOf } from './backtest.ts';
import type { MetricPasts } from './metric-pasts.ts';
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

export interface SamplesSource {
  readonly log: Log;
  readonly pasts: MetricPasts;
}

/** The samples of a metric for a chart: no spike is lost, however many share a pixel, for each stretch has its extremes. */
export async function readSamples(
  { log, pasts }: SamplesSource,
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
