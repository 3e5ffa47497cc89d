import type { Log } from '../log/log.ts';
import { matchersKey, type TagMatchers } from '../rule/matcher.ts';
import { MetricPast } from './metric-past.ts';

/** What all pasts together may hold; the one that was not asked for longest goes first. */
const bytesMax = 256 * 1024 * 1024;
const pastsMax = 64;

/** The pasts that were asked for lately. Whoever reads one has it alone: what two ask of it, they ask one after the other. */
export class MetricPasts {
  readonly #log: Log;
  /** The one asked for last is the last. */
  readonly #pasts = new Map<string, { readonly opened: Promise<MetricPast>; turn: Promise<unknown> }>();

  constructor(log: Log) {
    this.#log = log;
  }

  async use<Result>(name: string, tags: TagMatchers, work: (past: MetricPast) => Promise<Result>): Promise<Result> {
    const key = JSON.stringify([name, matchersKey(tags)]);
    let held = this.#pasts.get(key);
    if (held === undefined) {
      const opened = MetricPast.open(this.#log, name, tags);
      opened.catch(() => this.#pasts.delete(key));
      held = { opened, turn: opened };
    }
    this.#pasts.delete(key);
    this.#pasts.set(key, held);
    const { opened } = held;
    const turn = held.turn.then(
      async () => work(await opened),
      async () => work(await opened),
    );
    held.turn = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      await this.#makeRoom();
    }
  }

  async #makeRoom(): Promise<void> {
    let bytes = 0;
    for (const [key, { opened }] of [...this.#pasts].reverse()) {
      const past = await opened.catch(() => undefined);
      bytes += past?.bytes ?? 0;
      if (bytes > bytesMax && this.#pasts.size > 1) this.#pasts.delete(key);
    }
    for (const key of this.#pasts.keys()) {
      if (this.#pasts.size <= pastsMax) return;
      this.#pasts.delete(key);
    }
  }
}
