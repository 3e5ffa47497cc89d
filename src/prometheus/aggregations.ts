// PromQL's aggregations, with the aggregate of a group that says the same.
import type { Aggregate } from '../rule/aggregate.ts';
import { isOnly, sideOf, type Limit } from './limit.ts';
import { isFalling, isScale, type Step } from './steps.ts';

export interface AggregationMeaning {
  /** Of plain values. */
  readonly aggregate: Aggregate;
  /** Whether arithmetic on each member may be done on the result as well: "sum(x * 8)" is "sum(x) * 8". */
  readonly commutes: (step: Step) => boolean;
  /** Whether one of groups is one of their members: "sum(sum by (a) (x))" is "sum(x)". */
  readonly isNestable: boolean;
  /** Whether it leaves single values as they are. */
  readonly isIdentityOfOne: boolean;
  /**
   * Of the members within a limit alone, as in "count(x > 5)": an aggregate; or `same`, where "max(x > 5)" is "max(x) > 5"; undefined
   * where no rule has the value.
   */
  readonly ofFiltered: (limit: Limit) => Aggregate | 'same' | undefined;
  /** Of 0 and 1, as in "sum(x > bool 5)". */
  readonly ofBool: Aggregate | undefined;
}

const isRising = (step: Step): boolean => !isFalling(step);

export const aggregations: Readonly<Record<string, AggregationMeaning>> = {
  sum: {
    aggregate: 'sum',
    commutes: isScale,
    isNestable: true,
    isIdentityOfOne: true,
    // Each of those that are left is 1.
    ofFiltered: (limit) => (isOnly(limit, 1) ? 'count_where' : undefined),
    ofBool: 'count_where',
  },
  avg: {
    aggregate: 'average',
    commutes: () => true,
    isNestable: false,
    isIdentityOfOne: true,
    ofFiltered: () => undefined,
    ofBool: 'share_where',
  },
  min: {
    aggregate: 'min',
    commutes: isRising,
    isNestable: true,
    isIdentityOfOne: true,
    ofFiltered: (limit) => (sideOf(limit) === 'below' ? 'same' : undefined),
    ofBool: undefined,
  },
  max: {
    aggregate: 'max',
    commutes: isRising,
    isNestable: true,
    isIdentityOfOne: true,
    ofFiltered: (limit) => (sideOf(limit) === 'above' ? 'same' : undefined),
    ofBool: undefined,
  },
  count: {
    aggregate: 'count',
    // How many there are does not depend on their values.
    commutes: () => true,
    isNestable: false,
    isIdentityOfOne: false,
    ofFiltered: () => 'count_where',
    ofBool: 'count',
  },
};

/** "topk(1, x)": the largest member, which keeps its labels in Prometheus. */
export const firstOfMany: Readonly<Record<string, 'max' | 'min'>> = { topk: 'max', bottomk: 'min' };
