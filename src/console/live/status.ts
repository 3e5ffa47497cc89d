import { Type } from 'typebox';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import type { LagWatch } from '../system/lag-watch.ts';
import type { SampleCount } from '../metrics/sample-count.ts';
import type { LiveStore } from './live-store.ts';

const OrNull = (schema: ReturnType<typeof Type.Integer | typeof Type.Number>) => Type.Union([schema, Type.Null()]);
const CountsSchema = Type.Object({ firing: Type.Integer(), pending: Type.Integer(), ok: Type.Integer() });

const fields = {
  version: Type.String(),
  read_only: Type.Boolean({ description: 'Whether this server refuses every change' }),
  console_url: Type.Union([Type.String(), Type.Null()], {
    description: 'The public address of the page that messages link to; null: they have no link',
  }),
  rules: Type.Integer(),
  metrics: Type.Integer({ description: 'Metrics that have rules' }),
  alarms: CountsSchema,
  samples_last_minute: OrNull(Type.Integer()),
  samples_per_second: OrNull(Type.Number({ description: 'Over the last four seconds' })),
  lag: OrNull(Type.Integer({ description: 'Records not judged yet; null: of some partition nobody has told' })),
  unowned: Type.Integer({ description: 'Partitions of metrics that nobody judges, for ten seconds and more' }),
  waiting: Type.Integer({ description: 'Messages that are due and have come to no end' }),
  latency_p99_ms: OrNull(
    Type.Number({ description: "From the sample to Discord's answer, 99 of 100 messages of the last ten minutes" }),
  ),
};

export const StatusSchema = Type.Object({
  time_ms: Type.Number({ description: 'The clock of this server' }),
  ...fields,
});

/** The system in numbers. */
export interface Status {
  readonly version: string;
  readonly read_only: boolean;
  readonly console_url: string | null;
  readonly rules: number;
  readonly metrics: number;
  readonly alarms: Readonly<Record<'firing' | 'pending' | 'ok', number>>;
  readonly samples_last_minute: number | null;
  readonly samples_per_second: number | null;
  readonly lag: number | null;
  readonly unowned: number;
  readonly waiting: number;
  readonly latency_p99_ms: number | null;
}

export interface StatusSources {
  readonly live: LiveStore;
  readonly rules: RuleFeed;
  readonly samples: SampleCount;
  readonly lagging: LagWatch;
  readonly version: string;
  readonly isReadOnly: boolean;
  readonly consoleUrl: string | undefined;
}

export function statusOf(sources: StatusSources): Status {
  const { live, rules, samples, lagging, version, isReadOnly, consoleUrl } = sources;
  const { perSecond } = samples;
  return {
    version,
    read_only: isReadOnly,
    console_url: consoleUrl ?? null,
    rules: rules.book.size,
    metrics: rules.book.metricCount,
    alarms: { ...live.alarms.counts },
    samples_last_minute: samples.lastMinute ?? null,
    samples_per_second: perSecond === undefined ? null : Math.round(perSecond * 10) / 10,
    lag: lagging.lag ?? null,
    unowned: lagging.unowned,
    waiting: live.deliveries.waiting,
    latency_p99_ms: live.deliveries.latencyP99Ms() ?? null,
  };
}
