import { pause } from '../base/backoff.ts';

/** Discord allows 50 requests a second and address; some room is left for others behind the same one. */
const requestsPerSecond = 40;
const blockedFirstMs = 60_000;
const blockedLastMs = 3_600_000;

/**
 * What all webhooks of this process share: the global rate, and the pauses that Discord, or its firewall, orders for the
 * whole address. Times are performance.now().
 */
export class SendGate {
  #nextMs = 0;
  #closedUntilMs = 0;
  #blocks = 0;

  /** Resolves when one request may go out; false when the signal aborted before. */
  async enter(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const nowMs = performance.now();
      const waitMs = Math.max(this.#nextMs, this.#closedUntilMs) - nowMs;
      if (waitMs <= 0) {
        this.#nextMs = nowMs + 1_000 / requestsPerSecond;
        return true;
      }
      await pause(waitMs, signal);
    }
    return false;
  }

  /** Nobody sends for this time. */
  close(durationMs: number): void {
    this.#closedUntilMs = Math.max(this.#closedUntilMs, performance.now() + durationMs);
  }

  /** The firewall has closed the door: for as long as it says, or ever longer when it says nothing. Returns for how long. */
  block(durationMs: number | undefined): number {
    const waitMs = durationMs ?? Math.min(blockedLastMs, blockedFirstMs * 2 ** this.#blocks);
    this.#blocks++;
    this.close(waitMs);
    return waitMs;
  }

  /** Discord itself has answered: the next block begins small again. */
  open(): void {
    this.#blocks = 0;
  }

  /** Whether the firewall's block, or a global limit, still holds. */
  get isClosed(): boolean {
    return performance.now() < this.#closedUntilMs;
  }
}
