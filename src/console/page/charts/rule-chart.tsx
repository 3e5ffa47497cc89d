import { useSignal } from '@preact/signals';
import { comparisons } from '../../../rule/comparison.ts';
import { ruleDefaults } from '../../../rule/rule-fields.ts';
import type { Rule } from '../../../rule/rule.ts';
import { Chart } from './chart.tsx';
import { fittedFromMs } from './chart-data.ts';
import { closestText, linesOf, linesText } from './rule-lines.ts';
import { comparedOf, readSamples } from '../state/inspect.ts';
import { nowMs } from '../state/live.ts';
import { readHistory } from '../state/past.ts';
import { useQuery } from '../state/query.ts';
import { Ranges } from './ranges.tsx';
import { thresholdAt, thresholdsOf } from '../../../rule/rule-level.ts';

const everyMs = 4_000;
const bandsMax = 200;

/** The metric as the rule evaluates it, and when the rule fired: its history, not a backtest. */
export function RuleChart({ rule }: { readonly rule: Rule }) {
  const range = useSignal(3_600);
  const operator = rule.operator ?? ruleDefaults.operator;
  const { value, failure } = useQuery(
    async (signal) => {
      const [samples, history] = await Promise.all([
        readSamples(
          {
            metricName: rule.metric_name,
            tags: rule.tags,
            lastSeconds: range.value,
            points: 800,
            ...comparedOf(rule),
            order: { nearest: comparisons[operator].nearest, threshold: thresholdAt(rule) },
          },
          signal,
        ),
        readHistory({ rule_id: rule.id, from_ms: Date.now() - range.value * 1_000, limit: bandsMax }, signal),
      ]);
      return { samples, history };
    },
    { everyMs },
    [range.value, JSON.stringify(rule)],
  );
  const found = value.value;
  const hidden = found === undefined ? 0 : found.history.total - found.history.alarms.length;
  return (
    <section class="card chart-card">
      <div class="chart-head">
        <h2>{found === undefined ? 'Samples' : linesText(found.samples)} and alarms</h2>
        <Ranges range={range} />
      </div>
      {found !== undefined && found.samples.samples > 0 ? (
        <Chart
          label={`${linesText(found.samples)} of ${rule.metric_name}`}
          {...linesOf(rule, found.samples)}
          fromMs={fittedFromMs(found.samples.series, nowMs.value - range.value * 1_000, nowMs.value)}
          toMs={nowMs.value}
          operator={operator}
          threshold={thresholdAt(rule)}
          levels={thresholdsOf(rule).slice(1)}
          resolveThreshold={rule.resolve_threshold}
          bands={found.history.alarms.map(({ fired_ms: firedMs, ended_ms: endedMs, state }) => ({
            fromMs: firedMs,
            toMs: state === 'firing' ? undefined : (endedMs ?? firedMs),
          }))}
        />
      ) : (
        <p class="chart-none">
          {failure.value?.message ??
            (found === undefined ? 'Loading samples…' : 'No samples of this metric in this range.')}
        </p>
      )}
      {found !== undefined && (
        <p class="hint chart-foot">
          {found.history.total === 0
            ? 'No alarms in this range.'
            : `Shaded: ${found.history.total === 1 ? '1 alarm' : `${found.history.total} alarms`}.`}
          {hidden > 0 && ` Only the latest ${bandsMax} are drawn.`}
          {found.samples.series_total > found.samples.series.length && ` ${closestText(found.samples)}.`}
        </p>
      )}
    </section>
  );
}
