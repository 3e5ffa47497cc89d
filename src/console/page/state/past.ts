// What the page asks of the past: alarms, the versions of a rule, what became of messages.
import type { Rule } from '../../../rule/rule.ts';
import { ask, type AlarmView, type RuleView } from './api.ts';

export interface PastAlarmView {
  readonly alarm_id: string;
  readonly rule_id: string;
  readonly metric_name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly state: 'firing' | 'ended';
  readonly cause: 'breach' | 'no_data';
  readonly since_ms: number;
  readonly fired_ms: number;
  readonly ended_ms: number | null;
  readonly value: number | null;
  readonly notified: boolean;
  readonly messages: number;
  readonly outcome?: string;
}

export interface HistoryView {
  readonly time_ms: number;
  readonly total: number;
  readonly complete_since_ms: number;
  readonly alarms: readonly PastAlarmView[];
  readonly next?: string;
}

export interface HistoryWanted {
  readonly rule_id?: string | undefined;
  readonly metric_name?: string | undefined;
  readonly state?: string | undefined;
  readonly from_ms?: number | undefined;
  readonly limit?: number | undefined;
  readonly after?: string | undefined;
}

/** A series of a rule, as the rule's page lists it. */
export interface RuleSeriesView {
  readonly tags?: Readonly<Record<string, string>>;
  readonly state: AlarmView['state'];
  readonly since_ms?: number;
  readonly cause?: 'breach' | 'no_data';
  readonly alarm_id?: string;
  readonly value?: number;
  readonly is_window_held?: false;
  readonly value_ms?: number;
  readonly is_old?: true;
  readonly beyond?: number;
  readonly spark?: readonly number[];
}

export interface RuleStateView extends RuleView {
  readonly time_ms: number;
  readonly fires: { readonly bucket_ms: number; readonly counts: readonly number[] };
  readonly nearest: readonly RuleSeriesView[];
  readonly nearest_total: number;
}

export interface FieldChange {
  readonly field: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

export interface RuleVersionView {
  readonly partition: number;
  readonly offset: number;
  readonly at_ms: number;
  readonly rule: Rule;
  readonly changes: readonly FieldChange[];
}

export interface DeliveryView {
  readonly notification_id: string;
  readonly webhook_id: string;
  readonly rule_id?: string;
  readonly metric_name?: string;
  readonly kind?: 'fired' | 'no_data' | 'resolved';
  readonly value?: number;
  readonly outcome: string;
  readonly reason?: string;
  readonly attempts: number;
  readonly appended_ms: number;
  readonly at_ms: number;
}

export interface DeliveriesView {
  readonly time_ms: number;
  readonly total: number;
  readonly left_out: number;
  readonly deliveries: readonly DeliveryView[];
}

function read<Body>(path: string, query: object, signal?: AbortSignal): Promise<Body> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return ask('GET', `${path}?${search}`, { signal });
}

const ruleApi = (id: string): string => `api/v1/rules/${encodeURIComponent(id)}`;

export const readHistory = (wanted: HistoryWanted, signal?: AbortSignal): Promise<HistoryView> =>
  read('api/v1/alarms/history', wanted, signal);

export const readRuleState = (id: string, limit: number, signal?: AbortSignal): Promise<RuleStateView> =>
  read(`${ruleApi(id)}/state`, { limit }, signal);

export const readVersions = async (id: string, signal?: AbortSignal): Promise<readonly RuleVersionView[]> =>
  (await read<{ versions: RuleVersionView[] }>(`${ruleApi(id)}/versions`, {}, signal)).versions;

export const readDeliveries = (
  wanted: { readonly rule?: string; readonly webhook?: string; readonly since?: string; readonly limit?: number },
  signal?: AbortSignal,
): Promise<DeliveriesView> => read('api/v1/deliveries', wanted, signal);
