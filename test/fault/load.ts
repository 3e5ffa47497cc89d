// What goes through a fleet under test: rules of every kind, and samples whose values wander across their thresholds. All of
// it is drawn from a seed; only the times are the wall clock's.
import type { Log } from '../../src/log/log.ts';
import type { NewRecord } from '../../src/log/record.ts';
import type { FakeWebhook } from '../support/fake-discord/webhook-table.ts';
import type { OracleRule } from '../support/oracle/oracle-rule.ts';
import type { Random } from '../support/sim-log/random.ts';

const metricsCount = 40;
const rulesCount = 60;
const tickMs = 25;
/** So many records may wait for the broker; while more do, none are made. */
const pendingMax = 20_000;
const tagSets: readonly Readonly<Record<string, string>>[] = [
  {},
  { host: 'a' },
  { host: 'b' },
  { host: 'a', zone: '1' },
  { host: 'größe "2"', zone: '1' },
];

export interface LoadSeries {
  readonly metric: string;
  readonly tags: Readonly<Record<string, string>>;
  value: number;
  newestMs: number;
}

export interface LoadPlan {
  readonly rules: readonly OracleRule[];
  readonly series: readonly LoadSeries[];
}

/** A UUID v4 of the seed. */
export function drawId(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.below(16).toString(16)).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** As people write it, wherever the operator's base leads. */
export function discordUrlOf({ id, token }: FakeWebhook): string {
  return `https://discord.com/api/webhooks/${id}/${token}`;
}

/** Rules and series of one run. */
export function planLoad(random: Random, webhookUrls: readonly string[]): LoadPlan {
  const metrics = Array.from({ length: metricsCount }, (_, index) => `packages-${index}`);
  const series = metrics.flatMap((metric) =>
    tagSets.map((tags) => ({ metric, tags, value: random.next() * 20, newestMs: 0 })),
  );
  const rules = Array.from({ length: rulesCount }, () => {
    return drawRule(random, { metric_name: random.pick(metrics), discord_webhook_url: random.pick(webhookUrls) });
  });
  return { rules, series };
}

function drawRule(random: Random, given: Pick<OracleRule, 'metric_name' | 'discord_webhook_url'>): OracleRule {
  const isAbove = random.chance(0.6);
  const threshold = isAbove ? 11 + random.below(11) / 2 : 9 - random.below(11) / 2;
  const fields = {
    operator: isAbove ? (random.chance(0.5) ? '>' : undefined) : '<',
    tags: random.pick([undefined, undefined, { host: 'a' }, { zone: '1' }, { host: 'a', zone: '1' }]),
    type: undefined as string | undefined,
    window_duration_seconds: undefined as number | undefined,
    cooldown_seconds: random.pick([undefined, undefined, 0.5, 2, 5]),
    trigger: random.pick([undefined, undefined, 'crossing', 'every_sample']),
    for_seconds: random.pick([undefined, undefined, 0.2, 1, 3]),
    for_samples: undefined as OracleRule['for_samples'],
    levels: undefined as OracleRule['levels'],
    resolve_threshold: random.chance(0.3) ? threshold + (isAbove ? -1.5 : 1.5) : undefined,
    resolve_for_seconds: random.pick([undefined, undefined, undefined, 0.2, 1]),
    notify_on_resolve: random.pick([undefined, true, true, false]),
    enabled: random.pick([undefined, undefined, undefined, undefined, undefined, undefined, true, false]),
    description: random.chance(0.2) ? 'too many' : undefined,
  };
  if (random.chance(0.35)) {
    fields.type = 'window_average';
    fields.window_duration_seconds = random.pick([0.5, 2, 4, 8]);
  }
  if (fields.for_seconds === undefined && random.chance(0.3)) fields.for_samples = { breaches: 2, of: 4 };
  else if (random.chance(0.3)) {
    fields.levels = [
      { threshold },
      { threshold: threshold + (isAbove ? 2.5 : -2.5), for_seconds: random.pick([0, 0.5]) },
    ];
    fields.resolve_threshold = undefined;
  }
  if (fields.trigger === 'every_sample') fields.cooldown_seconds ??= 1;
  const set = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return { id: drawId(random), ...(fields.levels === undefined && { threshold }), ...given, ...set };
}

/** Records beside the samples, such as those that nobody can read. */
export type Extra = (series: LoadSeries, random: Random) => NewRecord | undefined;

export interface LoadOptions {
  readonly log: Log;
  readonly plan: LoadPlan;
  readonly random: Random;
  readonly recordsPerSecond: number;
  /** Asked at each sample; what it gives is written before it. */
  readonly extra?: Extra | undefined;
}

/** Appends samples until it is stopped. While the broker is away it waits, and goes on by itself. */
export class Load {
  readonly #options: LoadOptions;
  readonly #pending = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #pendingRecords = 0;
  #owed = 0;
  written = 0;
  /** Appends without a certain answer: they may stand in the log or not. */
  inDoubt = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  start(): void {
    let lastMs = performance.now();
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.#owed += ((nowMs - lastMs) * this.#options.recordsPerSecond) / 1_000;
      lastMs = nowMs;
      this.#owed = Math.min(this.#owed, this.#options.recordsPerSecond);
      if (this.#pendingRecords > pendingMax) return;
      const count = Math.floor(this.#owed);
      this.#owed -= count;
      if (count > 0) this.#append(count);
    }, tickMs);
  }

  /** Resolves when everything written has an answer. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }

  #append(count: number): void {
    const records = Array.from({ length: count }, () => this.#draw()).flat();
    this.#pendingRecords += records.length;
    const appended = this.#options.log
      .append('metrics', records)
      .then(
        () => void (this.written += records.length),
        () => void (this.inDoubt += records.length),
      )
      .finally(() => {
        this.#pendingRecords -= records.length;
        this.#pending.delete(appended);
      });
    this.#pending.add(appended);
  }

  #draw(): NewRecord[] {
    const { plan, random, extra } = this.#options;
    const series = random.pick(plan.series);
    const other = extra?.(series, random);
    series.value = Math.min(20, Math.max(0, series.value + (random.next() - 0.5) * 12));
    // Values stand on a grid, so that some are equal to a threshold.
    const value = Math.round(series.value * 2) / 2;
    const lateMs = random.chance(0.06) ? random.below(6_000) : 0;
    const body = Object.keys(series.tags).length === 0 ? { value } : { value, tags: series.tags };
    const sample = {
      key: Buffer.from(series.metric),
      value: Buffer.from(JSON.stringify(body)),
      timestampMs: Date.now() - lateMs,
    };
    return other === undefined ? [sample] : [other, sample];
  }
}
