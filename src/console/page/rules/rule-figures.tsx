import * as css from './rule-figures.module.css';
import { comparisons } from '../../../rule/comparison.ts';
import { isInBreach, nearestThreshold } from '../../../rule/condition.ts';
import { ruleDefaults } from '../../../rule/rule-fields.ts';
import type { RuleView } from '../../../wire/rules.ts';
import { nowMs } from '../state/live.ts';
import { comparedText, distanceText } from '../words/condition-sentence.ts';
import { agoText, durationText, grouped, momentText, secondsText } from '../words/time-text.ts';

/** The current value of a rule's metric and the outcome of its last message: the right half of its row. */
export function RuleFigures({ view }: { readonly view: RuleView }) {
  if (view.state === 'disabled') return null;
  return (
    <div class={css.ruleFigures}>
      {view.value === undefined ? <NotSeen view={view} /> : <Value view={view} value={view.value} />}
      <p class={`hint ${css.ruleFacts}`}>
        {facts(view).map((words) => (
          <span key={words}>{words}</span>
        ))}
        <Delivery view={view} />
      </p>
    </div>
  );
}

/** A rule with a mistyped metric never fires, and would look OK. */
function NotSeen({ view }: { readonly view: RuleView }) {
  return view.is_seen ? (
    <p class="hint">{noValueText(view)}</p>
  ) : (
    <p class={css.ruleUnseen} title="Since this console was started">
      <span aria-hidden="true">? </span>Metric not seen
    </p>
  );
}

/** Why there is no value although samples were seen. */
export const noValueText = ({ is_window_held: isHeld }: Pick<RuleView, 'is_window_held'>): string =>
  isHeld === false ? 'The window is longer than the samples held here' : 'No recent sample';

function Value({ view, value }: { readonly view: RuleView; readonly value: number }) {
  const { rule, spark = [] } = view;
  const limit = nearestThreshold(rule, value);
  const threshold = limit ?? 0;
  const distance = -comparisons[rule.operator ?? ruleDefaults.operator].excess(value, threshold);
  const isPast = isInBreach(rule, value);
  const { value_ms: valueMs = 0, is_old: isOld } = view;
  const reach = Math.max(Math.abs(threshold), Math.abs(value), ...spark.map((each) => Math.abs(each)), 1e-9);
  const share = Math.max(0.02, Math.min(1, 1 - distance / reach));
  return (
    <div class={`${css.ruleValue}${isOld ? ' hint' : isPast ? ' rule-past' : ''}`} data-part="rule-value">
      <b title={momentText(valueMs)}>{comparedText(value, rule)}</b>
      {limit !== undefined && (
        <span class="distance" aria-hidden="true">
          <i style={{ width: `${share * 100}%` }} />
        </span>
      )}
      <span class="hint">
        {distanceText(value, limit, '')}
        {isOld && `, ${agoText(nowMs.value - valueMs)}`}
      </span>
      <SparkLine values={spark} threshold={threshold} />
    </div>
  );
}

/** The text beside it has the same values. */
function SparkLine({ values, threshold }: { readonly values: readonly number[]; readonly threshold: number }) {
  if (values.length < 2) return null;
  const [low, high] = [Math.min(...values, threshold), Math.max(...values, threshold)];
  const y = (value: number): number => (high === low ? 12 : 22 - ((value - low) / (high - low)) * 20);
  const points = values.map((value, index) => `${(index / (values.length - 1)) * 100},${y(value).toFixed(1)}`);
  return (
    <svg class={css.ruleSpark} viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      <line x1="0" x2="100" y1={y(threshold)} y2={y(threshold)} vector-effect="non-scaling-stroke" />
      <polyline points={points.join(' ')} vector-effect="non-scaling-stroke" />
    </svg>
  );
}

function facts(view: RuleView): string[] {
  const { rule, window_samples: samples, cooldown_left_ms: leftMs, deferred = 0, fires_24h: fires } = view;
  const found: string[] = [];
  if (samples !== undefined) found.push(`${samples} samples in ${secondsText(rule.window_duration_seconds ?? 0)}`);
  if (leftMs !== undefined)
    found.push(`cooldown: ${durationText(leftMs)} left${deferred > 0 ? `, ${deferred} held` : ''}`);
  if (fires > 0) found.push(`fired ${grouped(fires)} ${fires === 1 ? 'time' : 'times'} in 24 h`);
  return found;
}

function Delivery({ view: { delivery } }: { readonly view: RuleView }) {
  if (delivery === undefined) return null;
  const { outcome, took_ms: tookMs, attempts, reason, at_ms: atMs } = delivery;
  if (outcome === 'delivered' || outcome === 'merged')
    return (
      <span class="good" title={momentText(atMs)}>
        ✓ delivered{tookMs !== undefined && ` in ${tookMs} ms`}
      </span>
    );
  if (outcome === 'waiting') return <span>message queued{attempts > 1 && `, tried ${attempts} times`}</span>;
  return (
    <span class="disagrees" title={momentText(atMs)}>
      ✗ {outcome}
      {reason !== undefined && `: ${reason}`}
    </span>
  );
}
