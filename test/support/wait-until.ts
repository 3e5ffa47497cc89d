import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  readonly msMax?: number;
  readonly pollMs?: number;
}

/**
 * Resolves to what `condition` gives once that is truthy. Rejects when the time is up, with `what` was awaited and the last
 * error of the condition: one that throws is asked again.
 */
export async function waitUntil<Value>(
  what: string,
  condition: () => Value | Promise<Value>,
  { msMax = 15_000, pollMs = 20 }: WaitOptions = {},
): Promise<NonNullable<Value>> {
  const deadline = performance.now() + msMax;
  for (;;) {
    let failure: unknown;
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) {
      const reason = failure instanceof Error ? `: ${failure.message}` : '';
      throw new Error(`not within ${msMax} ms: ${what}${reason}`, { cause: failure });
    }
    await sleep(pollMs);
  }
}
