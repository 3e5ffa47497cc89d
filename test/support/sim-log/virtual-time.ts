interface Timer {
  readonly callback: () => void;
  readonly everyMs: number | undefined;
  /** Whose timer it is: what `ownerNow` said when it was set. */
  readonly owner: unknown;
  dueMs: number;
}

/**
 * Timers and the wall clock in the hands of a test. The two run apart: `tick` lets timers pass, `clockMs` tells the time.
 * After a long tick an interval fires once, as in a process that was stopped.
 */
export class VirtualTime {
  readonly #timers = new Set<Timer>();
  readonly #real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    now: Date.now,
  };
  #passedMs = 0;
  clockMs: number;

  /** Takes the place of the real ones until it is uninstalled. */
  constructor(clockMs: number, ownerNow: () => unknown = () => undefined) {
    this.clockMs = clockMs;
    const begin = (callback: () => void, delayMs: number, everyMs?: number): unknown => {
      const timer = { callback, everyMs, owner: ownerNow(), dueMs: this.#passedMs + delayMs };
      this.#timers.add(timer);
      return timer;
    };
    const end = (timer: unknown): void => void this.#timers.delete(timer as Timer);
    Object.assign(globalThis, {
      setTimeout: (callback: () => void, delayMs = 0) => begin(callback, delayMs),
      setInterval: (callback: () => void, everyMs = 1) => begin(callback, everyMs, everyMs),
      clearTimeout: end,
      clearInterval: end,
    });
    Date.now = () => this.clockMs;
  }

  uninstall(): void {
    const { now, ...timers } = this.#real;
    Object.assign(globalThis, timers);
    Date.now = now;
  }

  /** Lets time pass for those timers whose owner is not asleep. */
  tick(ms: number, isAsleep: (owner: unknown) => boolean = () => false): void {
    this.#passedMs += ms;
    const due = [...this.#timers].filter((timer) => timer.dueMs <= this.#passedMs && !isAsleep(timer.owner));
    for (const timer of due.sort((one, other) => one.dueMs - other.dueMs)) {
      if (!this.#timers.has(timer)) continue;
      if (timer.everyMs === undefined) this.#timers.delete(timer);
      else timer.dueMs = this.#passedMs + timer.everyMs;
      timer.callback();
    }
  }
}
