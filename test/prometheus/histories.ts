// Random histories of targets as Prometheus scrapes them: each target at its own moment of the interval; scrapes that fail, restarts that
// set counters back, targets that go and come back. What fails to be scraped is marked as ended, as Prometheus does.
import { Random } from '../support/sim-log/random.ts';

/** What Prometheus stores: a value, or the marker that a series has ended. */
export interface Stored {
  readonly timeMs: number;
  readonly value: number | 'stale';
}

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly stored: readonly Stored[];
}

/** All times are multiples of this. */
export const stepMs = 500;
export const scrapeIntervalMs = 15_000;

const targets = [
  { job: 'api', instance: 'api-1', service: 'shop' },
  { job: 'api', instance: 'api-2', service: 'shop' },
  { job: 'api', instance: 'api-3', service: 'pay' },
  { job: 'api', instance: 'api-4', service: 'pay' },
  { job: 'db', instance: 'db-1', service: 'pay' },
  { job: 'db', instance: 'db-2', service: 'shop' },
  { job: 'cron', instance: 'cron-1', service: 'shop' },
] as const;

type Target = (typeof targets)[number];

export function randomHistory(seed: number, durationMs: number): Series[] {
  const random = new Random(seed);
  return targets.flatMap((target) => historyOf(target, random, durationMs));
}

type Health = 'up' | 'failing' | 'gone';

/** Scrapes that a state lasts, at the least and beyond that at random. */
const lasting: Record<Health, readonly [number, number]> = { up: [10, 80], failing: [1, 10], gone: [3, 30] };

function historyOf(target: Target, random: Random, durationMs: number): Series[] {
  // Neither at an evaluation nor at one half an interval later.
  const phases = Array.from({ length: scrapeIntervalMs / stepMs }, (_, index) => index * stepMs).filter(
    (phase) => phase % (scrapeIntervalMs / 2) !== 0,
  );
  const scrapes = new Scrapes(target);
  const gauges = new Gauges(random);
  const counters = new Counters(random);
  let health: Health = 'up';
  let left = lasts(health, random);
  for (let timeMs = random.pick(phases); timeMs < durationMs; timeMs += scrapeIntervalMs) {
    if (left === 0) {
      health = health === 'up' ? random.pick<Health>(['failing', 'failing', 'gone']) : 'up';
      left = lasts(health, random);
      // Half of what was away has been restarted.
      if (health === 'up' && random.chance(0.5)) counters.reset();
    }
    left -= 1;
    gauges.pass();
    counters.pass();
    if (health !== 'gone') scrapes.add('up', {}, timeMs, health === 'up' ? 1 : 0);
    if (health !== 'up') {
      scrapes.end(timeMs, health === 'gone' ? [] : ['up']);
      continue;
    }
    scrapes.add('load', {}, timeMs, gauges.load);
    scrapes.add('mode', {}, timeMs, gauges.mode);
    scrapes.add('errors_total', {}, timeMs, counters.errors);
    for (const [status, count] of counters.requests)
      scrapes.add('requests_total', { status, service: target.service }, timeMs, count);
  }
  return scrapes.series();
}

function lasts(health: Health, random: Random): number {
  const [least, more] = lasting[health];
  return least + random.below(more);
}

/** What was stored of one target. */
class Scrapes {
  readonly #target: Target;
  readonly #series = new Map<string, { name: string; labels: Record<string, string>; stored: Stored[] }>();

  constructor(target: Target) {
    this.#target = target;
  }

  add(name: string, more: Readonly<Record<string, string>>, timeMs: number, value: number): void {
    const key = JSON.stringify([name, more]);
    const { job, instance } = this.#target;
    const series = this.#series.get(key) ?? { name, labels: { job, instance, ...more }, stored: [] };
    this.#series.set(key, series);
    series.stored.push({ timeMs, value });
  }

  /** Marks as ended what has not ended yet. */
  end(timeMs: number, except: readonly string[]): void {
    for (const { name, stored } of this.#series.values())
      if (!except.includes(name) && stored.at(-1)?.value !== 'stale') stored.push({ timeMs, value: 'stale' });
  }

  series(): Series[] {
    return [...this.#series.values()];
  }
}

class Gauges {
  load: number;
  mode = 0;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    this.load = 40 + random.below(20);
  }

  pass(): void {
    const drift = (50 - this.load) * 0.02;
    this.load = Math.round((this.load + drift + (this.#random.next() - 0.5) * 9) * 100) / 100;
    if (this.#random.chance(0.06)) this.mode = this.#random.below(3);
  }
}

const statuses = ['200', '404', '500', '503'] as const;

/** Counters whose pace changes from time to time: from standing still to busy. */
class Counters {
  errors = 0;
  readonly #requests = new Map<string, number>(statuses.map((status) => [status, 0]));
  readonly #random: Random;
  #errorPace = 1;
  #pace = 60;
  #badShare = 0.05;

  constructor(random: Random) {
    this.#random = random;
  }

  get requests(): ReadonlyMap<string, number> {
    return this.#requests;
  }

  reset(): void {
    this.errors = 0;
    for (const status of statuses) this.#requests.set(status, 0);
  }

  pass(): void {
    const random = this.#random;
    if (random.chance(0.04)) this.#errorPace = random.pick([0, 0, 0.5, 1, 2, 4]);
    if (random.chance(0.04)) this.#pace = random.pick([0, 15, 40, 80, 120]);
    if (random.chance(0.04)) this.#badShare = random.pick([0, 0.02, 0.1, 0.3]);
    this.errors += random.below(Math.ceil(2 * this.#errorPace) + (this.#errorPace > 0 ? 1 : 0));
    const passed = Math.round(this.#pace * (0.5 + random.next()));
    const bad = Math.round(passed * this.#badShare);
    const shares = {
      200: passed - bad,
      404: random.below(3),
      500: bad - Math.floor(bad / 3),
      503: Math.floor(bad / 3),
    };
    for (const status of statuses) this.#requests.set(status, this.#requests.get(status)! + shares[status]);
  }
}
