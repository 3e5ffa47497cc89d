// `and`, `or` and `unless` of two conditions that are one condition.
import { formOf, type TagMatcher } from '../rule/matcher.ts';
import { Untranslatable, type Binary } from './expression.ts';
import { implies, isSameLimit, positive } from './limit.ts';
import { isSameValue, seriesKey, type Condition, type Meaning, type Value } from './meaning.ts';

type SetOperator = (left: Meaning, right: Meaning, binary: Binary) => Meaning;

export const and: SetOperator = (left, right, binary) => {
  const [one, other] = conditionsOf(left, right, binary);
  const span = { from: binary.from, to: binary.to };
  if (isGuard(one, other) || isAlwaysTrue(one, other)) return { ...one, ...span };
  if (!isSameValue(one.value, other.value)) throw new Untranslatable(twoConditions(one, other), binary);
  const both = [one, other];
  const stronger = both.find((each) => both.every((weaker) => implies(each.limit, weaker.limit)));
  if (stronger === undefined)
    throw new Untranslatable('a rule has one threshold, and this is a range between two', binary);
  return { ...stronger, ...span };
};

export const or: SetOperator = (left, right, binary) => {
  const [one, other] = conditionsOf(left, right, binary);
  const span = { from: binary.from, to: binary.to };
  if (isSameValue(one.value, other.value)) {
    const both = [one, other];
    const weaker = both.find((each) => both.every((stronger) => implies(stronger.limit, each.limit)));
    if (weaker !== undefined) return { ...weaker, ...span };
    throw new Untranslatable('a rule has one threshold, and here are two', binary);
  }
  const value = unionOf(one, other);
  if (value === undefined) throw new Untranslatable(twoConditions(one, other), binary);
  return { ...one, value, ...span };
};

export const unless: SetOperator = (_left, _right, binary) => {
  throw new Untranslatable('a rule has one condition, and unless is about two', binary);
};

function conditionsOf(left: Meaning, right: Meaning, binary: Binary): readonly [Condition, Condition] {
  for (const each of [left, right]) {
    if (each.kind === 'condition' && !each.isBool) continue;
    throw new Untranslatable(`a rule has one condition, and ${binary.operator} joins two`, binary);
  }
  if (binary.matching !== undefined)
    throw new Untranslatable(`a rule has one condition, and ${binary.operator} joins two`, binary);
  return [left as Condition, right as Condition];
}

function twoConditions(one: Condition, other: Condition): string {
  const metrics = [one, other].map(({ value }) => value.series.metric);
  return metrics[0] === metrics[1]
    ? `a rule has one condition, and here are two about ${metrics[0]}`
    : `a rule is about one metric, and here are ${metrics.join(' and ')}`;
}

/** `a / b > 0.05 and b > 0`: a ratio is not evaluated while its second value is 0. */
function isGuard({ value }: Condition, { value: guard, limit }: Condition): boolean {
  const { second, group } = value;
  if (second === undefined || group === undefined || guard.second !== undefined) return false;
  const isSecond = isSameValue(guard, { ...value, series: second, second: undefined });
  return isSecond && isSameLimit(limit, positive);
}

/** `sum(x) > 5 and count(x) > 0`: where there is a value, there are members. */
function isAlwaysTrue({ value }: Condition, { value: count, limit }: Condition): boolean {
  const { group } = count;
  if (group?.aggregate !== 'count' || value.group === undefined || value.second !== undefined) return false;
  const isOfSame = isSameValue(count, { ...value, group: { ...value.group, aggregate: 'count', where: undefined } });
  return isOfSame && isSameLimit(limit, positive);
}

type Tags = Map<string, TagMatcher>;

/** Two selectors that differ in the values of one tag, under the same limit. */
function unionOf(one: Condition, other: Condition): Value | undefined {
  if (!isSameLimit(one.limit, other.limit)) return undefined;
  if (one.value.group !== undefined || one.value.second !== undefined) return undefined;
  const [tags, more] = [one, other].map(({ value }) => new Map(Object.entries(value.series.tags))) as [Tags, Tags];
  const differing = [...new Set([...tags.keys(), ...more.keys()])].filter(
    (key) => JSON.stringify(tags.get(key)) !== JSON.stringify(more.get(key)),
  );
  const [key] = differing;
  if (key === undefined || differing.length > 1) return undefined;
  const values = [tags.get(key), more.get(key)].map(valuesOf);
  if (values.some((each) => each === undefined)) return undefined;
  tags.set(key, [...new Set(values.flatMap((each) => each!))]);
  const series = { ...one.value.series, tags: Object.fromEntries(tags) };
  const isSame = seriesKey({ ...one.value.series, tags: {} }) === seriesKey({ ...other.value.series, tags: {} });
  const isPlain = other.value.group === undefined && other.value.second === undefined;
  return isSame && isPlain ? { ...one.value, series } : undefined;
}

function valuesOf(tag: TagMatcher | undefined): readonly string[] | undefined {
  if (tag === undefined) return undefined;
  const form = formOf(tag);
  return form.kind === 'is' ? [form.value] : form.kind === 'one_of' ? form.values : undefined;
}
