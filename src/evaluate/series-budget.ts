import type { SeriesState } from './series-state.ts';
import { WindowBudget } from './window-budget.ts';

/** A series that could go, and how much it is needed: the lowest rank goes first. */
export interface Candidate {
  readonly series: SeriesState;
  readonly rank: number;
  readonly owner: Evictor;
}

/** A partition that holds series of the budget. */
export interface Evictor {
  /** The series that are needed least, so many at the most. */
  leastNeeded(count: number): Candidate[];
  evict(series: readonly SeriesState[]): void;
}

/**
 * How many series one instance may hold, shared by its partitions, and how many one metric may have: a tag that is different
 * in each sample (a request's id) would otherwise take all memory. At a limit the series that are needed least make room for one
 * that a rule matches (series-room.ts); others are refused and counted.
 */
export class SeriesBudget {
  readonly seriesMax: number;
  readonly seriesPerMetricMax: number;
  readonly windows: WindowBudget;
  /** Samples that were refused although a rule matches their series. */
  watchedRefused = 0;
  /** Series that made room for others. */
  evicted = 0;
  readonly #evictors = new Set<Evictor>();
  #held = 0;

  constructor(seriesMax = 1_000_000, seriesPerMetricMax = 100_000, windowBytesMax = Infinity) {
    this.seriesMax = seriesMax;
    this.seriesPerMetricMax = seriesPerMetricMax;
    this.windows = new WindowBudget(windowBytesMax);
  }

  get held(): number {
    return this.#held;
  }

  /** Whether a metric that has so many series may have one more. */
  hasRoom(seriesOfMetric: number): boolean {
    return this.#held < this.seriesMax && seriesOfMetric < this.seriesPerMetricMax;
  }

  take(): void {
    this.#held++;
  }

  giveBack(count: number): void {
    this.#held -= count;
  }

  join(evictor: Evictor): void {
    this.#evictors.add(evictor);
  }

  leave(evictor: Evictor): void {
    this.#evictors.delete(evictor);
  }

  /** Lets the series go that are needed least of all partitions, so many at the most. */
  makeRoom(count: number): void {
    const candidates = [...this.#evictors].flatMap((evictor) => evictor.leastNeeded(count));
    const gone = Map.groupBy(
      candidates.toSorted((one, other) => one.rank - other.rank).slice(0, count),
      ({ owner }) => owner,
    );
    for (const [owner, those] of gone) owner.evict(those.map(({ series }) => series));
  }
}
