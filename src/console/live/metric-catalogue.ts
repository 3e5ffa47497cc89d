import type { Clock } from '../../base/clock.ts';
import { recordsOf } from '../../log/batch.ts';
import { LogUnavailable, OffsetGone, type Log } from '../../log/log.ts';
import { parseMetricName, parseSampleValue } from '../../metric/sample-value.ts';
import { seriesKey } from '../../metric/series.ts';
import type { Tags } from '../../metric/sample.ts';
import { isCanaryMetric } from '../../rule/canary.ts';
import { topics } from '../../topics.ts';

const everyMs = 2_000;
/** Records of a partition that are read in one round; of a flood only the newest, which represent the others. */
const looked = { first: 5_000, round: 1_000 } as const;
const metricsMax = 20_000;
const seriesPerMetricMax = 1_000;
/** Points kept per series: three minutes. When too many series are kept, a series has only its last value. */
const pointsMax = 90;
const pointMs = 2_000;
const seriesWithPointsMax = 50_000;
/**
 * A series is current for this long after its last sample, as in Prometheus, whatever its interval; for this long while it has
 * too few points to know its interval; and at most this long, because then the evaluator may have forgotten it.
 */
const freshMs = { least: 5 * 60_000, unknownRhythm: 15 * 60_000, most: 24 * 3_600_000 } as const;
const rhythmPoints = 3;
/** Half-life of the moving average that a rate is. */
const halfLifeMs = 20_000;

/** How far a partition has been read. */
interface PartitionSeen {
  /** No sample since then was skipped, as far as times follow the log's order. */
  completeSinceMs: number;
  /** Whether records before the next one were skipped. */
  hasGap: boolean;
}

/** The recent samples of one series: a point for each two seconds with samples, oldest first. */
export interface SeriesSeen {
  readonly tags: Tags;
  readonly of: PartitionSeen;
  /** Since then its points contain all samples that were read; see `isHeldSince`. */
  heldSinceMs: number;
  lastValue: number;
  lastMs: number;
  /** When each point began, by the samples' times; the last value in it; and the sum and the number of its samples. */
  readonly t: number[];
  readonly value: number[];
  readonly sum: number[];
  readonly count: number[];
}

export interface MetricSeen {
  readonly name: string;
  readonly partition: number;
  lastValue: number;
  lastTags: Tags;
  lastMs: number;
  /** Samples per second, estimated: of a flood only a part is read. */
  rate: number;
  /** Distinct series seen; `seriesPerMetricMax` means as many or more. */
  readonly series: Map<string, SeriesSeen>;
  /** Samples seen in this round. */
  fresh: number;
}

/**
 * Whether a series has been silent for unusually long: three times the longest gap between its points,
 * so that a series with a sample every ten minutes is not old between two samples, and one with a sample a second is old soon.
 */
export function hasFallenSilent({ t, lastMs }: SeriesSeen, nowMs: number): boolean {
  const silentMs = nowMs - lastMs;
  if (silentMs <= freshMs.least) return false;
  if (t.length < rhythmPoints) return silentMs > freshMs.unknownRhythm;
  let longestMs = 0;
  for (let index = 1; index < t.length; index++) longestMs = Math.max(longestMs, t[index]! - t[index - 1]!);
  return silentMs > Math.min(freshMs.most, longestMs * 3);
}

/** Whether the points contain every sample of the series since a time. */
export function isHeldSince({ t, heldSinceMs, of }: SeriesSeen, fromMs: number): boolean {
  return t.length > 0 && heldSinceMs <= fromMs && of.completeSinceMs <= fromMs;
}

/**
 * The metrics that have samples now, for completion and search: names, last values, series, rates. It follows the heads of all
 * partitions and reads a bounded number of records of each, so that it costs the same on a quiet day and in a flood.
 */
export class MetricCatalogue {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #metrics = new Map<string, MetricSeen>();
  readonly #positions = new Map<number, number>();
  readonly #partitions = new Map<number, PartitionSeen>();
  #hasForgotten = false;
  #readMs = 0;
  #seriesWithPoints = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Metrics whose name contains the text, the busiest first. */
  search(text: string, limit: number): { metrics: MetricSeen[]; total: number } {
    const wanted = text.toLowerCase();
    const found = [...this.#metrics.values()].filter(({ name }) => name.toLowerCase().includes(wanted));
    const rank = ({ name }: MetricSeen): number => (name.toLowerCase().startsWith(wanted) ? 0 : 1);
    found.sort((a, b) => rank(a) - rank(b) || b.rate - a.rate || (a.name < b.name ? -1 : 1));
    return { metrics: found.slice(0, limit), total: found.length };
  }

  get(name: string): MetricSeen | undefined {
    return this.#metrics.get(name);
  }

  async run(signal: AbortSignal): Promise<void> {
    do {
      try {
        await this.#round();
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
      }
    } while (await this.#clock.pause(everyMs, signal));
  }

  async #round(): Promise<void> {
    const { name } = topics.metrics;
    const nowMs = this.#clock.monotonicMs();
    const count = await this.#log.partitionCount(name);
    const shares = new Map<number, number>();
    for (let partition = 0; partition < count; partition++) {
      const { first, next } = await this.#log.bounds(name, partition);
      const position = this.#positions.get(partition);
      const most = position === undefined ? looked.first : looked.round;
      const from = Math.max(first, next - most, position ?? 0);
      this.#positions.set(partition, next);
      // Samples that retention has deleted may still be in a window of the evaluator.
      if (from > (position ?? 0)) this.#seen(partition).hasGap = true;
      if (from >= next) continue;
      await this.#look(partition, from, next);
      // Each record that was read represents this many. For records from before the start no rate is known.
      shares.set(partition, position === undefined || next < position ? 0 : (next - position) / (next - from));
    }
    this.#settleRates(shares, this.#readMs === 0 ? everyMs : nowMs - this.#readMs);
    this.#readMs = nowMs;
  }

  #seen(partition: number): PartitionSeen {
    const known = this.#partitions.get(partition) ?? { completeSinceMs: -Infinity, hasGap: false };
    this.#partitions.set(partition, known);
    return known;
  }

  async #look(partition: number, from: number, to: number): Promise<void> {
    const seen = this.#seen(partition);
    try {
      for await (const chunk of this.#log.read(topics.metrics.name, partition, {
        from: { offset: from },
        to,
        lends: true,
      })) {
        for (const { key, value, timestampMs } of recordsOf(chunk)) {
          if (seen.hasGap) seen.completeSinceMs = Math.max(seen.completeSinceMs, timestampMs);
          seen.hasGap = false;
          const name = parseMetricName(key);
          const sample = parseSampleValue(value);
          if ('refusal' in name || 'refusal' in sample || isCanaryMetric(name.name)) continue;
          this.#note(name.name, partition, { ...sample, timestampMs });
        }
      }
    } catch (error) {
      seen.hasGap = true;
      if (!(error instanceof OffsetGone)) throw error;
    }
  }

  #note(name: string, partition: number, sample: { value: number; tags: Tags; timestampMs: number }): void {
    let metric = this.#metrics.get(name);
    if (metric === undefined) {
      if (this.#metrics.size >= metricsMax) this.#forgetOldest();
      const lastTags = sample.tags;
      metric = { name, partition, lastValue: 0, lastTags, lastMs: 0, rate: 0, series: new Map(), fresh: 0 };
      this.#metrics.set(name, metric);
    }
    metric.fresh++;
    metric.lastValue = sample.value;
    metric.lastTags = sample.tags;
    metric.lastMs = sample.timestampMs;
    this.#noteSeries(metric, sample);
  }

  #noteSeries(
    metric: MetricSeen,
    { value, tags, timestampMs }: { value: number; tags: Tags; timestampMs: number },
  ): void {
    const key = seriesKey(metric.name, tags);
    let series = metric.series.get(key);
    if (series === undefined) {
      if (metric.series.size >= seriesPerMetricMax) return;
      const heldSinceMs = this.#hasForgotten ? timestampMs : -Infinity;
      const last = { lastValue: value, lastMs: timestampMs };
      series = { tags, of: this.#seen(metric.partition), heldSinceMs, ...last, t: [], value: [], sum: [], count: [] };
      metric.series.set(key, series);
    }
    if (timestampMs >= series.lastMs) [series.lastMs, series.lastValue] = [timestampMs, value];
    if (series.t.length === 0 && this.#seriesWithPoints++ >= seriesWithPointsMax) {
      this.#seriesWithPoints--;
      return;
    }
    addPoint(series, timestampMs, value);
  }

  #forgetOldest(): void {
    this.#hasForgotten = true;
    for (const [name, { series }] of this.#metrics) {
      for (const { t } of series.values()) if (t.length > 0) this.#seriesWithPoints--;
      this.#metrics.delete(name);
      return;
    }
  }

  #settleRates(shares: ReadonlyMap<number, number>, sinceMs: number): void {
    const kept = 0.5 ** (sinceMs / halfLifeMs);
    for (const metric of this.#metrics.values()) {
      const seen = metric.fresh * (shares.get(metric.partition) ?? 0);
      const fresh = (seen * 1_000) / sinceMs;
      // A new metric starts with its first rate: an average that begins at 0 would be too low.
      metric.rate = metric.rate === 0 ? fresh : metric.rate * kept + fresh * (1 - kept);
      metric.fresh = 0;
    }
  }
}

/** A late sample belongs to the point of its own time: in the last one it would count in windows that it is too old for. */
function addPoint(series: SeriesSeen, timestampMs: number, value: number): void {
  const { t } = series;
  let at = t.length - 1;
  while (at >= 0 && t[at]! > timestampMs) at--;
  if (at >= 0 && timestampMs < t[at]! + pointMs) {
    if (at === t.length - 1) series.value[at] = value;
    series.sum[at]! += value;
    series.count[at]!++;
    return;
  }
  for (const [column, first] of [
    [t, timestampMs],
    [series.value, value],
    [series.sum, value],
    [series.count, 1],
  ] as const) {
    column.splice(at + 1, 0, first);
    if (column.length > pointsMax) column.shift();
  }
  if (t.length === pointsMax) series.heldSinceMs = Math.max(series.heldSinceMs, t[0]!);
}
