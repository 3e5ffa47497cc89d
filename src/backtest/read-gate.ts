import { Failure } from '../base/failure.ts';

/** Reads at once: each takes a slice of each turn of the event loop, which evaluation and health share with them. */
const runningMax = 2;
/** A page asks for some ten charts at once, and a few pages may be open. */
const waitingMax = 40;

/** Lets a few heavy reads through at a time. The others wait, first come first served; who comes when too many wait is refused. */
export class ReadGate {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** Runs `read` in its turn, unless the signal aborts before. Rejects with the Failure `too_many_requests`. */
  async run<Result>(read: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    await this.#enter();
    try {
      signal.throwIfAborted();
      return await read();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < runningMax) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= waitingMax)
      throw new Failure('too_many_requests', 'too many charts are being read at once', { retryAfterSeconds: 1 });
    // Whoever ends hands over its place.
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
