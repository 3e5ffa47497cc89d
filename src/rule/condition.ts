import { measures, type RuleType } from '../measure/measures.ts';
import { asCompared, comparisons, type Operator } from './comparison.ts';
import { noMatchers, type TagMatchers } from './matcher.ts';
import { ruleDefaults } from './rule-fields.ts';
import type { Rule } from './rule.ts';

/** A rule with all its defaults filled in, as evaluation reads it. Durations in milliseconds, fractions allowed. */
export interface Condition {
  readonly ruleId: string;
  readonly metricName: string;
  readonly tags: TagMatchers;
  readonly operator: Operator;
  readonly threshold: number;
  /** The threshold, unless the comparison has a recovery: then within its interval. */
  readonly resolveThreshold: number;
  readonly type: RuleType;
  /** Whether the compared value counts as equal to a threshold that it is very near to; see asCompared. */
  readonly isComputed: boolean;
  /** Greater than 0 if and only if the measure has a window. */
  readonly windowMs: number;
  /** Given if and only if the measure has one. */
  readonly percentile: number | undefined;
  readonly cooldownMs: number;
  readonly everySample: boolean;
  readonly forMs: number;
  readonly notifyOnResolve: boolean;
  /** Greater than 0, or undefined when silence is no alarm. */
  readonly noDataMs: number | undefined;
  /** After how long an alarm that still fires is sent again; undefined: never. */
  readonly remindMs: number | undefined;
  readonly enabled: boolean;
  readonly description: string | undefined;
}

export function compileRule(rule: Rule): Condition {
  return new RuleCondition(rule);
}

/** Reads through to the rule: written out, the defaults of a million rules would take more memory than the rules themselves. */
class RuleCondition implements Condition {
  readonly #rule: Rule;

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  get ruleId(): string {
    return this.#rule.id;
  }

  get metricName(): string {
    return this.#rule.metric_name;
  }

  get tags(): TagMatchers {
    return this.#rule.tags ?? noMatchers;
  }

  get operator(): Operator {
    return this.#rule.operator ?? ruleDefaults.operator;
  }

  get threshold(): number {
    return this.#rule.threshold;
  }

  get resolveThreshold(): number {
    return this.#rule.resolve_threshold ?? this.#rule.threshold;
  }

  get type(): RuleType {
    return this.#rule.type ?? ruleDefaults.type;
  }

  get isComputed(): boolean {
    return hasComputedValue(this.#rule);
  }

  get windowMs(): number {
    return milliseconds(this.#rule.window_duration_seconds ?? 0);
  }

  get percentile(): number | undefined {
    return this.#rule.percentile;
  }

  get cooldownMs(): number {
    return milliseconds(this.#rule.cooldown_seconds ?? ruleDefaults.cooldown_seconds);
  }

  get everySample(): boolean {
    return (this.#rule.trigger ?? ruleDefaults.trigger) === 'every_sample';
  }

  get forMs(): number {
    return milliseconds(this.#rule.for_seconds ?? ruleDefaults.for_seconds);
  }

  get notifyOnResolve(): boolean {
    return this.#rule.notify_on_resolve ?? ruleDefaults.notify_on_resolve;
  }

  get noDataMs(): number | undefined {
    const { no_data_seconds: seconds } = this.#rule;
    return seconds === undefined ? undefined : milliseconds(seconds);
  }

  get remindMs(): number | undefined {
    const { remind_seconds: seconds } = this.#rule;
    return seconds === undefined ? undefined : milliseconds(seconds);
  }

  get enabled(): boolean {
    return this.#rule.enabled ?? ruleDefaults.enabled;
  }

  get description(): string | undefined {
    return this.#rule.description;
  }
}

/** Whether what a rule compares is computed, and not a value that somebody sent. */
function hasComputedValue({ type = ruleDefaults.type }: Pick<Rule, 'type'>): boolean {
  return measures[type].isComputed;
}

/** Whether a compared value is in breach of a rule. */
export function isInBreach(rule: Pick<Rule, 'operator' | 'threshold' | 'type'>, value: number): boolean {
  const { operator = ruleDefaults.operator, threshold } = rule;
  return comparisons[operator].breaches(asCompared(value, threshold, hasComputedValue(rule)), threshold);
}

/** Seconds as milliseconds. 2.007 s are 2,007 ms, though the product of doubles lies a little above. */
function milliseconds(seconds: number): number {
  const product = seconds * 1_000;
  const whole = Math.round(product);
  return Math.abs(product - whole) <= 1e-9 * product ? whole : product;
}
