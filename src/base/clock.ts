import { pause } from './backoff.ts';

/** Time and chance, injected into every service that needs them. A simulation passes its own. */
export interface Clock {
  /** Milliseconds since the epoch. May jump when the system's clock is set. */
  wallMs(): number;
  /** Milliseconds since an arbitrary moment. Never jumps. */
  monotonicMs(): number;
  /** Sleeps, or returns at once when the signal aborts. Resolves to whether the whole time passed. */
  pause(durationMs: number, signal: AbortSignal): Promise<boolean>;
  /** Calls `act` after every `everyMs`, until the returned function is called. */
  every(everyMs: number, act: () => void): () => void;
  /** Calls `act` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, act: () => void): () => void;
  /** A random number in [0, 1). */
  chance(): number;
}

/** The longest delay that a timer of Node accepts. */
const timerMsMax = 2_147_483_647;

/** The clock of this machine. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  pause: (durationMs, signal) => pause(Math.min(durationMs, timerMsMax), signal),
  every: (everyMs, act) => {
    const timer = setInterval(act, everyMs);
    return () => clearInterval(timer);
  },
  after: (delayMs, act) => {
    const timer = setTimeout(act, Math.min(delayMs, timerMsMax));
    return () => clearTimeout(timer);
  },
  chance: () => Math.random(),
};
