import type { Clock } from '../../base/clock.ts';
import { LogUnavailable, type Log } from '../../log/log.ts';
import { topics } from '../../topics.ts';

const everyMs = 2_000;
const windowMs = 60_000;
/** What a rate is taken over: four seconds. */
const rateReadings = 3;

interface Reading {
  readonly atMs: number;
  readonly records: number;
}

/**
 * How many samples came in lately, by what the heads of `metrics` moved: proof of life while nothing fires. It costs a
 * request for the bounds of each partition every two seconds, however many pages are open.
 */
export class SampleCount {
  readonly #log: Log;
  readonly #clock: Clock;
  #readings: Reading[] = [];

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Samples within the last minute, or since this process began; undefined while the log cannot be asked. */
  get lastMinute(): number | undefined {
    const [first] = this.#readings;
    const last = this.#readings.at(-1);
    return first === undefined || last === undefined ? undefined : last.records - first.records;
  }

  /** Samples per second, over the last few; undefined while it cannot be told. */
  get perSecond(): number | undefined {
    const [one, other] = this.#readings.slice(-rateReadings);
    const last = this.#readings.at(-1);
    if (one === undefined || other === undefined || last === undefined) return undefined;
    return ((last.records - one.records) * 1_000) / (last.atMs - one.atMs);
  }

  async run(signal: AbortSignal): Promise<void> {
    do {
      try {
        const reading = { atMs: this.#clock.monotonicMs(), records: await this.#recordsEver() };
        this.#readings = [...this.#readings.filter(({ atMs }) => atMs > reading.atMs - windowMs), reading];
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        this.#readings = [];
      }
    } while (await this.#clock.pause(everyMs, signal));
  }

  async #recordsEver(): Promise<number> {
    const { name } = topics.metrics;
    const count = await this.#log.partitionCount(name);
    const bounds = await Promise.all(
      Array.from({ length: count }, (_, partition) => this.#log.bounds(name, partition)),
    );
    return bounds.reduce((sum, { next }) => sum + next, 0);
  }
}
