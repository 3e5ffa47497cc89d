/**
 * Discord's limits: five requests in two seconds per webhook, thirty messages in a minute per
 * channel (hidden: no header speaks of it), fifty requests a second per address, and the ban that too many invalid
 * requests bring. A window begins with its first request. Times are handed in, so that a test can have its own.
 */
export interface WindowLimit {
  readonly count: number;
  readonly windowMs: number;
}

export interface RateLimitSettings {
  readonly webhook: WindowLimit;
  readonly channel: WindowLimit;
  readonly global: WindowLimit;
  /** More invalid answers than `count` in the window, and every answer is the ban for `banMs`. */
  readonly invalid: WindowLimit & { readonly banMs: number };
}

export const discordRateLimits: RateLimitSettings = {
  webhook: { count: 5, windowMs: 2_000 },
  channel: { count: 30, windowMs: 60_000 },
  global: { count: 50, windowMs: 1_000 },
  invalid: { count: 10_000, windowMs: 600_000, banMs: 3_600_000 },
};

const never = { count: Number.MAX_SAFE_INTEGER, windowMs: 1_000 };
/** For measuring a sender rather than its obedience. */
export const noRateLimits: RateLimitSettings = {
  webhook: never,
  channel: never,
  global: never,
  invalid: discordRateLimits.invalid,
};

export interface Bucket {
  readonly limit: number;
  readonly remaining: number;
  readonly resetAtMs: number;
  /** Whether this request was one too many. */
  readonly isExceeded: boolean;
}

export class FixedWindows {
  readonly #limit: WindowLimit;
  readonly #windows = new Map<string, { used: number; resetAtMs: number }>();

  constructor(limit: WindowLimit) {
    this.#limit = limit;
  }

  /** Counts a request; one too many is not counted, so that waiting helps. */
  take(key: string, nowMs: number): Bucket {
    const window = this.#windowAt(key, nowMs);
    const isExceeded = window.used >= this.#limit.count;
    if (!isExceeded) window.used += 1;
    return this.#bucket(window, isExceeded);
  }

  peek(key: string, nowMs: number): Bucket {
    const window = this.#windowAt(key, nowMs);
    return this.#bucket(window, window.used >= this.#limit.count);
  }

  #windowAt(key: string, nowMs: number): { used: number; resetAtMs: number } {
    const held = this.#windows.get(key);
    if (held && nowMs < held.resetAtMs) return held;
    const fresh = { used: 0, resetAtMs: nowMs + this.#limit.windowMs };
    this.#windows.set(key, fresh);
    return fresh;
  }

  #bucket(window: { used: number; resetAtMs: number }, isExceeded: boolean): Bucket {
    return {
      limit: this.#limit.count,
      remaining: Math.max(0, this.#limit.count - window.used),
      resetAtMs: window.resetAtMs,
      isExceeded,
    };
  }
}

/** Counts the answers that bring a ban, per address. */
export class InvalidRequests {
  readonly #settings: RateLimitSettings['invalid'];
  readonly #timesOf = new Map<string, number[]>();
  readonly #bannedUntilMs = new Map<string, number>();
  #allBannedUntilMs = -Infinity;
  #total = 0;
  #peak = 0;

  constructor(settings: RateLimitSettings['invalid']) {
    this.#settings = settings;
  }

  /** All that were ever counted. */
  get total(): number {
    return this.#total;
  }

  /** The most that one address ever had in a window, as a share of what brings the ban. */
  get peakShare(): number {
    return this.#peak / this.#settings.count;
  }

  count(address: string, nowMs: number): void {
    this.#total += 1;
    const times = (this.#timesOf.get(address) ?? []).filter((timeMs) => timeMs > nowMs - this.#settings.windowMs);
    times.push(nowMs);
    this.#timesOf.set(address, times);
    this.#peak = Math.max(this.#peak, times.length);
    if (times.length <= this.#settings.count) return;
    this.#bannedUntilMs.set(address, nowMs + this.#settings.banMs);
    this.#timesOf.delete(address);
  }

  banAll(nowMs: number, durationMs: number): void {
    this.#allBannedUntilMs = nowMs + durationMs;
  }

  /** How long the ban of an address goes on, or 0. */
  bannedForMs(address: string, nowMs: number): number {
    return Math.max(0, this.#allBannedUntilMs - nowMs, (this.#bannedUntilMs.get(address) ?? -Infinity) - nowMs);
  }
}
