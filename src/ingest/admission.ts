// Who is let in. Senders have buffers of their own and repeat what gets a 503; what we take and cannot write is lost with
// us. So there is no queue here beyond the requests under way, and two limits on those: their bytes and their age. Ahead of
// both the process calls itself not ready, and a balancer sends new requests elsewhere.
import { Failure } from '../base/failure.ts';
import type { Health } from '../base/health.ts';
import { bytesInFlightMax, queueAgeMsMax, readyShareMax } from './ingest-limits.ts';

export interface AdmissionLimits {
  readonly bytesMax: number;
  readonly ageMsMax: number;
}

export const admissionLimits: AdmissionLimits = { bytesMax: bytesInFlightMax, ageMsMax: queueAgeMsMax };

/** The bytes that one request holds. */
export interface Lease {
  /** Takes more bytes; throws the Failure `unavailable` when there is no room. */
  take(bytes: number): void;
  release(): void;
}

/** Counts the requests in progress in this process. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #health: Health;
  /** When each append under way began, by performance.now(); the first is the oldest. */
  readonly #appends = new Set<{ readonly beganMs: number }>();
  #bytes = 0;
  #becomeReady: (() => void) | undefined;

  constructor(health: Health, limits: AdmissionLimits = admissionLimits) {
    this.#health = health;
    this.#limits = limits;
  }

  get bytesInFlight(): number {
    return this.#bytes;
  }

  queueAgeMs(): number {
    const [oldest] = this.#appends;
    return oldest === undefined ? 0 : performance.now() - oldest.beganMs;
  }

  /** Throws the Failure `unavailable` when new requests are not taken. */
  demandRoom(): void {
    const ageMs = this.queueAgeMs();
    if (ageMs > this.#limits.ageMsMax) {
      throw tryLater(
        `the oldest samples have waited ${Math.round(ageMs)} ms to be written, and may wait ${this.#limits.ageMsMax} ms`,
      );
    }
    if (this.#bytes > this.#limits.bytesMax) throw this.#full();
  }

  lease(): Lease {
    let held = 0;
    return {
      take: (bytes) => {
        if (this.#bytes + bytes > this.#limits.bytesMax) throw this.#full();
        held += bytes;
        this.#bytes += bytes;
        this.#tellReadiness();
      },
      release: () => {
        this.#bytes -= held;
        held = 0;
        this.#tellReadiness();
      },
    };
  }

  /** Counts an append as under way until it settles. */
  async watch<Result>(append: Promise<Result>): Promise<Result> {
    const entry = { beganMs: performance.now() };
    this.#appends.add(entry);
    const late = setTimeout(() => this.#tellReadiness(), this.#limits.ageMsMax * readyShareMax + 1);
    try {
      return await append;
    } finally {
      clearTimeout(late);
      this.#appends.delete(entry);
      this.#tellReadiness();
    }
  }

  #full(): Failure {
    return tryLater(`requests with ${this.#bytes} bytes are under way, and there is room for ${this.#limits.bytesMax}`);
  }

  #tellReadiness(): void {
    const busy =
      this.#bytes > this.#limits.bytesMax * readyShareMax || this.queueAgeMs() > this.#limits.ageMsMax * readyShareMax;
    if (busy) {
      this.#becomeReady ??= this.#health.awaitReady('ingest queue');
    } else {
      this.#becomeReady?.();
      this.#becomeReady = undefined;
    }
  }
}

/** Whole seconds, for Prometheus reads nothing else; one or two, so that those refused together do not return together. */
export function tryLater(detail: string): Failure {
  return new Failure('unavailable', detail, { retryAfterSeconds: Math.random() < 0.5 ? 1 : 2 });
}
