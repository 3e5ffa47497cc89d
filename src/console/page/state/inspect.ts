// What the page asks to look into metrics, rules and alarms: samples, backtests, one alarm.
import {
  ask,
  call,
  type AlarmDetail,
  type BacktestView,
  type MetricView,
  type SamplesView,
  type TestSendView,
  type VerdictView,
} from './api.ts';

export interface SamplesWanted {
  readonly metricName: string;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly isExact?: boolean;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly lastSeconds?: number;
  readonly points: number;
  readonly windowSeconds?: number | undefined;
  readonly isLowestFirst?: boolean;
}

export function readSamples(wanted: SamplesWanted, signal?: AbortSignal): Promise<SamplesView> {
  const query = new URLSearchParams({ metric_name: wanted.metricName, points: String(wanted.points), series: '6' });
  if (Object.keys(wanted.tags ?? {}).length > 0) query.set('tags', JSON.stringify(wanted.tags));
  if (wanted.isExact === true) query.set('exact', 'true');
  if (wanted.fromMs !== undefined) query.set('from_ms', String(wanted.fromMs));
  if (wanted.toMs !== undefined) query.set('to_ms', String(wanted.toMs));
  if (wanted.lastSeconds !== undefined) query.set('last_seconds', String(wanted.lastSeconds));
  if (wanted.windowSeconds !== undefined) query.set('window_seconds', String(wanted.windowSeconds));
  if (wanted.isLowestFirst === true) query.set('order', 'lowest');
  return ask('GET', `api/v1/samples?${query}`, { signal });
}

/** Calls back with each result, the newest slice's first; the last is complete. */
export async function runBacktest(
  rule: object,
  range: { readonly last_seconds: number } | { readonly from_ms: number },
  { signal, onResult }: { readonly signal: AbortSignal; readonly onResult: (result: BacktestView) => void },
): Promise<void> {
  const answer = await call('POST', 'api/v1/rules/backtest', {
    body: { rule, ...range, limit: 200 },
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

export const readAlarm = (id: string): Promise<AlarmDetail> => ask('GET', `api/v1/alarms/${encodeURIComponent(id)}`);

export const runVerdict = (id: string): Promise<VerdictView> =>
  ask('POST', `api/v1/alarms/${encodeURIComponent(id)}/verdict`, { body: {} });

export async function findMetrics(text: string): Promise<readonly MetricView[]> {
  const query = new URLSearchParams({ limit: '30', ...(text !== '' && { q: text }) });
  const { metrics } = await ask<{ metrics: MetricView[] }>('GET', `api/v1/metrics?${query}`);
  return metrics;
}

/** The tags that the series of a metric have, with their values; none for a metric that was not seen. */
export async function findTags(name: string): Promise<Readonly<Record<string, readonly string[]>>> {
  try {
    const { tags } = await ask<{ tags: Record<string, string[]> }>(
      'GET',
      `api/v1/metrics/tags?${new URLSearchParams({ name })}`,
    );
    return tags;
  } catch {
    return {};
  }
}

export const sendTest = (draft: object): Promise<TestSendView> => ask('POST', 'api/v1/webhooks/test', { body: draft });

export const sendTestOf = (id: string): Promise<TestSendView> =>
  ask('POST', `rules/${encodeURIComponent(id)}/test`, { body: {} });

export async function publish(name: string, value: number): Promise<void> {
  await call('POST', 'api/v1/metrics', { body: { name, value } });
}
