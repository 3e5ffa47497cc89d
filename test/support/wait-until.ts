// How tests wait: for a condition and never for a time, and whoever waited in vain says for what.
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  readonly msMax?: number;
  readonly pollMs?: number;
}

/** Resolves once `condition` is truthy, to what it gives. One that throws is asked again. */
export async function waitUntil<Value>(
  what: string,
  condition: () => Value | Promise<Value>,
  options?: WaitOptions,
): Promise<NonNullable<Value>> {
  return (await waitForValue(what, condition, Boolean, options)) as NonNullable<Value>;
}

/**
 * Resolves to the first value read that `holds`. Rejects when the time is up, with `what` was awaited, and the value or the
 * error of the last reading.
 */
export async function waitForValue<Value>(
  what: string,
  read: () => Value | Promise<Value>,
  holds: (value: Value) => boolean,
  { msMax = 60_000, pollMs = 10 }: WaitOptions = {},
): Promise<Value> {
  const deadline = performance.now() + msMax;
  for (;;) {
    let last: string;
    let cause: unknown;
    try {
      const value = await read();
      if (holds(value)) return value;
      last = JSON.stringify(value);
    } catch (error) {
      cause = error;
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > deadline) throw new Error(`not within ${msMax / 1_000} s: ${what} (${last})`, { cause });
    await sleep(pollMs);
  }
}
