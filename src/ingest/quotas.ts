import { Failure } from '../base/failure.ts';
import { quotaSubjectsMax } from './ingest-limits.ts';

/** What one subject may send; undefined: as much as it likes. */
export interface QuotaLimits {
  readonly samplesPerSecond?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  readonly series?: number | undefined;
  /** New series per minute, after a first burst. */
  readonly newSeriesPerMinute?: number | undefined;
}

type SeriesId = string | number;

/** Minutes' worth of new series that may come at once: a sender that starts, or that this process first hears of. */
const newSeriesBurstMinutes = 5;
/** Series of a subject that are remembered as known, twice: of the present generation and of the one before. */
const seriesKnownMax = 500_000;

/** A second's worth may come at once, and as much again on credit. */
const burstSeconds = 2;
/** Series count as new again after this time: a restarted fleet has other pods. */
const seriesWindowMs = 3_600_000;

interface Account {
  samples: number;
  bytes: number;
  atMs: number;
  series: Set<SeriesId>;
  seriesSinceMs: number;
  /** New series that it may begin. */
  beginnings: number;
  known: Set<SeriesId>;
  knownBefore: Set<SeriesId>;
}

/**
 * What each subject has sent lately. A request is charged when it has been read, for only then it is known what it holds;
 * a subject over its quota is refused until it has recovered. Without limits nothing is kept.
 */
export class Quotas {
  readonly #limits: QuotaLimits;
  readonly #nowMs: () => number;
  readonly #accounts = new Map<string, Account>();

  /** `nowMs` is monotonic. */
  constructor(limits: QuotaLimits, nowMs: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  get isOff(): boolean {
    return Object.values(this.#limits).every((limit) => limit === undefined);
  }

  /** Throws the Failure `too_many_requests` while the subject is over its quota. */
  demandCredit(subject: string): void {
    if (this.isOff) return;
    const account = this.#accountOf(subject);
    const { samplesPerSecond = Infinity, bytesPerSecond = Infinity } = this.#limits;
    const waitSeconds = Math.max(0, -account.samples / samplesPerSecond, -account.bytes / bytesPerSecond);
    if (!(waitSeconds > 0)) return;
    const what = account.samples < 0 ? `${samplesPerSecond} samples` : `${bytesPerSecond} bytes`;
    const detail = `${JSON.stringify(subject)} has sent more than its ${what} a second`;
    throw new Failure('too_many_requests', detail, { retryAfterSeconds: Math.ceil(waitSeconds + Math.random()) });
  }

  charge(subject: string, samples: number, bytes: number): void {
    if (this.isOff) return;
    const account = this.#accountOf(subject);
    account.samples -= samples;
    account.bytes -= bytes;
  }

  /** Whether the subject may send this series: it did before, or it has some left. */
  allowsSeries(subject: string, series: SeriesId): boolean {
    const account = this.#accountOf(subject);
    return this.#isWithinHour(account, series) && this.#mayBegin(account, series);
  }

  #isWithinHour(account: Account, series: SeriesId): boolean {
    const { series: seriesMax } = this.#limits;
    if (seriesMax === undefined) return true;
    if (this.#nowMs() - account.seriesSinceMs > seriesWindowMs) {
      account.series = new Set();
      account.seriesSinceMs = this.#nowMs();
    }
    if (account.series.has(series)) return true;
    if (account.series.size >= seriesMax) return false;
    account.series.add(series);
    return true;
  }

  #mayBegin(account: Account, series: SeriesId): boolean {
    if (this.#limits.newSeriesPerMinute === undefined || account.known.has(series)) return true;
    if (!account.knownBefore.has(series)) {
      if (account.beginnings < 1) return false;
      account.beginnings--;
    }
    if (account.known.size >= seriesKnownMax) [account.knownBefore, account.known] = [account.known, new Set()];
    account.known.add(series);
    return true;
  }

  get limitsSeries(): boolean {
    return this.#limits.series !== undefined || this.#limits.newSeriesPerMinute !== undefined;
  }

  #accountOf(subject: string): Account {
    const { samplesPerSecond = 0, bytesPerSecond = 0, newSeriesPerMinute = 0 } = this.#limits;
    const beginningsMax = newSeriesPerMinute * newSeriesBurstMinutes;
    const full = { samples: samplesPerSecond * burstSeconds, bytes: bytesPerSecond * burstSeconds };
    const now = this.#nowMs();
    let account = this.#accounts.get(subject);
    if (account === undefined) {
      const known = { known: new Set<SeriesId>(), knownBefore: new Set<SeriesId>() };
      account = { ...full, ...known, beginnings: beginningsMax, atMs: now, series: new Set(), seriesSinceMs: now };
      if (this.#accounts.size >= quotaSubjectsMax) this.#accounts.delete(this.#accounts.keys().next().value!);
      this.#accounts.set(subject, account);
    }
    const seconds = (now - account.atMs) / 1000;
    account.samples = Math.min(full.samples, account.samples + seconds * samplesPerSecond);
    account.bytes = Math.min(full.bytes, account.bytes + seconds * bytesPerSecond);
    account.beginnings = Math.min(beginningsMax, account.beginnings + (seconds / 60) * newSeriesPerMinute);
    account.atMs = now;
    return account;
  }
}
