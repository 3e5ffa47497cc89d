import { systemClock, type Clock } from '../clock.ts';

/**
 * The machine's clock, on which waits and durations pass `factor` times as fast. The time of day stays real, as records and
 * tokens have it, unless `isDayFast`: then it begins now, and passes as fast.
 */
export function fastClock(factor: number, { isDayFast = false } = {}): Clock {
  const beganMs = systemClock.wallMs();
  return {
    ...systemClock,
    wallMs: () => (isDayFast ? beganMs + (systemClock.wallMs() - beganMs) * factor : systemClock.wallMs()),
    monotonicMs: () => systemClock.monotonicMs() * factor,
    pause: (durationMs, signal) => systemClock.pause(durationMs / factor, signal),
    every: (everyMs, act) => systemClock.every(everyMs / factor, act),
    after: (delayMs, act) => systemClock.after(delayMs / factor, act),
  };
}
