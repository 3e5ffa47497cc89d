/**
 * The value of a group, computed afresh from all samples of its members: each sample is gone through in log order, with what the
 * group's time was then.
 */
import { exactMean } from './exact-mean.ts';
import { measureAfresh } from './oracle-measures.ts';
import { inMilliseconds, isComputedType, isNear, isOf, type OracleRule } from './oracle-rule.ts';

export interface GroupSample {
  /** The member's key, and its tags. */
  readonly member: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly timestampMs: number;
  /** All samples of the member up to this one, in log order. */
  readonly samples: readonly { readonly timestampMs: number; readonly value: number }[];
}

interface Measured {
  readonly type?: OracleRule['type'] | undefined;
  readonly window_duration_seconds?: number | undefined;
  readonly percentile?: number | undefined;
}

/** The one text of a group: its metric, and the values of the tags that make it. */
export function oracleGroupKey(rule: OracleRule, tags: ReadonlyMap<string, string>): string {
  const pairs = rule.group_by!.toSorted().map((name) => [name, tags.get(name) ?? null] as const);
  return JSON.stringify({ metric: rule.metric_name, group: Object.fromEntries(pairs) });
}

/** What a rule compares at the newest of these samples; undefined when nothing is evaluated. */
export function groupValue(rule: OracleRule, samples: readonly GroupSample[]): number | undefined {
  const { divide_by: second } = rule;
  const isWindow = (second?.type ?? rule.type ?? 'instantaneous') !== 'instantaneous';
  const secondSpec: Measured & { readonly tags: OracleRule['tags'] } = {
    tags: second?.tags ?? rule.tags,
    type: second?.type ?? rule.type,
    window_duration_seconds: isWindow ? (second?.window_duration_seconds ?? rule.window_duration_seconds) : undefined,
    percentile: rule.percentile,
  };
  const longestSeconds = Math.max(
    rule.window_duration_seconds ?? 0,
    second === undefined ? 0 : (secondSpec.window_duration_seconds ?? 0),
  );
  const staleMs = inMilliseconds(rule.stale_seconds ?? (longestSeconds > 0 ? longestSeconds : 300));
  const firsts = membersOf(samples, { ...rule, staleMs });
  const seconds = second === undefined ? undefined : membersOf(samples, { ...secondSpec, staleMs });
  const newest = samples.at(-1)!;
  const isEvaluated = firsts.evaluated.has(newest) || seconds?.evaluated.has(newest) === true;
  if (!isEvaluated) return undefined;
  const least = rule.min_series ?? 1;
  const value = aggregateOf(rule, firsts.values);
  if (seconds === undefined) return firsts.values.length < least ? undefined : value;
  if (seconds.values.length < least) return undefined;
  const divisor = aggregateOf(rule, seconds.values);
  if (divisor === undefined || divisor <= 0 || divisor < (second!.min_value ?? -Infinity)) return undefined;
  const ratio = firsts.values.length === 0 ? 0 : value! / divisor;
  return Number.isFinite(ratio) ? ratio : undefined;
}

function membersOf(
  samples: readonly GroupSample[],
  spec: Measured & { readonly tags?: OracleRule['tags'] | undefined; readonly staleMs: number },
): { readonly values: readonly number[]; readonly evaluated: ReadonlySet<GroupSample> } {
  const members = new Map<string, { value: number; atMs: number }>();
  const evaluated = new Set<GroupSample>();
  let groupMs = -Infinity;
  for (const sample of samples) {
    groupMs = Math.max(groupMs, sample.timestampMs);
    if (isOf(spec.tags, sample.tags)) {
      const value = valueAt(sample, spec);
      if (value !== undefined) {
        evaluated.add(sample);
        members.set(sample.member, { value, atMs: groupMs });
      }
    }
    // One that has left comes back only with a value of its own.
    for (const [key, { atMs }] of members) if (groupMs - atMs > spec.staleMs) members.delete(key);
  }
  return { values: [...members.values()].map(({ value }) => value), evaluated };
}

function valueAt({ samples }: GroupSample, spec: Measured): number | undefined {
  const { type = 'instantaneous', window_duration_seconds: seconds, percentile } = spec;
  if (type === 'instantaneous') return samples.at(-1)!.value;
  return measureAfresh({ type, windowMs: inMilliseconds(seconds!), percentile }, samples);
}

type Values = readonly number[];

const aggregates: Record<NonNullable<OracleRule['aggregate']>, (values: Values, wanted: number) => number> = {
  sum: (values) => exactMean(values) * values.length,
  average: (values) => exactMean(values),
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  count: (values) => values.length,
  count_where: (_values, wanted) => wanted,
  share_where: (values, wanted) => wanted / values.length,
};

function aggregateOf(rule: OracleRule, values: Values): number | undefined {
  const { aggregate, aggregate_where: where } = rule;
  if (values.length === 0 || aggregate === undefined) return undefined;
  const isComputed = isComputedType(rule.type);
  const wanted = values.filter((value) => {
    if (where === undefined || (isComputed && isNear(value, where.threshold))) return false;
    return where.operator === '>' ? value > where.threshold : value < where.threshold;
  });
  const value = aggregates[aggregate](values, wanted.length);
  return Number.isFinite(value) ? value : undefined;
}
