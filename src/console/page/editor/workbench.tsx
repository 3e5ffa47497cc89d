// What stands beside the rule being written: its metric as it flows, the threshold to take hold of, and what the rule would have
// done, judged by the evaluator itself.
import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Rule } from '../../../rule/rule.ts';
import { token, type BacktestView, type SamplesView } from '../state/api.ts';
import { BacktestVerdict } from './backtest-verdict.tsx';
import { Chart } from '../charts/chart.tsx';
import { fittedFromMs } from '../charts/chart-data.ts';
import type { Form } from './fields.tsx';
import { readSamples, runBacktest } from '../state/inspect.ts';
import { nowMs } from '../state/live.ts';
import { MetricPicker } from '../parts/metric-picker.tsx';
import { Ranges } from '../charts/ranges.tsx';
import { numberText } from '../parts/time-text.ts';
import { isResting } from '../state/pause.ts';

const samplesEveryMs = 2_000;
/** A hand that drags gives a value every few milliseconds: only where it rests is worth an answer. */
const restMs = 30;
/** What comes in meanwhile is judged, too, though nothing is typed. */
const judgedEveryMs = 5_000;

/** The fields as a rule, when they are enough of one to be judged. */
function judgeable(fields: Record<string, unknown>): object | undefined {
  const { discord_webhook_url: _webhook, description: _description, ...rest } = fields;
  if (typeof rest['metric_name'] !== 'string' || rest['metric_name'] === '') return undefined;
  if (Object.values(rest).some((value) => typeof value === 'number' && !Number.isFinite(value))) return undefined;
  const numbers = ['threshold', 'window_duration_seconds', 'for_seconds', 'resolve_threshold', 'cooldown_seconds'];
  if (numbers.some((field) => typeof rest[field] === 'string')) return undefined;
  return typeof rest['threshold'] === 'number' ? rest : undefined;
}

interface WorkbenchProps {
  readonly form: Form;
  readonly fields: Record<string, unknown>;
  readonly saved: Rule | undefined;
}

export function Workbench({ form, fields, saved }: WorkbenchProps) {
  const range = useSignal<number>(600);
  const { draft } = form;
  const set = (more: Partial<typeof draft.value>): void => {
    draft.value = { ...draft.value, ...more };
  };
  const metric = draft.value.metric_name;
  const tags = fields['tags'] as Readonly<Record<string, string>> | undefined;
  const samples = useSamples({ metric, tags, range, fields });
  const rule = judgeable(fields);
  const result = useBacktest(rule, range.value, saved?.id);
  const before = saved === undefined ? undefined : judgeable({ ...saved, id: undefined });
  const isOther = JSON.stringify(rule) !== JSON.stringify(before);
  const ghost = useBacktest(isOther ? before : undefined, range.value, saved?.id);
  if (metric === '') return <MetricPicker onPick={(name) => set({ metric_name: name })} />;
  const found = samples.value;
  const threshold = typeof fields['threshold'] === 'number' ? fields['threshold'] : undefined;
  const resolve = typeof fields['resolve_threshold'] === 'number' ? fields['resolve_threshold'] : undefined;
  const operator = draft.value.operator === '<' ? '<' : '>';
  const suggestion = operator === '>' ? found?.p99 : found?.p1;
  return (
    <section class="card chart-card workbench" aria-label="The metric, and what the rule would have done">
      <div class="chart-head">
        <h2>{metric}</h2>
        <Ranges range={range} />
      </div>
      {found !== undefined && found.samples > 0 ? (
        <Chart
          label={`Samples of ${metric}`}
          series={found.series}
          fromMs={fittedFromMs(found.series, nowMs.value - range.value * 1_000, nowMs.value)}
          toMs={nowMs.value}
          operator={operator}
          threshold={threshold}
          resolveThreshold={resolve}
          ghost={saved?.threshold}
          bands={(result.value?.firings ?? []).map(({ fired_ms: fromMs, ended_ms: toMs }) => ({
            fromMs,
            toMs: toMs ?? undefined,
          }))}
          onThreshold={(value) => set({ threshold: String(value), ...taken(resolve, value, operator) })}
          onResolveThreshold={(value) => set({ resolve_threshold: String(value) })}
        />
      ) : (
        <p class="chart-none">
          {found === undefined ? 'Reading its samples…' : 'No sample of this metric in this time. Is its name right?'}
        </p>
      )}
      <div class="chart-foot">
        {suggestion !== null && suggestion !== undefined && threshold === undefined && (
          <button type="button" onClick={() => set({ threshold: String(Number(suggestion.toPrecision(6))) })}>
            Set the threshold to {numberText(Number(suggestion.toPrecision(6)))}, the{' '}
            {operator === '>' ? '99th' : '1st'} percentile
          </button>
        )}
        {found !== undefined && threshold !== undefined && resolve === undefined && (
          <button
            type="button"
            class="small quiet"
            onClick={() => set({ resolve_threshold: String(resolveBeside(threshold, operator, found)) })}
          >
            Add a line at which it ends
          </button>
        )}
        {resolve !== undefined && (
          <button type="button" class="small quiet" onClick={() => set({ resolve_threshold: '' })}>
            Remove the line at which it ends
          </button>
        )}
        {found !== undefined && found.series_total > found.series.length && (
          <span class="hint">
            {found.series.length} of {found.series_total} series, those nearest the threshold
          </span>
        )}
      </div>
      <BacktestVerdict result={result.value} before={isOther ? ghost.value : undefined} rangeSeconds={range.value} />
    </section>
  );
}

/** A threshold that is moved beyond the line at which the alarm ends takes it along: that line is never on the wrong side. */
function taken(resolve: number | undefined, threshold: number, operator: '>' | '<'): { resolve_threshold?: string } {
  const isCrossed = resolve !== undefined && (operator === '>' ? resolve > threshold : resolve < threshold);
  return isCrossed ? { resolve_threshold: String(threshold) } : {};
}

/** A tenth of what the metric moves in, beside the threshold. */
function resolveBeside(threshold: number, operator: '>' | '<', { p1, p99 }: SamplesView): number {
  const reach = Math.abs((p99 ?? 0) - (p1 ?? 0)) || Math.abs(threshold) || 1;
  const beside = threshold + (operator === '>' ? -1 : 1) * (reach / 10);
  return Number(beside.toPrecision(4));
}

interface SamplesAsked {
  readonly metric: string;
  readonly tags: Readonly<Record<string, string>> | undefined;
  readonly range: Signal<number>;
  readonly fields: Record<string, unknown>;
}

function useSamples({ metric, tags, range, fields }: SamplesAsked): Signal<SamplesView | undefined> {
  const found = useSignal<SamplesView | undefined>(undefined);
  const window = fields['type'] === 'window_average' ? fields['window_duration_seconds'] : undefined;
  const windowSeconds = typeof window === 'number' && window > 0 ? window : undefined;
  const isLowestFirst = fields['operator'] === '<';
  useEffect(() => {
    found.value = undefined;
    if (metric === '') return undefined;
    const stop = new AbortController();
    const read = (): void => {
      const wanted = { metricName: metric, tags, lastSeconds: range.value, points: 800, windowSeconds, isLowestFirst };
      readSamples(wanted, stop.signal).then(
        (fresh) => (found.value = fresh),
        // The connection chip says what is wrong; what was read stays.
        () => {},
      );
    };
    // What is asked for anew is told while all is paused, too.
    const first = setTimeout(read, restMs);
    const timer = setInterval(() => isResting() || read(), samplesEveryMs);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
      stop.abort();
    };
  }, [metric, JSON.stringify(tags ?? {}), range.value, windowSeconds, isLowestFirst, token.value]);
  return found;
}

function useBacktest(
  rule: object | undefined,
  seconds: number,
  id: string | undefined,
): Signal<BacktestView | undefined> {
  const found = useSignal<BacktestView | undefined>(undefined);
  const text = useMemo(() => (rule === undefined ? '' : JSON.stringify(rule)), [JSON.stringify(rule)]);
  useEffect(() => {
    if (text === '') {
      found.value = undefined;
      return undefined;
    }
    const stop = new AbortController();
    const judge = (): void => {
      const order = { ...(JSON.parse(text) as object), ...(id !== undefined && { id }) };
      const onResult = (result: BacktestView): void => void (found.value = result);
      runBacktest(order, { last_seconds: seconds }, { signal: stop.signal, onResult }).catch(() => {
        // A field that is wrong is named when the rule is saved.
        if (!stop.signal.aborted) found.value = undefined;
      });
    };
    const first = setTimeout(judge, restMs);
    const timer = setInterval(() => isResting() || judge(), judgedEveryMs);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
      stop.abort();
    };
  }, [text, seconds, id, token.value]);
  return found;
}
