/** Something has changed; whoever waits for that looks again. */
export class Bell {
  readonly #waiting = new Set<() => void>();

  ring(): void {
    for (const go of this.#waiting) go();
  }

  /** Resolves when the bell rings, or the signal aborts. */
  heard(signal: AbortSignal): Promise<void> {
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
