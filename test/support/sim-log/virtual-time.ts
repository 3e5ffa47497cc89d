import { pause } from '../../../src/base/backoff.ts';
import type { Clock } from '../../../src/base/clock.ts';

interface Timer {
  readonly callback: () => void;
  readonly everyMs: number | undefined;
  /** Whose timer it is: what `ownerNow` said when it was set. */
  readonly owner: unknown;
  dueMs: number;
}

interface VirtualTimeOptions {
  /** Says whose code is running, so that the timers of a paused process can be held. */
  readonly ownerNow?: () => unknown;
  /** What the monotonic clock goes on by with each millisecond of a tick: timers can pass while almost no time does. */
  readonly tickShare?: number;
}

/**
 * A clock in the hands of a test. `tick` lets timers pass, and `clockMs` is the wall clock; the monotonic clock goes on with
 * either, or alone with `goOn`. After a long tick an interval fires once, as in a process that was stopped.
 */
export class VirtualTime implements Clock {
  readonly #timers = new Set<Timer>();
  readonly #ownerNow: () => unknown;
  readonly #tickShare: number;
  #passedMs = 0;
  /** How far the wall clock was put forward. */
  #forwardMs = 0;
  #clockMs: number;

  constructor(clockMs: number, { ownerNow = () => undefined, tickShare = 1 }: VirtualTimeOptions = {}) {
    this.#clockMs = clockMs;
    this.#ownerNow = ownerNow;
    this.#tickShare = tickShare;
  }

  wallMs(): number {
    return this.#clockMs;
  }

  monotonicMs(): number {
    return this.#passedMs * this.#tickShare + this.#forwardMs;
  }

  /** In real time: no simulated evaluator waits by it. */
  pause(durationMs: number, signal: AbortSignal): Promise<boolean> {
    return pause(durationMs, signal);
  }

  every(everyMs: number, act: () => void): () => void {
    return this.#begin(act, everyMs, everyMs);
  }

  after(delayMs: number, act: () => void): () => void {
    return this.#begin(act, delayMs, undefined);
  }

  chance(): number {
    return 0.5;
  }

  #begin(callback: () => void, delayMs: number, everyMs: number | undefined): () => void {
    const timer = { callback, everyMs, owner: this.#ownerNow(), dueMs: this.#passedMs + delayMs };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  get clockMs(): number {
    return this.#clockMs;
  }

  set clockMs(clockMs: number) {
    this.#forwardMs += Math.max(0, clockMs - this.#clockMs);
    this.#clockMs = clockMs;
  }

  /** The wall clock alone shows another time. */
  showWall(clockMs: number): void {
    this.#clockMs = clockMs;
  }

  /** The monotonic clock alone goes on. */
  goOn(ms: number): void {
    this.#forwardMs += ms;
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
