// The requests about the past: alarms, the versions of a rule, deliveries.
import type { HistoryView } from '../../../wire/alarms.ts';
import type { DeliveriesView } from '../../../wire/deliveries.ts';
import type { RuleStateView, RuleVersionView, RuleVersionsView } from '../../../wire/rules.ts';
import { ask } from './api.ts';

export interface HistoryWanted {
  readonly rule_id?: string | undefined;
  readonly metric_name?: string | undefined;
  readonly state?: string | undefined;
  readonly severity?: string | undefined;
  readonly tag?: string | undefined;
  readonly label?: string | undefined;
  readonly from_ms?: number | undefined;
  readonly limit?: number | undefined;
  readonly after?: string | undefined;
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
  (await read<RuleVersionsView>(`${ruleApi(id)}/versions`, {}, signal)).versions;

export const readDeliveries = (
  wanted: { readonly rule?: string; readonly webhook?: string; readonly since?: string; readonly limit?: number },
  signal?: AbortSignal,
): Promise<DeliveriesView> => read('api/v1/deliveries', wanted, signal);
