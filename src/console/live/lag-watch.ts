import type { Clock } from '../../base/clock.ts';
import { LogUnavailable, type Log } from '../../log/log.ts';
import type { InstancesView } from './instances-view.ts';
import { lagOf, partitionLags, type PartitionLag } from './partition-lags.ts';

const everyMs = 2_000;
/** A partition that moves has no owner for a short time. */
const unownedAfterMs = 10_000;

/** The evaluators' lag, read periodically for all clients of the stream. */
export class LagWatch {
  readonly #log: Log;
  readonly #instances: InstancesView;
  readonly #clock: Clock;
  #lag: number | undefined;
  /** Since when each of these partitions has had no owner; by the monotonic clock. */
  #unownedSince: ReadonlyMap<number, number> = new Map();

  constructor(log: Log, instances: InstancesView, clock: Clock) {
    this.#log = log;
    this.#instances = instances;
    this.#clock = clock;
  }

  /** Records that are not evaluated yet; undefined while the log is unavailable or no instance has reported. */
  get lag(): number | undefined {
    return this.#lag;
  }

  /** Partitions of `metrics` that have had no evaluator for a while. */
  get unowned(): number {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#unownedSince.values()].filter((sinceMs) => nowMs - sinceMs >= unownedAfterMs).length;
  }

  async run(signal: AbortSignal): Promise<void> {
    do {
      try {
        await this.#instances.refresh();
        const partitions = await partitionLags(this.#log, this.#instances);
        this.#lag = lagOf(partitions);
        this.#noteOwners(partitions);
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        this.#lag = undefined;
      }
    } while (await this.#clock.pause(everyMs, signal));
  }

  #noteOwners(partitions: readonly PartitionLag[]): void {
    const nowMs = this.#clock.monotonicMs();
    const unowned = partitions.filter(({ instance }) => instance === undefined);
    this.#unownedSince = new Map(
      unowned.map(({ partition }) => [partition, this.#unownedSince.get(partition) ?? nowMs]),
    );
  }
}
