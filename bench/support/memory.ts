import { setTimeout as sleep } from 'node:timers/promises';

/** What this process holds after full collections: heap, buffers, typed arrays. Needs --expose-gc. */
export async function heldBytes(): Promise<number> {
  // Another thread frees buffers some time after the collection that found them unused.
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await sleep(50);
  }
  const { heapUsed, external } = process.memoryUsage();
  // `external` has the array buffers in it.
  return heapUsed + external;
}
