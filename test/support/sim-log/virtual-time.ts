interface Timer {
  readonly callback: () => void;
  readonly everyMs: number | undefined;
  /** Whose timer it is: what `ownerNow` said when it was set. */
  readonly owner: unknown;
  dueMs: number;
}

/**
 * Timers and the clocks in the hands of a test. `tick` lets timers pass, and `clockMs` is the wall clock; the monotonic clock
 * goes on with either. After a long tick an interval fires once, as in a process that was stopped.
 */
export class VirtualTime {
  readonly #timers = new Set<Timer>();
  readonly #real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    now: Date.now,
    performanceNow: Object.getOwnPropertyDescriptor(performance, 'now'),
  };
  readonly #beganMs = performance.now();
  #passedMs = 0;
  /** How far the wall clock was put forward. */
  #forwardMs = 0;
  #clockMs: number;

  /** Takes the place of the real ones until it is uninstalled. */
  constructor(clockMs: number, ownerNow: () => unknown = () => undefined) {
    this.#clockMs = clockMs;
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
    Date.now = () => this.#clockMs;
    performance.now = () => this.#beganMs + this.#passedMs + this.#forwardMs;
  }

  get clockMs(): number {
    return this.#clockMs;
  }

  set clockMs(clockMs: number) {
    this.#forwardMs += Math.max(0, clockMs - this.#clockMs);
    this.#clockMs = clockMs;
  }

  uninstall(): void {
    const { now, performanceNow, ...timers } = this.#real;
    Object.assign(globalThis, timers);
    Date.now = now;
    if (performanceNow === undefined) Reflect.deleteProperty(performance, 'now');
    else Object.defineProperty(performance, 'now', performanceNow);
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
