/** What this process holds after a full collection: heap, buffers, typed arrays. Needs --expose-gc. */
export function heldBytes(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  // `external` has the array buffers in it.
  return heapUsed + external;
}
