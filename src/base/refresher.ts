/**
 * Brings something up to date when it is asked for, one run at a time. What is running when a call comes may have begun before what
 * the caller wants to see: then one more run follows, which all who came meanwhile share.
 */
export function refresher(bringUpToDate: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return async () => {
    await running?.catch(() => {});
    running ??= bringUpToDate().finally(() => (running = undefined));
    await running;
  };
}
