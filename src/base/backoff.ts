import { setTimeout as sleep } from 'node:timers/promises';

export interface BackoffLimits {
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * The wait before try number `attempt` (1 is the first repeat): doubling from firstMs to lastMs, with full jitter in
 * its upper half so that many waiters do not come back together. `chance` is a number in [0, 1).
 */
export function backoffMs(attempt: number, limits: BackoffLimits, chance: number): number {
  const ceiling = Math.min(limits.lastMs, limits.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(ceiling * (0.5 + chance / 2));
}

/** Sleeps, or returns at once when the signal aborts. Resolves to whether the whole time passed. */
export async function pause(durationMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(durationMs, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
