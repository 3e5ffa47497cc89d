import { pause } from '../base/backoff.ts';

/** Time and chance as the notifier meets them: the simulation has its own. */
export interface NotifyClock {
  /** Milliseconds since the epoch. */
  wallMs(): number;
  /** Milliseconds that never jump. */
  monotonicMs(): number;
  /** Sleeps, or returns at once when the signal aborts. Resolves to whether the whole time passed. */
  pause(durationMs: number, signal: AbortSignal): Promise<boolean>;
  /** A number in [0, 1). */
  chance(): number;
}

/** Longer than this no timer of Node runs. */
const timerMsMax = 2_147_483_647;

export const realClock: NotifyClock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  pause: (durationMs, signal) => pause(Math.min(durationMs, timerMsMax), signal),
  chance: () => Math.random(),
};
