import { noTags, type Tags } from '../metric/sample.ts';
import { ruleDefaults, type Operator, type Rule, type RuleType } from './rule.ts';

/** A rule with all its defaults filled in, as evaluation reads it. Durations in milliseconds, fractions allowed. */
export interface Condition {
  readonly ruleId: string;
  readonly metricName: string;
  readonly tags: Tags;
  readonly operator: Operator;
  readonly threshold: number;
  /** Never above the threshold for `>`, never below it for `<`. */
  readonly resolveThreshold: number;
  readonly type: RuleType;
  /** 0 unless the type is `window_average`; then greater than 0. */
  readonly windowMs: number;
  readonly cooldownMs: number;
  readonly everySample: boolean;
  readonly forMs: number;
  readonly notifyOnResolve: boolean;
  /** Greater than 0, or undefined when silence is no alarm. */
  readonly noDataMs: number | undefined;
  readonly enabled: boolean;
  readonly description: string | undefined;
}

export function compileRule(rule: Rule): Condition {
  return {
    ruleId: rule.id,
    metricName: rule.metric_name,
    tags: rule.tags ?? noTags,
    operator: rule.operator ?? ruleDefaults.operator,
    threshold: rule.threshold,
    resolveThreshold: rule.resolve_threshold ?? rule.threshold,
    type: rule.type ?? ruleDefaults.type,
    windowMs: milliseconds(rule.window_duration_seconds ?? 0),
    cooldownMs: milliseconds(rule.cooldown_seconds ?? ruleDefaults.cooldown_seconds),
    everySample: (rule.trigger ?? ruleDefaults.trigger) === 'every_sample',
    forMs: milliseconds(rule.for_seconds ?? ruleDefaults.for_seconds),
    notifyOnResolve: rule.notify_on_resolve ?? ruleDefaults.notify_on_resolve,
    noDataMs: rule.no_data_seconds === undefined ? undefined : milliseconds(rule.no_data_seconds),
    enabled: rule.enabled ?? ruleDefaults.enabled,
    description: rule.description,
  };
}

/** Seconds as milliseconds. 2.007 s are 2,007 ms, though the product of doubles lies a little above. */
function milliseconds(seconds: number): number {
  const product = seconds * 1_000;
  const whole = Math.round(product);
  return Math.abs(product - whole) <= 1e-9 * product ? whole : product;
}
