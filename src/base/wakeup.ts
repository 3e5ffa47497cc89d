/** A condition variable: waiters are woken all at once, and check their own condition again. */
export class Wakeup {
  readonly #waiting = new Set<() => void>();

  notifyAll(): void {
    for (const go of this.#waiting) go();
  }

  /** Resolves at the next notifyAll, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const go = (): void => {
        this.#waiting.delete(go);
        signal.removeEventListener('abort', go);
        resolve();
      };
      this.#waiting.add(go);
      signal.addEventListener('abort', go, { once: true });
    });
  }
}
