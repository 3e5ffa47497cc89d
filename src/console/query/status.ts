import type { RuleFeed } from '../../rule/rule-feed.ts';
import type { StatusNumbers } from '../../wire/status.ts';
import type { LagWatch } from '../live/lag-watch.ts';
import type { SampleCount } from '../live/sample-count.ts';
import type { LiveStore } from '../live/live-store.ts';
import { targetStates } from './target-states.ts';

export interface StatusSources {
  readonly live: LiveStore;
  readonly rules: RuleFeed;
  readonly samples: SampleCount;
  readonly lagging: LagWatch;
  readonly version: string;
  readonly isReadOnly: boolean;
  readonly takesSamples: boolean;
  readonly consoleUrl: string | undefined;
}

export function statusOf(sources: StatusSources): StatusNumbers {
  const { live, rules, samples, lagging, version, isReadOnly, takesSamples, consoleUrl } = sources;
  const { perSecond } = samples;
  return {
    version,
    read_only: isReadOnly,
    takes_samples: takesSamples,
    console_url: consoleUrl ?? null,
    rules: rules.book.size,
    metrics: rules.book.metricCount,
    alarms: { ...live.alarms.counts },
    samples_last_minute: samples.lastMinute ?? null,
    samples_per_second: perSecond === undefined ? null : Math.round(perSecond * 10) / 10,
    lag: lagging.lag ?? null,
    unowned: lagging.unowned,
    waiting: live.deliveries.waiting,
    troubled: troubledOf(live),
    latency_p99_ms: live.deliveries.latencyP99Ms() ?? null,
  };
}

/** Targets that are named. */
const troubledNamedMax = 5;

function troubledOf({ deliveries, webhookRules }: LiveStore): StatusNumbers['troubled'] {
  // What no rule notifies any more is nobody's trouble.
  const states = deliveries
    .troubledWebhooks()
    .filter(({ webhookId }) => webhookRules.get(webhookId) !== undefined)
    .flatMap(targetStates);
  const first = states.sort((one, other) => one.since_ms - other.since_ms).slice(0, troubledNamedMax);
  return { count: states.length, first };
}
