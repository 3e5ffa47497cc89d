import { Failure } from '../base/failure.ts';

export interface AllowanceOptions {
  /** A token bucket: how much is added each second, and how much it holds, which is the largest burst. */
  readonly perSecond: number;
  readonly burst: number;
  /** The message to a caller that exceeds it. */
  readonly detail: (caller: string) => string;
  /** Monotonic milliseconds; given in tests. */
  readonly nowMs?: () => number;
}

/** Callers that are remembered; the one that was not seen for longest goes first. */
const callersMax = 10_000;

/**
 * How much each caller may do: a token bucket for each. What costs more than is left may be done as long as anything is left,
 * and puts the caller into debt, no deeper than one burst: a request is known to be large only when it was read.
 */
export class Allowance {
  readonly #options: AllowanceOptions;
  readonly #nowMs: () => number;
  /** The caller seen last is the last. */
  readonly #accounts = new Map<string, { left: number; atMs: number }>();

  constructor(options: AllowanceOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Throws the Failure `too_many_requests` while the caller has nothing left. */
  take(caller: string, cost = 1): void {
    if (this.tryTake(caller, cost)) return;
    const { perSecond, detail } = this.#options;
    const retryAfterSeconds = Math.ceil((1 - this.#accounts.get(caller)!.left) / perSecond);
    throw new Failure('too_many_requests', detail(caller), { retryAfterSeconds });
  }

  /** Whether the caller had anything left. */
  tryTake(caller: string, cost = 1): boolean {
    const { perSecond, burst } = this.#options;
    const now = this.#nowMs();
    const account = this.#accounts.get(caller) ?? { left: burst, atMs: now };
    account.left = Math.min(burst, account.left + ((now - account.atMs) / 1_000) * perSecond);
    account.atMs = now;
    this.#accounts.delete(caller);
    this.#accounts.set(caller, account);
    if (this.#accounts.size > callersMax) this.#accounts.delete(this.#accounts.keys().next().value!);
    if (account.left < 1) return false;
    account.left = Math.max(-burst, account.left - cost);
    return true;
  }

  /** Charges for more than was known when it was taken. Never throws. */
  charge(caller: string, cost: number): void {
    const account = this.#accounts.get(caller);
    if (account !== undefined) account.left = Math.max(-this.#options.burst, account.left - cost);
  }
}
