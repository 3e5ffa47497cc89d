// What the page asks of the timeline.
import { ask } from './api.ts';
import type { FieldChange } from './past.ts';
import type { TimelineFilter } from '../router.ts';

interface Placed {
  readonly place: string;
  readonly at_ms: number;
  readonly rule_id?: string;
  readonly metric_name?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly alarm_id?: string;
}

type State = 'firing' | 'pending' | 'ok';

export type TimelineItem =
  | (Placed & {
      readonly kind: 'transition';
      readonly from?: State;
      readonly to: State;
      readonly cause?: 'breach' | 'no_data';
      readonly value: number | null;
      readonly time_ms: number;
      readonly since_ms?: number;
    })
  | (Placed & {
      readonly kind: 'rule';
      readonly edit: 'made' | 'changed' | 'deleted';
      readonly fields: readonly FieldChange[];
    })
  | (Placed & {
      readonly kind: 'delivery';
      readonly webhook_id: string;
      readonly outcome: 'parked' | 'dead' | 'expired';
      readonly reason?: string;
    });

export interface TimelinePage {
  readonly time_ms: number;
  readonly total: number;
  readonly complete_since_ms: Readonly<Record<TimelineItem['kind'], number>>;
  readonly items: readonly TimelineItem[];
  readonly next?: string;
}

export interface TimelineOverview {
  readonly time_ms: number;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly counts: Readonly<Record<'firing' | TimelineItem['kind'], readonly number[]>>;
  readonly fires: {
    readonly bucket_ms: number;
    readonly rules: readonly {
      readonly rule_id: string;
      readonly metric_name?: string;
      readonly total: number;
      readonly counts: readonly number[];
    }[];
  };
}

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
