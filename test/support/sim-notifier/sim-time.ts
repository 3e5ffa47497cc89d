import type { Clock } from '../../../src/base/clock.ts';
import type { Random } from '../sim-log/random.ts';

interface Timer {
  readonly dueMs: number;
  readonly number: number;
  /** Whose code it wakes: undefined for the world's own. */
  readonly owner: object | undefined;
  readonly fire: () => void;
}

/** Time in the hands of a test: it stands still until it is told to go on to the next thing that is due. */
export class SimTime {
  readonly #timers: Timer[] = [];
  readonly #random: Random;
  readonly #beganMs: number;
  #number = 0;
  nowMs: number;

  constructor(nowMs: number, random: Random) {
    this.nowMs = nowMs;
    this.#beganMs = nowMs;
    this.#random = random;
  }

  /** Returns a function that takes the timer back. */
  after(durationMs: number, owner: object | undefined, fire: () => void): () => void {
    const timer = { dueMs: this.nowMs + Math.max(0, durationMs), number: this.#number++, owner, fire };
    this.#timers.push(timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at !== -1) this.#timers.splice(at, 1);
    };
  }

  /** Goes to the next timer whose owner is awake, no further than `untilMs`, and fires it. Returns whether there was one. */
  next(untilMs: number, isAsleep: (owner: object) => boolean): boolean {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.owner !== undefined && isAsleep(timer.owner)) continue;
      if (
        first === undefined ||
        timer.dueMs < first.dueMs ||
        (timer.dueMs === first.dueMs && timer.number < first.number)
      )
        first = timer;
    }
    if (first === undefined || first.dueMs > untilMs) {
      this.nowMs = Math.max(this.nowMs, untilMs);
      return false;
    }
    this.nowMs = Math.max(this.nowMs, first.dueMs);
    this.#timers.splice(this.#timers.indexOf(first), 1);
    first.fire();
    return true;
  }

  clockOf(owner: object): Clock {
    return {
      wallMs: () => this.nowMs,
      monotonicMs: () => this.nowMs - this.#beganMs,
      chance: () => this.#random.next(),
      after: (delayMs, act) => this.after(delayMs, owner, act),
      every: (everyMs, act) => {
        let takeBack = (): void => {};
        const again = (): void => {
          takeBack = this.after(everyMs, owner, () => {
            again();
            act();
          });
        };
        again();
        return () => takeBack();
      },
      pause: (durationMs, signal) => {
        if (signal.aborted) return Promise.resolve(false);
        if (durationMs === Infinity) durationMs = 2 ** 31;
        return new Promise((resolve) => {
          const cut = (): void => {
            takeBack();
            resolve(false);
          };
          const takeBack = this.after(durationMs, owner, () => {
            signal.removeEventListener('abort', cut);
            resolve(true);
          });
          signal.addEventListener('abort', cut, { once: true });
        });
      },
    };
  }
}
