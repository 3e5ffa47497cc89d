// What an expression means, as far as a rule can say it: a closed set of shapes, between PromQL and the fields of a rule.
import { measures, type RuleType } from '../measure/measures.ts';
import { aggregates, type Aggregate, type AggregateWhere } from '../rule/aggregate.ts';
import { matchersKey, type TagMatchers } from '../rule/matcher.ts';
import type { Span } from './expression.ts';
import type { Limit } from './limit.ts';
import type { Step } from './steps.ts';

/** One value of each series that matches. */
export interface SeriesValue {
  readonly metric: string;
  readonly tags: TagMatchers;
  readonly type: RuleType;
  /** The range of the selector. `last_over_time` has one, and is instantaneous all the same. */
  readonly rangeMs: number | undefined;
  readonly percentile: number | undefined;
}

export interface Group {
  /** The labels that its members have in common; with `without` those that they need not have in common. */
  readonly by: readonly string[];
  /** Only on the way: a rule names the tags that it groups by. */
  readonly isWithout: boolean;
  readonly aggregate: Aggregate;
  readonly where: AggregateWhere | undefined;
}

export interface Value extends Span {
  readonly kind: 'value';
  readonly series: SeriesValue;
  readonly group: Group | undefined;
  /** What the value is divided by: of the same metric, in the same groups. */
  readonly second: SeriesValue | undefined;
  /** What is done to the value before it is compared. */
  readonly steps: readonly Step[];
  /** Whether Prometheus has no value at all where a rule has 0. */
  readonly isAbsentAtZero: boolean;
  /** Whether the value itself has no counterpart: only that there is one. It is the number of members then. */
  readonly isOpaque: boolean;
}

export interface Constant extends Span {
  readonly kind: 'constant';
  readonly value: number;
}

/** The series whose value is on one side of a threshold; with `bool` all of them, as 0 or 1. */
export interface Condition extends Span {
  readonly kind: 'condition';
  readonly value: Value;
  /** Of the value before its steps. */
  readonly limit: Limit;
  readonly isBool: boolean;
}

/** 1 while there is no series: `absent(x)`; or none within a limit: `absent(x == 1)`. */
export interface Absence extends Span {
  readonly kind: 'absence';
  readonly series: SeriesValue;
  readonly limit: Limit | undefined;
}

export type Meaning = Constant | Value | Condition | Absence;

export function isComputed({ series, group, second }: Pick<Value, 'series' | 'group' | 'second'>): boolean {
  const isOfGroup = group !== undefined && aggregates[group.aggregate].isComputed;
  return measures[series.type].isComputed || isOfGroup || second !== undefined;
}

/** Whether two values are one and the same before their steps. */
export function isSameValue(one: Value, other: Value): boolean {
  return valueKey(one) === valueKey(other);
}

function valueKey({ series, group, second }: Value): string {
  const by = group && { ...group, by: group.by.toSorted() };
  return JSON.stringify([seriesKey(series), by, second && seriesKey(second)]);
}

export function seriesKey({ tags, ...rest }: SeriesValue): string {
  return JSON.stringify([rest.metric, rest.type, rest.rangeMs, rest.percentile, matchersKey(tags)]);
}

export function hasSameLabels(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(one.toSorted()) === JSON.stringify(other.toSorted());
}
