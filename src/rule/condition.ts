import { measures, type RuleType } from '../measure/measures.ts';
import { aggregates, type Aggregate, type AggregateWhere } from './aggregate.ts';
import { asCompared, comparisons, type Operator } from './comparison.ts';
import type { ForSamples } from './for-samples.ts';
import type { Tags } from '../metric/sample.ts';
import { thresholdAt, thresholdsOf } from './rule-level.ts';
import { noMatchers, tagsMatch, type TagMatchers } from './matcher.ts';
import { ruleDefaults } from './rule-fields.ts';
import type { Rule } from './rule.ts';

/** A rule with all its defaults filled in, as evaluation reads it. Durations in milliseconds, fractions allowed. */
export interface Condition {
  readonly ruleId: string;
  readonly metricName: string;
  readonly tags: TagMatchers;
  readonly operator: Operator;
  /** With levels the lowest. Undefined of a rule about absence alone. */
  readonly threshold: number | undefined;
  /** The threshold, unless the comparison has a recovery: then within its interval. */
  readonly resolveThreshold: number | undefined;
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
  /** Of a rule with several thresholds. */
  readonly levels: readonly LevelCondition[] | undefined;
  /** In place of `forMs`, which is 0 then. */
  readonly forSamples: ForSamples | undefined;
  /** How long the value must be clear before the alarm resolves. */
  readonly resolveForMs: number;
  readonly notifyOnResolve: boolean;
  /** Greater than 0, or undefined when silence is no alarm. */
  readonly noDataMs: number | undefined;
  /** After how long without data an alarm resolves; undefined: never. Not beside `noDataMs`. */
  readonly resolveWithoutDataMs: number | undefined;
  /** After how long an alarm that still fires is sent again; undefined: never. */
  readonly remindMs: number | undefined;
  readonly enabled: boolean;
  readonly description: string | undefined;
  /** Undefined when each series is a subject of its own. */
  readonly grouping: Grouping | undefined;
}

export interface LevelCondition {
  readonly threshold: number;
  readonly forMs: number;
}

/** Which series make a value: those with these tags, each by this measure. */
export interface MeasuredSeries {
  readonly tags: TagMatchers;
  readonly type: RuleType;
  readonly windowMs: number;
  readonly percentile: number | undefined;
}

/** How the values of many series become one. */
export interface Grouping {
  /** The tags that the members of a group have in common. */
  readonly by: readonly string[];
  /** Undefined for a rule about absence alone. */
  readonly aggregate: Aggregate | undefined;
  readonly where: AggregateWhere | undefined;
  /** Whether the members' values are computed. */
  readonly isComputed: boolean;
  /** At least 1. */
  readonly minSeries: number;
  readonly staleMs: number;
  /** What the value is divided by. */
  readonly divideBy: (MeasuredSeries & { readonly minValue: number }) | undefined;
}

/** Which of a rule's values a series makes: the first, and the second of a ratio. */
export interface ValuesMade {
  readonly isFirst: boolean;
  readonly isSecond: boolean;
}

export function valuesMade({ tags: wanted, grouping }: Condition, tags: Tags): ValuesMade {
  const second = grouping?.divideBy;
  return { isFirst: tagsMatch(wanted, tags), isSecond: second !== undefined && tagsMatch(second.tags, tags) };
}

/** Whether a rule is about series with these tags: they make one of its values. */
export function concerns(condition: Condition, tags: Tags): boolean {
  const { isFirst, isSecond } = valuesMade(condition, tags);
  return isFirst || isSecond;
}

export function compileRule(rule: Rule): Condition {
  return new RuleCondition(rule);
}

/** Reads through to the rule: written out, the defaults of a million rules would take more memory than the rules themselves. */
class RuleCondition implements Condition {
  readonly #rule: Rule;
  #grouping: Grouping | undefined;
  #levels: readonly LevelCondition[] | undefined;

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

  get threshold(): number | undefined {
    return thresholdAt(this.#rule);
  }

  get resolveThreshold(): number | undefined {
    return this.#rule.resolve_threshold ?? this.threshold;
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

  get levels(): readonly LevelCondition[] | undefined {
    if (this.#rule.levels === undefined) return undefined;
    return (this.#levels ??= this.#rule.levels.map(({ threshold, for_seconds: seconds }) => ({
      threshold,
      forMs: seconds === undefined ? this.forMs : milliseconds(seconds),
    })));
  }

  get forSamples(): ForSamples | undefined {
    return this.#rule.for_samples;
  }

  get resolveForMs(): number {
    return milliseconds(this.#rule.resolve_for_seconds ?? ruleDefaults.resolve_for_seconds);
  }

  get notifyOnResolve(): boolean {
    return this.#rule.notify_on_resolve ?? ruleDefaults.notify_on_resolve;
  }

  get noDataMs(): number | undefined {
    const { no_data_seconds: seconds } = this.#rule;
    return seconds === undefined ? undefined : milliseconds(seconds);
  }

  get resolveWithoutDataMs(): number | undefined {
    const { resolve_without_data_seconds: seconds } = this.#rule;
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

  get grouping(): Grouping | undefined {
    if (this.#rule.group_by === undefined) return undefined;
    return (this.#grouping ??= groupingOf(this.#rule, this.#rule.group_by));
  }
}

/** How long a subject may be silent before that changes its alarm; undefined: for ever. */
export function silenceMs({ noDataMs, resolveWithoutDataMs }: Condition): number | undefined {
  return noDataMs ?? resolveWithoutDataMs;
}

/** A series without a window counts for as long as this after its newest sample. */
const staleSecondsDefault = 300;

function groupingOf(rule: Rule, by: readonly string[]): Grouping {
  const { divide_by: second, window_duration_seconds: windowSeconds } = rule;
  const type = second?.type ?? rule.type ?? ruleDefaults.type;
  const secondWindowSeconds = measures[type].hasWindow ? (second?.window_duration_seconds ?? windowSeconds ?? 0) : 0;
  const longest = Math.max(windowSeconds ?? 0, second === undefined ? 0 : secondWindowSeconds);
  return {
    by,
    aggregate: rule.aggregate,
    where: rule.aggregate_where,
    isComputed: measures[rule.type ?? ruleDefaults.type].isComputed,
    minSeries: rule.min_series ?? ruleDefaults.min_series,
    staleMs: milliseconds(rule.stale_seconds ?? (longest > 0 ? longest : staleSecondsDefault)),
    divideBy: second && {
      tags: second.tags ?? rule.tags ?? noMatchers,
      type,
      windowMs: milliseconds(secondWindowSeconds),
      percentile: measures[type].hasPercentile ? (second.percentile ?? rule.percentile) : undefined,
      minValue: second.min_value ?? -Infinity,
    },
  };
}

/** Whether what a rule compares is computed, and not a value that somebody sent. */
export function hasComputedValue({ type = ruleDefaults.type, aggregate, divide_by: second }: ComputedFields): boolean {
  const isOfGroup = aggregate !== undefined && aggregates[aggregate].isComputed;
  return measures[type].isComputed || isOfGroup || second !== undefined;
}

type ComputedFields = Pick<Rule, 'type' | 'aggregate' | 'divide_by'>;

type ThresholdFields = Pick<Rule, 'operator' | 'threshold' | 'levels'>;

/** Whether a compared value is in breach of a rule: at a level, without one at any. */
export function isInBreach(rule: ThresholdFields & ComputedFields, value: number, level?: number): boolean {
  const { operator = ruleDefaults.operator } = rule;
  const threshold = thresholdAt(rule, level);
  if (threshold === undefined) return false;
  return comparisons[operator].breaches(asCompared(value, threshold, hasComputedValue(rule)), threshold);
}

/** The threshold that tells best where a value is: the first, from the least severe on, that it is not past; else the last. */
export function nearestThreshold(rule: ThresholdFields & ComputedFields, value: number): number | undefined {
  const thresholds = thresholdsOf(rule);
  return thresholds.find((_, index) => !isInBreach(rule, value, index + 1)) ?? thresholds.at(-1);
}

/** Whether a compared value is clear: a firing alarm resolves by it, at once or in time. Of a rule without a threshold every value is. */
export function isClear(
  rule: ThresholdFields & Pick<Rule, 'resolve_threshold'> & ComputedFields,
  value: number,
  level?: number,
): boolean {
  const { operator = ruleDefaults.operator, resolve_threshold: resolveThreshold = thresholdAt(rule, level) } = rule;
  if (resolveThreshold === undefined) return true;
  const compared = asCompared(value, resolveThreshold, hasComputedValue(rule));
  return !isInBreach(rule, value, level) && comparisons[operator].clears(compared, resolveThreshold);
}

/** Seconds as milliseconds. 2.007 s are 2,007 ms, though the product of doubles lies a little above. */
function milliseconds(seconds: number): number {
  const product = seconds * 1_000;
  const whole = Math.round(product);
  return Math.abs(product - whole) <= 1e-9 * product ? whole : product;
}
