// The requests of the timeline.
import type { TimelineOverview, TimelinePage } from '../../../wire/timeline.ts';
import { ask } from './api.ts';
import type { TimelineFilter } from './router.ts';

function read<Body>(path: string, filter: TimelineFilter, after: string, signal: AbortSignal): Promise<Body> {
  const { kind, rule: rule_id, metric: metric_name, from: from_ms, to: to_ms } = filter;
  const given = Object.entries({ kind, rule_id, metric_name, from_ms, to_ms, after });
  const query = new URLSearchParams(given.filter(([, value]) => value !== ''));
  return ask('GET', `${path}?${query}`, { signal });
}

export const readTimeline = (
  filter: TimelineFilter,
  after: string | undefined,
  signal: AbortSignal,
): Promise<TimelinePage> => read('api/v1/timeline', filter, after ?? '', signal);

export const readOverview = (filter: TimelineFilter, signal: AbortSignal): Promise<TimelineOverview> =>
  read('api/v1/timeline/overview', filter, '', signal);
