// The alarms of a backtest. Each can be opened to show the samples around it, with the one that fired, as a chart and as a table.
import * as css from './fire-list.module.css';
import type { BacktestView, FiringView } from '../../../wire/backtest.ts';
import type { Signal } from '@preact/signals';
import type { Operator } from '../../../rule/comparison.ts';
import { hasComputedValue } from '../../../rule/condition.ts';
import type { Rule } from '../../../rule/rule.ts';
import { comparedOf } from '../state/inspect.ts';
import { linesOf } from '../charts/rule-lines.ts';
import { Chart } from '../charts/chart.tsx';
import { fittedFromMs } from '../charts/chart-data.ts';
import { lineName, shownNumber } from '../charts/chart-points.ts';
import { clockText, durationText, momentText } from '../words/time-text.ts';
import { useSamples } from './workbench-data.ts';

/** The parts of the rule that the charts show. */
export interface ShownRule {
  /** Those of which a value is of their kind. */
  readonly fields: Partial<Rule>;
  readonly metric: string;
  readonly operator: Operator;
  readonly threshold: number | undefined;
  readonly resolveThreshold: number | undefined;
}

interface FireListProps {
  readonly result: BacktestView;
  readonly rule: ShownRule;
  /** The id of the open alarm. */
  readonly opened: Signal<string | undefined>;
}

const listedMax = 50;

export function FireList({ result, rule, opened }: FireListProps) {
  const newest = result.firings.slice(-listedMax).reverse();
  const open = newest.find(({ alarm_id: id }) => id === opened.value);
  if (newest.length === 0) return null;
  return (
    <details class="firings" open={open !== undefined || undefined}>
      <summary>{result.fired > listedMax ? `Latest ${listedMax}` : 'When it would have fired'}</summary>
      <ul>
        {newest.map((firing) => (
          <li key={firing.alarm_id}>
            <button
              type="button"
              class="small"
              aria-expanded={firing === open}
              title={momentText(firing.fired_ms)}
              onClick={() => (opened.value = firing === open ? undefined : firing.alarm_id)}
            >
              {clockText(firing.fired_ms)}
            </button>
            <b>{firing.value === null ? 'no data' : shownNumber(firing.value, hasComputedValue(rule.fields))}</b>
            <span>
              {firing.ended_ms === null ? 'still firing' : `for ${durationText(firing.ended_ms - firing.since_ms)}`}
            </span>
            <span class="hint">{lineName(firing)}</span>
            {firing === open && <OpenedFire firing={firing} partition={result.partition} rule={rule} />}
          </li>
        ))}
      </ul>
    </details>
  );
}

interface OpenedFireProps {
  readonly firing: FiringView;
  readonly partition: number;
  readonly rule: ShownRule;
}

function OpenedFire({ firing, partition, rule }: OpenedFireProps) {
  const { since_ms: sinceMs, fired_ms: firedMs, ended_ms: endedMs, value } = firing;
  const compared = comparedOf(rule.fields);
  const aroundMs = Math.max(
    60_000,
    (compared.measure?.windowSeconds ?? 0) * 2_000,
    ((endedMs ?? firedMs) - sinceMs) / 2,
  );
  const found = useSamples({
    metricName: rule.metric,
    ...(firing.group === undefined
      ? { tags: firing.tags, isExact: true }
      : { tags: rule.fields.tags, group: firing.group }),
    fromMs: sinceMs - aroundMs,
    ...(endedMs !== null && { toMs: endedMs + aroundMs }),
    points: 500,
    ...compared,
  }).value;
  return (
    <div class={css.openedFire} data-part="opened-fire">
      <p class="hint">
        Fired at {momentText(firedMs)} by partition {partition}, offset {firing.offset}.
      </p>
      {found !== undefined && found.samples > 0 && (
        <Chart
          label={`Samples around ${clockText(firedMs)}`}
          {...linesOf(rule.fields, found)}
          fromMs={fittedFromMs(found.series, found.from_ms, found.to_ms)}
          toMs={found.to_ms}
          operator={rule.operator}
          threshold={rule.threshold}
          resolveThreshold={rule.resolveThreshold}
          bands={[{ fromMs: firedMs, toMs: endedMs ?? undefined }]}
          mark={value === null ? undefined : { timeMs: firedMs, value }}
        />
      )}
    </div>
  );
}
