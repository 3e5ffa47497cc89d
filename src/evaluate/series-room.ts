// Who makes room when an instance, or a metric, has as many series as it may: series that no rule matches, then those silent
// longest. A series with an alarm that is not ok stays, and so does one of which the topic `alarms` has a record. Only a series
// that a rule matches is made room for: what nobody watches costs those that are watched nothing.
import type { Tags } from '../metric/sample.ts';
import { concerns } from '../rule/condition.ts';
import type { RulesInForce } from '../rule/rule-book.ts';
import type { PassingTime } from './passing-time.ts';
import type { Candidate, Evictor, SeriesBudget } from './series-budget.ts';
import type { SeriesIndex } from './series-index.ts';
import { matchingRules, type MetricState, type SeriesState } from './series-state.ts';

/** All series are looked at to find those that go: so many go at once that this is seldom. */
export const shareThatGoes = 0.01;

interface RoomOptions {
  readonly book: RulesInForce;
  readonly budget: SeriesBudget;
  readonly index: SeriesIndex;
  readonly time: PassingTime;
}

export class SeriesRoom implements Evictor {
  readonly #options: RoomOptions;

  constructor(options: RoomOptions) {
    this.#options = options;
    options.budget.join(this);
  }

  /** Whether there is room now for this series, which is not there yet. */
  makeFor(name: string, tags: Tags): boolean {
    const { book, budget, index } = this.#options;
    const isWatched = [...book.byMetric(name)].some(({ condition }) => condition.enabled && concerns(condition, tags));
    if (!isWatched) return false;
    const metric = index.metrics.get(name);
    if (metric !== undefined && metric.series.size >= budget.seriesPerMetricMax) {
      const count = Math.ceil(budget.seriesPerMetricMax * shareThatGoes);
      this.evict(this.#leastNeeded([metric], count).map(({ series }) => series));
    }
    if (budget.held >= budget.seriesMax) budget.makeRoom(Math.ceil(budget.seriesMax * shareThatGoes));
    const hasRoom = budget.hasRoom(index.metrics.get(name)?.series.size ?? 0);
    if (!hasRoom) budget.watchedRefused++;
    return hasRoom;
  }

  leastNeeded(count: number): Candidate[] {
    return this.#leastNeeded(this.#options.index.metrics.values(), count);
  }

  evict(series: readonly SeriesState[]): void {
    this.#options.budget.evicted += series.length;
    this.#options.time.evict(series);
  }

  close(): void {
    this.#options.budget.leave(this);
  }

  #leastNeeded(metrics: Iterable<MetricState>, count: number): Candidate[] {
    const found: Candidate[] = [];
    for (const metric of metrics) {
      for (const series of metric.series.values()) {
        if (series.alarms?.values().some(({ state, offset }) => state.state !== 'ok' || offset >= 0) === true) continue;
        const isWatched = matchingRules(series, this.#options.book).length > 0;
        found.push({ series, rank: Math.max(0, series.heardAtMs) + (isWatched ? watchedRank : 0), owner: this });
      }
    }
    return lowest(found, count);
  }
}

/** Later than any reading of the monotonic clock. */
const watchedRank = 1e15;

/** Those with the lowest ranks. Among a million, sorting the ranks alone is much faster than sorting what has them. */
export function lowest(candidates: readonly Candidate[], count: number): Candidate[] {
  if (candidates.length <= count) return [...candidates];
  const ranks = Float64Array.from(candidates, ({ rank }) => rank).sort();
  const highest = ranks[count - 1]!;
  const below = candidates.filter(({ rank }) => rank < highest);
  const level = candidates.filter(({ rank }) => rank === highest);
  return [...below, ...level.slice(0, count - below.length)];
}
