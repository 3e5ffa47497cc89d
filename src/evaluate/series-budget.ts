/**
 * How many series one instance may hold, shared by its partitions, and how many one metric may have: a tag that is different
 * in each sample (a request's id) would else take all memory. Over a limit new series are refused and counted; those that are
 * there stay as they are.
 */
export class SeriesBudget {
  readonly seriesMax: number;
  readonly seriesPerMetricMax: number;
  #held = 0;

  constructor(seriesMax = 1_000_000, seriesPerMetricMax = 100_000) {
    this.seriesMax = seriesMax;
    this.seriesPerMetricMax = seriesPerMetricMax;
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
}
