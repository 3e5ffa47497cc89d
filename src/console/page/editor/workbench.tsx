// Beside the form: the metric's live samples, the threshold as a handle, and how often the rule would have fired, computed by the
// evaluator itself.
import type { SamplesView } from '../../../wire/metrics.ts';
import { useSignal } from '@preact/signals';
import { comparisons, isOperator, isWithin, type Operator } from '../../../rule/comparison.ts';
import type { TagMatchers } from '../../../rule/matcher.ts';
import { hasKind, ruleDefaults } from '../../../rule/rule-fields.ts';
import type { Rule } from '../../../rule/rule.ts';
import { BacktestResult } from './backtest-result.tsx';
import { Chart } from '../charts/chart.tsx';
import { fittedFromMs } from '../charts/chart-data.ts';
import { closestText, linesOf, linesText } from '../charts/rule-lines.ts';
import type { Form } from './fields.tsx';
import { shownGroups, shownMeasure } from '../state/inspect.ts';
import { nowMs } from '../state/live.ts';
import { MetricPicker } from '../parts/metric-picker.tsx';
import { allRetained, Ranges } from '../charts/ranges.tsx';
import { numberText } from '../words/time-text.ts';
import { draftOf, fieldsOf, withoutSecrets } from './rule-draft.ts';
import { sayable } from './rule-preview.tsx';
import { useBacktest, useSamples } from './workbench-data.ts';

/** The fields as a rule, once there is enough to evaluate. The server validates them. */
function judgeable(fields: Record<string, unknown>): object | undefined {
  const { description: _description, ...rest } = withoutSecrets(fields);
  const isGiven = typeof rest['metric_name'] === 'string' && rest['metric_name'] !== '';
  return isGiven && (rest['threshold'] ?? rest['levels'] ?? rest['no_data_seconds']) !== undefined ? rest : undefined;
}

type RuleLevels = NonNullable<Rule['levels']>;

interface WorkbenchProps {
  readonly form: Form;
  readonly fields: Record<string, unknown>;
  readonly saved: Rule | undefined;
}

export function Workbench({ form, fields, saved }: WorkbenchProps) {
  const range = useSignal<number>(3_600);
  const opened = useSignal<string | undefined>(undefined);
  const { draft } = form;
  const set = (more: Partial<typeof draft.value>): void => {
    draft.value = { ...draft.value, ...more };
  };
  const metric = draft.value.metric_name;
  const tags = hasKind('tags', fields['tags']) ? (fields['tags'] as TagMatchers) : undefined;
  const compared = sayable(fields);
  const measure = shownMeasure(fields);
  const operator = isOperator(draft.value.operator) ? draft.value.operator : ruleDefaults.operator;
  const comparison = comparisons[operator];
  const threshold = typeof fields['threshold'] === 'number' ? fields['threshold'] : undefined;
  const isAll = range.value === allRetained;
  const samples = useSamples({
    metricName: metric,
    tags,
    ...(isAll ? { fromMs: 0 } : { lastSeconds: range.value }),
    points: 800,
    measure,
    groups: shownGroups(compared),
    order: { nearest: comparison.nearest, threshold },
  });
  const rule = judgeable(fields);
  const backtest = useBacktest(rule, range.value, saved?.id);
  // By the same functions as `fields`, so that equal rules give equal texts.
  const before = saved === undefined ? undefined : judgeable(fieldsOf(draftOf(saved), saved));
  const isOther = JSON.stringify(rule) !== JSON.stringify(before);
  const savedBacktest = useBacktest(isOther ? before : undefined, range.value, saved?.id);
  if (metric === '') return <MetricPicker onPick={(name) => set({ metric_name: name })} />;
  const found = samples.value;
  const firings = backtest.value.result?.firings ?? [];
  const resolve = typeof fields['resolve_threshold'] === 'number' ? fields['resolve_threshold'] : undefined;
  const suggestion = comparison.suggestion && found?.[comparison.suggestion];
  return (
    <section class="card chart-card" aria-label="The metric, and a backtest of the rule">
      <div class="chart-head">
        <h2>{metric}</h2>
        <Ranges range={range} hasAll />
      </div>
      {found !== undefined && found.samples > 0 ? (
        <Chart
          label={`${linesText(found)} of ${metric}`}
          {...linesOf(compared, found)}
          fromMs={fittedFromMs(found.series, isAll ? 0 : nowMs.value - range.value * 1_000, nowMs.value)}
          toMs={nowMs.value}
          operator={operator}
          threshold={threshold}
          resolveThreshold={resolve}
          levels={
            hasKind('levels', fields['levels'])
              ? (fields['levels'] as RuleLevels).map((level) => level.threshold)
              : undefined
          }
          savedThreshold={saved?.threshold}
          bands={firings.map(({ fired_ms: fromMs, ended_ms: toMs }) => ({
            fromMs,
            toMs: toMs ?? undefined,
          }))}
          onPlace={(ms, nearMs) => {
            const hit = firings.findLast(
              ({ fired_ms: from, ended_ms: to }) => from - nearMs <= ms && ms <= (to ?? Infinity) + nearMs,
            );
            if (hit !== undefined) opened.value = hit.alarm_id;
          }}
          onThreshold={(value) => set({ threshold: String(value), ...taken(resolve, value, operator) })}
          onResolveThreshold={(value) => set({ resolve_threshold: String(value) })}
        />
      ) : (
        <p class="chart-none">
          {found === undefined ? 'Loading samples…' : 'No samples of this metric in this range. Is the name right?'}
        </p>
      )}
      <div class="chart-foot">
        {suggestion !== null && suggestion !== undefined && threshold === undefined && (
          <button type="button" onClick={() => set({ threshold: String(Number(suggestion.toPrecision(6))) })}>
            Set the threshold to {numberText(Number(suggestion.toPrecision(6)))}, the{' '}
            {percentileWords[comparison.suggestion!]} of the{' '}
            {found?.members === undefined ? 'samples' : 'compared values'}
          </button>
        )}
        {found !== undefined &&
          threshold !== undefined &&
          resolve === undefined &&
          comparison.recovery !== undefined && (
            <button
              type="button"
              class="small quiet"
              onClick={() => set({ resolve_threshold: String(resolveBeside(threshold, operator, found)) })}
            >
              Add recovery threshold
            </button>
          )}
        {resolve !== undefined && (
          <button type="button" class="small quiet" onClick={() => set({ resolve_threshold: '' })}>
            Remove recovery threshold
          </button>
        )}
        {found !== undefined && found.series_total > found.series.length && (
          <span class="hint">{closestText(found)}</span>
        )}
      </div>
      <BacktestResult
        backtest={backtest.value}
        before={isOther ? savedBacktest.value.result : undefined}
        rule={{ fields: compared, metric, operator, threshold, resolveThreshold: resolve }}
        opened={opened}
      />
    </section>
  );
}

const percentileWords = { p1: '1st percentile', p99: '99th percentile' } as const;

/** Moving the threshold past the recovery threshold moves that one as well, so that it is never on the wrong side. */
function taken(resolve: number | undefined, threshold: number, operator: Operator): { resolve_threshold?: string } {
  const { recovery } = comparisons[operator];
  if (resolve === undefined || recovery === undefined || isWithin(resolve, recovery.interval(threshold))) return {};
  return { resolve_threshold: String(threshold) };
}

/** Beside the threshold by a tenth of the metric's range. */
function resolveBeside(threshold: number, operator: Operator, { p1, p99 }: SamplesView): number {
  const reach = Math.abs((p99 ?? 0) - (p1 ?? 0)) || Math.abs(threshold) || 1;
  return Number(comparisons[operator].past(threshold, -reach / 10).toPrecision(4));
}
