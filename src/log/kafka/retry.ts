import { backoffMs, pause } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import { LogUnavailable } from '../log.ts';
import { reasonOf } from './protocol.ts';

export const backoffLimits = { firstMs: 50, lastMs: 2_000 } as const;

export function backoffFor(failures: number): number {
  return backoffMs(Math.max(1, failures), backoffLimits, Math.random());
}

/** Shorter failures are normal and not logged: a leader moved, a topic was just created. */
const firstReportMs = 1_000;
const repeatReportMs = 30_000;

/** Logs that something has been failing for a second, every half minute while it fails, and its recovery. */
export class FailureReporter {
  readonly #logger: Logger;
  readonly #what: string;
  #failingSinceMs: number | undefined;
  #saidAtMs = -Infinity;
  #lastReason = '';

  /** `all`: the set to add this reporter to, which health reads. */
  constructor(logger: Logger, what: string, all?: Set<FailureReporter>) {
    this.#logger = logger;
    this.#what = what;
    all?.add(this);
  }

  /** What has been failing for at least `msMin`, and why; undefined when nothing has. */
  failingFor(msMin: number): string | undefined {
    const failingMs = performance.now() - (this.#failingSinceMs ?? Infinity);
    return failingMs < msMin ? undefined : `${this.#what} fails: ${this.#lastReason}`;
  }

  failed(error: unknown): void {
    const now = performance.now();
    this.#failingSinceMs ??= now;
    this.#lastReason = reasonOf(error);
    const failingMs = Math.round(now - this.#failingSinceMs);
    if (failingMs < firstReportMs || now - this.#saidAtMs < repeatReportMs) return;
    this.#saidAtMs = now;
    this.#logger.warn({ reason: this.#lastReason, failingMs }, `${this.#what} fails; trying again`);
  }

  recovered(): void {
    if (this.#failingSinceMs === undefined) return;
    const failedMs = Math.round(performance.now() - this.#failingSinceMs);
    this.#failingSinceMs = undefined;
    if (this.#saidAtMs === -Infinity) return;
    this.#saidAtMs = -Infinity;
    this.#logger.info({ failedMs }, `${this.#what} works again`);
  }
}

/** How long to try: until the signal aborts, and for `timeoutMs` when given. */
export interface Patience {
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  readonly failureReporter?: FailureReporter;
}

/**
 * Repeats `work` with growing pauses while it rejects with LogUnavailable. Any other failure is passed on at once, and so
 * is the last reason when patience ends.
 */
export async function persist<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  const deadline = performance.now() + (patience.timeoutMs ?? Infinity);
  const late = new LogUnavailable('no answer from Kafka in time');
  let reason = late;
  for (let failures = 1; ; failures++) {
    if (patience.signal.aborted) throw new LogUnavailable('the log is closed, or the caller has stopped waiting');
    try {
      const result = await within(work(), deadline, { late, signal: patience.signal });
      patience.failureReporter?.recovered();
      return result;
    } catch (error) {
      if (!(error instanceof LogUnavailable) || patience.signal.aborted) throw error;
      const waitMs = backoffFor(failures);
      // A reason from Kafka says more than that the last attempt timed out.
      if (error !== late) reason = error;
      if (error === late || performance.now() + waitMs >= deadline) throw reason;
      patience.failureReporter?.failed(error);
      if (!(await pause(waitMs, patience.signal))) throw error;
    }
  }
}

/** The same promise, rejecting with `late` at the deadline, and with LogUnavailable when the signal aborts. */
async function within<T>(
  work: Promise<T>,
  deadline: number,
  { late, signal }: { late: LogUnavailable; signal: AbortSignal },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    stop = () => reject(new LogUnavailable('stopped while waiting for Kafka'));
    signal.addEventListener('abort', stop);
    if (deadline === Infinity) return;
    timer = setTimeout(() => reject(late), Math.max(0, deadline - performance.now()));
  });
  try {
    return await Promise.race([work, ended]);
  } finally {
    clearTimeout(timer);
    if (stop) signal.removeEventListener('abort', stop);
  }
}
