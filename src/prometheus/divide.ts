// The division of two values of one metric: a ratio, a share of a group's members, or an average.
import { aggregates } from '../rule/aggregate.ts';
import { Untranslatable, type Binary } from './expression.ts';
import { hasSameLabels, seriesKey, type Group, type Value } from './meaning.ts';
import { inverse, isScale } from './steps.ts';
import type { Warn } from './tags-of-matchers.ts';

export const withoutReason =
  'without leaves all other labels, and a rule names the tags that it groups by: write by (…)';

/** What a division of two groups may be. The first that fits is taken. */
const shapes: readonly ((
  one: Grouped,
  other: Grouped,
  warn: Warn,
) => Pick<Value, 'group' | 'second' | 'isAbsentAtZero'> | undefined)[] = [shareOfMembers, average, ratio];

type Grouped = Value & { readonly group: Group };

interface Division {
  readonly binary: Binary;
  readonly warn: Warn;
}

export function divide(left: Value, right: Value, { binary, warn }: Division): Value {
  const { from, to } = binary;
  if (left.series.metric !== right.series.metric)
    throw new Untranslatable(
      `a rule is about one metric, and here are ${left.series.metric} and ${right.series.metric}`,
      binary,
    );
  if (left.second !== undefined || right.second !== undefined || left.isOpaque || right.isOpaque)
    throw new Untranslatable('a ratio of ratios has no counterpart', binary);
  if (![...left.steps, ...right.steps].every(isScale))
    throw new Untranslatable('a sum with a constant inside a ratio has no counterpart', binary);
  const [one, other] = grouped(left, right, binary);
  const shape = shapes.map((fits) => fits(one, other, warn)).find((each) => each !== undefined);
  if (shape === undefined)
    throw new Untranslatable('a rule divides two groups with the same labels and the same aggregate', binary);
  return { ...left, ...shape, steps: [...left.steps, ...right.steps.map(inverse)], from, to };
}

/** Two values whose series find each other by the labels of their groups. */
function grouped(left: Value, right: Value, binary: Binary): readonly [Grouped, Grouped] {
  const { matching } = binary;
  const isOneToOne = isGrouped(left) && isGrouped(right) && hasSameLabels(left.group.by, right.group.by);
  if (matching?.isManyToOne === true && !isOneToOne)
    throw new Untranslatable(
      'group_left and group_right have no counterpart: a ratio has one value for each group',
      binary,
    );
  if (isGrouped(left) && isGrouped(right)) {
    if (left.group.isWithout || right.group.isWithout) throw new Untranslatable(withoutReason, binary);
    const labels = matching === undefined ? left.group.by : matchedLabels(left.group.by, matching);
    if (!hasSameLabels(left.group.by, right.group.by) || !hasSameLabels(labels, left.group.by))
      throw new Untranslatable('a rule divides groups with the same labels', binary);
    return [left, right];
  }
  if (left.group !== undefined || right.group !== undefined)
    throw new Untranslatable('a rule divides groups with the same labels', binary);
  // One series on each side: Prometheus refuses to match more.
  if (matching?.kind !== 'on')
    throw new Untranslatable(
      'which series are divided by which must be said by on (…), as the tags that a rule groups by',
      binary,
    );
  const group: Group = { by: matching.labels, isWithout: false, aggregate: 'sum', where: undefined };
  return [
    { ...left, group },
    { ...right, group },
  ];
}

function isGrouped(value: Value): value is Grouped {
  return value.group !== undefined;
}

function matchedLabels(by: readonly string[], { kind, labels }: NonNullable<Binary['matching']>): readonly string[] {
  return kind === 'on' ? labels : by.filter((label) => !labels.includes(label));
}

/** `count(x > 5) / count(x)`. */
function shareOfMembers(one: Grouped, other: Grouped, warn: Warn): ReturnType<(typeof shapes)[number]> {
  if (one.group.aggregate !== 'count_where' || other.group.aggregate !== 'count') return undefined;
  const isOfNewest = hasSameSeries({ series: newestOf(one.series) }, other);
  if (!isOfNewest && !hasSameSeries(one, other)) return undefined;
  // How many there are is the same, except after one of them has ended.
  if (isOfNewest && one.series.rangeMs !== undefined)
    warn(
      'a series that has ended counts for the window in both parts of the share, and in Prometheus in the first alone',
    );
  return { group: { ...one.group, aggregate: 'share_where' }, second: undefined, isAbsentAtZero: one.isAbsentAtZero };
}

/** `sum(x) / count(x)`. */
function average(one: Grouped, other: Grouped): ReturnType<(typeof shapes)[number]> {
  const isAverage = one.group.aggregate === 'sum' && other.group.aggregate === 'count' && hasSameSeries(one, other);
  if (!isAverage) return undefined;
  return { group: { ...one.group, aggregate: 'average' }, second: undefined, isAbsentAtZero: false };
}

function ratio(one: Grouped, other: Grouped): ReturnType<(typeof shapes)[number]> {
  const { aggregate } = one.group;
  if (aggregate !== other.group.aggregate || !aggregates[aggregate].canDivide) return undefined;
  // A first value without members is 0 in a rule, and nothing in Prometheus.
  return { group: one.group, second: other.series, isAbsentAtZero: true };
}

function newestOf(series: Value['series']): Value['series'] {
  return { ...series, type: 'instantaneous', rangeMs: undefined, percentile: undefined };
}

function hasSameSeries(one: Pick<Value, 'series'>, other: Pick<Value, 'series'>): boolean {
  return seriesKey(one.series) === seriesKey(other.series);
}
