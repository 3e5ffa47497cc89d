import { pause } from '../base/backoff.ts';
import { LogUnavailable, type Log } from '../log/log.ts';
import type { InstancesView } from './instances-view.ts';
import { lagOf, partitionLags } from './partition-lags.ts';

const everyMs = 2_000;

/** How far behind the judging is, looked at now and then for all who follow the stream. */
export class LagWatch {
  readonly #log: Log;
  readonly #instances: InstancesView;
  #lag: number | undefined;

  constructor(log: Log, instances: InstancesView) {
    this.#log = log;
    this.#instances = instances;
  }

  /** Records that are not judged yet; undefined while the log cannot be asked, and where nobody has told. */
  get lag(): number | undefined {
    return this.#lag;
  }

  async run(signal: AbortSignal): Promise<void> {
    do {
      try {
        await this.#instances.refresh();
        this.#lag = lagOf(await partitionLags(this.#log, this.#instances));
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        this.#lag = undefined;
      }
    } while (await pause(everyMs, signal));
  }
}
