// The requests about metrics, rules and alarms: samples, backtests, one alarm.
import { isRuleType, measures, needsParameter, type RuleType } from '../../../measure/measures.ts';
import type { Comparison } from '../../../rule/comparison.ts';
import type { TagMatchers } from '../../../rule/matcher.ts';
import type { Group } from '../../../metric/subject.ts';
import { fieldNames, ruleFields } from '../../../rule/rule-fields.ts';
import type { Rule } from '../../../rule/rule.ts';
import type { AlarmDetail, RecheckResult } from '../../../wire/alarms.ts';
import type { BacktestOrder, BacktestView } from '../../../wire/backtest.ts';
import type { SamplesInput } from '../../../wire/ingest.ts';
import type { MetricTagsView, MetricView, MetricsView, SamplesView } from '../../../wire/metrics.ts';
import type { TestSendView } from '../../../wire/webhooks.ts';
import { ask, call } from './api.ts';

/** A measure over a window, which a chart shows beside the samples. */
export interface ShownMeasure {
  readonly type: RuleType;
  readonly windowSeconds: number;
  readonly percentile: number | undefined;
}

/** Undefined when the rule compares the newest sample, or has no window yet. */
export function shownMeasure({
  type,
  window_duration_seconds: windowSeconds,
  percentile,
}: Partial<Rule>): ShownMeasure | undefined {
  if (!isRuleType(type) || !measures[type].hasWindow) return undefined;
  return typeof windowSeconds === 'number' && windowSeconds > 0
    ? { type, windowSeconds, percentile: needsParameter(type, 'percentile') ? (percentile ?? 50) : undefined }
    : undefined;
}

const groupFields = fieldNames.filter((field) => ruleFields[field].form.group === 'groups');

/** The fields of a rule that make its groups; undefined when it compares each series, or nothing yet. */
export function shownGroups(rule: Partial<Rule>): Partial<Rule> | undefined {
  if (rule.group_by === undefined || rule.aggregate === undefined) return undefined;
  return Object.fromEntries(groupFields.map((field) => [field, rule[field]]));
}

/** What a chart must know of a rule to draw what it compares. */
export function comparedOf(rule: Partial<Rule>): Pick<SamplesWanted, 'measure' | 'groups'> {
  return { measure: shownMeasure(rule), groups: shownGroups(rule) };
}

export interface SamplesWanted {
  readonly metricName: string;
  readonly tags?: TagMatchers | undefined;
  readonly isExact?: boolean;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly lastSeconds?: number;
  readonly points: number;
  readonly measure?: ShownMeasure | undefined;
  /** The fields of a rule that make its groups: what it compares of these is then read, and not series. */
  readonly groups?: object | undefined;
  /** The only group that is wanted. */
  readonly group?: Group | undefined;
  /** Which series come first: those that are nearest to firing. */
  readonly order?: { readonly nearest: Comparison['nearest']; readonly threshold: number | undefined };
}

export function readSamples(wanted: SamplesWanted, signal?: AbortSignal): Promise<SamplesView> {
  const query = new URLSearchParams({ metric_name: wanted.metricName, points: String(wanted.points), series: '6' });
  if (Object.keys(wanted.tags ?? {}).length > 0) query.set('tags', JSON.stringify(wanted.tags));
  if (wanted.isExact === true) query.set('exact', 'true');
  if (wanted.fromMs !== undefined) query.set('from_ms', String(wanted.fromMs));
  if (wanted.toMs !== undefined) query.set('to_ms', String(wanted.toMs));
  if (wanted.lastSeconds !== undefined) query.set('last_seconds', String(wanted.lastSeconds));
  if (wanted.measure !== undefined) {
    query.set('type', wanted.measure.type);
    query.set('window_seconds', String(wanted.measure.windowSeconds));
    if (wanted.measure.percentile !== undefined) query.set('percentile', String(wanted.measure.percentile));
  }
  if (wanted.groups !== undefined) {
    query.set('groups', JSON.stringify(wanted.groups));
    query.set('members', '8');
    if (wanted.group !== undefined) query.set('group', JSON.stringify(wanted.group));
  }
  if (wanted.order?.threshold !== undefined) {
    query.set('order', wanted.order.nearest);
    query.set('threshold', String(wanted.order.threshold));
  }
  return ask('GET', `api/v1/samples?${query}`, { signal });
}

/** Calls `onResult` with each partial result, starting with the newest slice; the last one is complete. */
export async function runBacktest(
  rule: object,
  range: { readonly last_seconds: number } | { readonly from_ms: number },
  { signal, onResult }: { readonly signal: AbortSignal; readonly onResult: (result: BacktestView) => void },
): Promise<void> {
  const answer = await call('POST', 'api/v1/rules/backtest', {
    body: { rule, ...range, limit: 200 } satisfies BacktestOrder,
    accept: 'application/x-ndjson',
    signal,
  });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? '')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onResult(JSON.parse(line) as BacktestView);
    if (done) return;
  }
}

export const readAlarm = (id: string, signal?: AbortSignal): Promise<AlarmDetail> =>
  ask('GET', `api/v1/alarms/${encodeURIComponent(id)}`, { signal });

export const recheckAlarm = (id: string): Promise<RecheckResult> =>
  ask('POST', `api/v1/alarms/${encodeURIComponent(id)}/recheck`, { body: {} });

export async function findMetrics(text: string, signal?: AbortSignal): Promise<readonly MetricView[]> {
  const query = new URLSearchParams({ limit: '30', ...(text !== '' && { q: text }) });
  const { metrics } = await ask<MetricsView>('GET', `api/v1/metrics?${query}`, { signal });
  return metrics;
}

/** The tags of a metric's series, with their values; none for a metric that was not seen. */
export async function findTags(name: string, signal?: AbortSignal): Promise<MetricTagsView['tags']> {
  try {
    const { tags } = await ask<MetricTagsView>('GET', `api/v1/metrics/tags?${new URLSearchParams({ name })}`, {
      signal,
    });
    return tags;
  } catch {
    return {};
  }
}

export const sendTest = (draft: object): Promise<TestSendView> => ask('POST', 'api/v1/webhooks/test', { body: draft });

export const sendTestOf = (id: string): Promise<TestSendView> =>
  ask('POST', `rules/${encodeURIComponent(id)}/test`, { body: {} });

export async function publish(name: string, value: number): Promise<void> {
  await call('POST', 'api/v1/metrics', { body: { name, value } satisfies SamplesInput });
}
