import type { LogRecord } from '../log/batch.ts';
import { parseMetricName, parseSampleValue, type SampleRefusal } from '../metric/sample-value.ts';
import type { Tags } from '../metric/sample.ts';
import { seriesKey } from '../metric/series.ts';
import { SampleColumns, scanSamples, suffixSaysTheTags } from './sample-columns.ts';
import type { SeriesBudget } from './series-budget.ts';
import { seriesOf, type MetricState, type SeriesState } from './series-state.ts';
import { SeriesTable } from './series-table.ts';

/** A sample that was read, and its series. */
export interface ReadSample {
  readonly series: SeriesState;
  readonly value: number;
}

/** Why a record is no sample. */
export type Unreadable = SampleRefusal | 'bad_timestamp' | 'too_many_series' | 'misplaced';

/**
 * The series of a partition, found from records: by bytes that were met before, or by reading with care, after which these
 * bytes are known. Both ways give the same; which one a record takes is a matter of speed alone.
 */
export class SeriesIndex {
  readonly metrics = new Map<string, MetricState>();
  readonly table = new SeriesTable();
  readonly columns = new SampleColumns();
  /** Metrics that another partition receives; see MisplacedMetrics. */
  readonly refused = new Set<string>();
  /** Makes room for series that a rule matches; without it new series are refused at a limit. */
  room: { makeFor(name: string, tags: Tags): boolean; close(): void } | undefined;
  /** How often series were removed, so that numbers may mean others. */
  #removals = 0;
  readonly #byNumber: SeriesState[] = [];
  readonly #budget: SeriesBudget;
  readonly #onNewMetric: (metric: MetricState) => void;

  constructor(budget: SeriesBudget, onNewMetric: (metric: MetricState) => void) {
    this.#budget = budget;
    this.#onNewMetric = onNewMetric;
  }

  /** Puts the samples of one batch with offsets in [from, to) into the columns, with their series as far as they are known. */
  scan(batch: Uint8Array, from: number, to: number): void {
    scanSamples(batch, this.columns, from, to);
    this.table.find(batch, this.columns);
  }

  /** The series of a number of the columns; undefined when it is not known. */
  known(number: number): SeriesState | undefined {
    return number < 0 ? undefined : this.#byNumber[number];
  }

  /** What one sample of the columns says, or why it is none. */
  readColumn(batch: Uint8Array, index: number): ReadSample | Unreadable {
    const { columns, table } = this;
    const number = columns.series[index]!;
    const timestampMs = columns.timestampMs[index]!;
    if (number >= 0 && timestampMs >= 0) return { series: this.#byNumber[number]!, value: columns.value[index]! };
    const keyStart = columns.keyStart[index]!;
    const valueStart = columns.valueStart[index]!;
    const removals = this.#removals;
    const read = this.read({
      partition: table.partition,
      offset: columns.offset[index]!,
      timestampMs,
      key: keyStart < 0 ? null : batch.subarray(keyStart, columns.keyEnd[index]),
      value: valueStart < 0 ? null : batch.subarray(valueStart, columns.valueEnd[index]),
    });
    // Series of this very batch may have made room, and their numbers have passed to others.
    if (this.#removals !== removals) table.find(batch, columns);
    // Both ways of reading must agree before the fast one is trusted with these bytes.
    if (typeof read !== 'string' && read.value === columns.value[index] && suffixSaysTheTags(batch, columns, index)) {
      table.learn(batch, columns, index, read.series.number);
    }
    return read;
  }

  /** What a record says, or why it is no sample. */
  read(record: LogRecord): ReadSample | Unreadable {
    const name = parseMetricName(record.key);
    if ('refusal' in name) return name.refusal;
    const sample = parseSampleValue(record.value);
    if ('refusal' in sample) return sample.refusal;
    if (!(record.timestampMs >= 0)) return 'bad_timestamp';
    this.table.partition = record.partition;
    if (this.refused.size > 0 && this.refused.has(name.name)) return 'misplaced';
    const known = this.metrics.get(name.name)?.series;
    const isKnown = known?.has(seriesKey(name.name, sample.tags)) === true;
    if (!isKnown && !this.#budget.hasRoom(known?.size ?? 0) && this.room?.makeFor(name.name, sample.tags) !== true)
      return 'too_many_series';
    return { series: this.seriesOf(name.name, sample.tags), value: sample.value };
  }

  /** The series with this name and exactly these tags, made when it is not there, whatever the budget says. */
  seriesOf(name: string, tags: Tags): SeriesState {
    let metric = this.metrics.get(name);
    if (metric === undefined) {
      metric = { name, series: new Map(), requests: undefined, hasGroups: undefined };
      this.metrics.set(name, metric);
      this.#onNewMetric(metric);
    }
    const before = metric.series.size;
    const series = seriesOf(this.table, metric, tags);
    if (metric.series.size > before) this.#budget.take();
    this.#byNumber[series.number] = series;
    return series;
  }

  /** Forgets series, and metrics that have none left; calls `onEmpty` with these. */
  remove(gone: readonly SeriesState[], onEmpty: (metric: MetricState) => void): void {
    if (gone.length === 0) return;
    this.#removals++;
    for (const series of gone) {
      series.dropMeasures(this.#budget.windows);
      const metric = this.metrics.get(series.name)!;
      metric.series.delete(series.key);
      if (metric.series.size > 0) continue;
      this.metrics.delete(metric.name);
      onEmpty(metric);
    }
    this.table.remove(new Set(gone.map((series) => series.number)));
    this.#budget.giveBack(gone.length);
  }

  seriesCount(): number {
    return this.metrics.values().reduce((sum, metric) => sum + metric.series.size, 0);
  }

  /** Gives back what it holds of the budget: the partition is somebody else's now. */
  close(): void {
    this.room?.close();
    this.#budget.giveBack(this.seriesCount());
    for (const metric of this.metrics.values())
      for (const series of metric.series.values()) series.dropMeasures(this.#budget.windows);
  }
}
