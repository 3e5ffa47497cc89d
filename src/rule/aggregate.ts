// How the values of a group's members become one. A new aggregate is an entry of this table and one of `aggregators`.
import { operators, type Operator } from './comparison.ts';
import type { RuleType } from '../measure/measures.ts';
import type { TagMatchers } from './matcher.ts';

export type Aggregate = 'sum' | 'average' | 'min' | 'max' | 'count' | 'count_where' | 'share_where';

interface AggregateSpec {
  /** Whether `aggregate_where` says which members count: required then, refused otherwise. */
  readonly hasWhere: boolean;
  /** Whether a ratio may be made of it. */
  readonly canDivide: boolean;
  /** Whether rounding may touch the result, so that it equals a threshold that is very near. */
  readonly isComputed: boolean;
  /** Whether the result is of the same kind as the members' values, so that one axis shows both. */
  readonly hasMemberScale: boolean;
  /** "the … of cpu" */
  readonly noun: string;
}

export const aggregates: Record<Aggregate, AggregateSpec> = {
  sum: { hasWhere: false, canDivide: true, isComputed: true, hasMemberScale: true, noun: 'sum' },
  average: {
    hasWhere: false,
    canDivide: true,
    isComputed: true,
    hasMemberScale: true,
    noun: 'average',
  },
  min: {
    hasWhere: false,
    canDivide: true,
    isComputed: false,
    hasMemberScale: true,
    noun: 'minimum',
  },
  max: {
    hasWhere: false,
    canDivide: true,
    isComputed: false,
    hasMemberScale: true,
    noun: 'maximum',
  },
  count: {
    hasWhere: false,
    canDivide: true,
    isComputed: false,
    hasMemberScale: false,
    noun: 'number of series',
  },
  count_where: {
    hasWhere: true,
    canDivide: false,
    isComputed: false,
    hasMemberScale: false,
    noun: 'number of series',
  },
  share_where: {
    hasWhere: true,
    canDivide: false,
    isComputed: true,
    hasMemberScale: false,
    noun: 'share of series',
  },
};

export const aggregateNames = Object.keys(aggregates) as readonly Aggregate[];

export function isAggregate(value: unknown): value is Aggregate {
  return typeof value === 'string' && Object.hasOwn(aggregates, value);
}

/** Which members of a group count. */
export interface AggregateWhere {
  readonly operator: Operator;
  readonly threshold: number;
}

/** The second value of a ratio. What is left out is the rule's own. */
export interface DivideBy {
  readonly tags?: TagMatchers;
  readonly type?: RuleType;
  readonly window_duration_seconds?: number;
  readonly percentile?: number;
  readonly min_value?: number;
}

export const divideByFields = [
  'tags',
  'type',
  'window_duration_seconds',
  'percentile',
  'min_value',
] as const satisfies readonly (keyof DivideBy)[];

/** The comparison that a text like `> 90` stands for; undefined when it is none. */
export function parseWhere(text: string): AggregateWhere | undefined {
  const given = text.trim();
  // The longer operators first: `>=` begins with `>`.
  const operator = operators.toSorted((one, other) => other.length - one.length).find((one) => given.startsWith(one));
  if (operator === undefined) return undefined;
  const number = given.slice(operator.length).trim();
  const threshold = Number(number);
  return number === '' || !Number.isFinite(threshold) ? undefined : { operator, threshold };
}

/** Whether one axis shows what a rule with groups compares beside the values of their members. */
export function hasMemberScale({ aggregate, divide_by: second }: GroupFields): boolean {
  return aggregate !== undefined && second === undefined && aggregates[aggregate].hasMemberScale;
}

interface GroupFields {
  readonly aggregate?: Aggregate | undefined;
  readonly divide_by?: DivideBy | undefined;
}
