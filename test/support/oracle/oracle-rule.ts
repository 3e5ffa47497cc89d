import type { OracleType } from './oracle-measures.ts';

/**
 * A rule's JSON and what its fields mean when they are left out, declared anew: the oracle shares no code with what it
 * judges.
 */
export interface OracleRule {
  readonly id: string;
  readonly metric_name: string;
  readonly threshold?: number;
  readonly levels?: readonly OracleRuleLevel[];
  readonly discord_webhook_url?: string;
  readonly notify?: readonly string[];
  readonly operator?: OracleOperator;
  readonly tags?: Readonly<Record<string, OracleMatcher>>;
  readonly type?: 'instantaneous' | OracleType;
  readonly window_duration_seconds?: number;
  readonly percentile?: number;
  readonly cooldown_seconds?: number;
  readonly remind_seconds?: number;
  readonly trigger?: 'crossing' | 'every_sample';
  readonly for_seconds?: number;
  readonly for_samples?: { readonly breaches: number; readonly of: number };
  readonly resolve_threshold?: number;
  readonly resolve_for_seconds?: number;
  readonly notify_on_resolve?: boolean;
  readonly no_data_seconds?: number;
  readonly resolve_without_data_seconds?: number;
  readonly enabled?: boolean;
  readonly description?: string;
  readonly group_by?: readonly string[];
  readonly aggregate?: 'sum' | 'average' | 'min' | 'max' | 'count' | 'count_where' | 'share_where';
  readonly aggregate_where?: { readonly operator: '>' | '<'; readonly threshold: number };
  readonly min_series?: number;
  readonly stale_seconds?: number;
  readonly divide_by?: OracleRatio;
}

export interface OracleRatio {
  readonly tags?: Readonly<Record<string, string>>;
  readonly type?: OracleRule['type'];
  readonly window_duration_seconds?: number;
  readonly min_value?: number;
}

interface OracleRuleLevel {
  readonly threshold: number;
  readonly severity?: string;
  readonly for_seconds?: number;
  readonly notify?: readonly string[];
}

/** Seconds as milliseconds; fractions of a microsecond are what a product of doubles adds. */
export function inMilliseconds(seconds: number): number {
  return Number((seconds * 1_000).toFixed(6));
}

export type OracleOperator = '>' | '>=' | '<' | '<=' | '==' | '!=';

/** Values that somebody sent, and numbers of samples. */
const exactTypes: readonly OracleRule['type'][] = [
  undefined,
  'instantaneous',
  ...(['window_min', 'window_max', 'window_count', 'window_changes'] as const),
];

/** What is computed is equal to a threshold that it is within a billionth of; others are only to themselves. */
function isEqual(rule: OracleRule, x: number, threshold: number): boolean {
  const isOfGroup = ['sum', 'average', 'share_where'].includes(rule.aggregate ?? '') || rule.divide_by !== undefined;
  return isOfGroup || !exactTypes.includes(rule.type) ? isNear(x, threshold) : x === threshold;
}

export function isComputedType(type: OracleRule['type']): boolean {
  return !exactTypes.includes(type);
}

export function isNear(x: number, threshold: number): boolean {
  return Math.abs(x - threshold) <= Math.abs(threshold) / 1e9;
}

/** What holds below, at and above the threshold: b is a breach. */
const breaches: Record<OracleOperator, string> = {
  '>': '--b',
  '>=': '-bb',
  '<': 'b--',
  '<=': 'bb-',
  '==': '-b-',
  '!=': 'b-b',
};

export type Standing = 'breach' | 'clear' | 'between';

/** In breach as the operator says; clear at the resolve threshold or on its far side; else between the two. */
export function standingOf(rule: OracleRule, x: number): Standing {
  const { operator = '>', threshold, resolve_threshold: resolve = threshold } = rule;
  if (threshold === undefined || resolve === undefined) return 'clear';
  const place = isEqual(rule, x, threshold) ? 1 : x < threshold ? 0 : 2;
  if (breaches[operator][place] === 'b') return 'breach';
  if (resolve === threshold || isEqual(rule, x, resolve)) return 'clear';
  return resolve < threshold === x < resolve ? 'clear' : 'between';
}

/** The last values, each in breach or not, as they stand after one more; none before the first in breach. */
export function recentOf(
  rule: OracleRule,
  before: readonly boolean[] | undefined,
  isBreach: boolean,
): boolean[] | undefined {
  if (rule.for_samples === undefined) return undefined;
  const values = [...(before ?? []), isBreach];
  while (values.length > rule.for_samples.of || values[0] === false) values.shift();
  return values.length === 0 ? undefined : values;
}

export function breachesIn(recent: readonly boolean[] | undefined): number {
  return (recent ?? []).filter((isBreach) => isBreach).length;
}

export function isEnabled(rule: OracleRule): boolean {
  return rule.enabled ?? true;
}

interface OracleMatcherObject {
  readonly like?: string;
  readonly exists?: boolean;
  readonly not?: OracleMatcher;
}
export type OracleMatcher = string | readonly string[] | OracleMatcherObject;

/** The names are equal, and every entry of the rule's tags holds, or of what it divides by. */
export function isMatch(rule: OracleRule, name: string, tags: ReadonlyMap<string, string>): boolean {
  if (rule.metric_name !== name) return false;
  return isOf(rule.tags, tags) || (rule.divide_by !== undefined && isOf(rule.divide_by.tags ?? rule.tags, tags));
}

export function isOf(wanted: OracleRule['tags'], tags: ReadonlyMap<string, string>): boolean {
  return Object.entries(wanted ?? {}).every(([key, matcher]) => isMatcherTrue(matcher, tags.get(key)));
}

function isMatcherTrue(matcher: OracleMatcher, value: string | undefined): boolean {
  if (Array.isArray(matcher)) return matcher.some((one: string) => one === value);
  if (typeof matcher === 'string') return matcher === value;
  const { like, exists, not } = matcher as OracleMatcherObject;
  if (exists !== undefined) return exists ? value !== undefined : value === undefined;
  if (not !== undefined) return !isMatcherTrue(not, value);
  return value !== undefined && like !== undefined && isLike(like.split(''), value.split(''));
}

/** A letter at a time. */
function isLike(pattern: readonly string[], text: readonly string[]): boolean {
  const [first, second] = pattern;
  if (first === undefined) return text.length === 0;
  if (first === '*') return isLike(pattern.slice(1), text) || (text.length > 0 && isLike(pattern, text.slice(1)));
  const isStar = first === '\\' && second === '*';
  return text[0] === (isStar ? '*' : first) && isLike(pattern.slice(isStar ? 2 : 1), text.slice(1));
}

const hoursForgotten = 24;

/** After so long a silence nothing is known of a series as far as this rule goes. */
export function forgottenAfterMs(rule: OracleRule): number {
  return Math.max(hoursForgotten * 3_600_000, 4 * inMilliseconds(rule.no_data_seconds ?? 0));
}

/** Undefined when the newest sample alone is compared. */
export function windowTypeOf({ type = 'instantaneous' }: OracleRule): OracleType | undefined {
  return type === 'instantaneous' ? undefined : type;
}
