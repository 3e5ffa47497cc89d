/**
 * A rule's JSON and what its fields mean when they are left out, declared anew: the oracle shares no code with what it
 * judges.
 */
export interface OracleRule {
  readonly id: string;
  readonly metric_name: string;
  readonly threshold: number;
  readonly discord_webhook_url?: string;
  readonly notify?: readonly string[];
  readonly operator?: OracleOperator;
  readonly tags?: Readonly<Record<string, string>>;
  readonly type?: 'instantaneous' | 'window_average';
  readonly window_duration_seconds?: number;
  readonly cooldown_seconds?: number;
  readonly remind_seconds?: number;
  readonly trigger?: 'crossing' | 'every_sample';
  readonly for_seconds?: number;
  readonly resolve_threshold?: number;
  readonly notify_on_resolve?: boolean;
  readonly no_data_seconds?: number;
  readonly enabled?: boolean;
  readonly description?: string;
}

/** Seconds as milliseconds; fractions of a microsecond are what a product of doubles adds. */
export function inMilliseconds(seconds: number): number {
  return Number((seconds * 1_000).toFixed(6));
}

export type OracleOperator = '>' | '>=' | '<' | '<=' | '==' | '!=';

/** A mean is equal to a threshold that it is within a billionth of; a sample only to itself. */
function isEqual(rule: OracleRule, x: number, threshold: number): boolean {
  return rule.type === 'window_average' ? Math.abs(x - threshold) <= Math.abs(threshold) / 1e9 : x === threshold;
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
  const place = isEqual(rule, x, threshold) ? 1 : x < threshold ? 0 : 2;
  if (breaches[operator][place] === 'b') return 'breach';
  if (resolve === threshold || isEqual(rule, x, resolve)) return 'clear';
  return resolve < threshold === x < resolve ? 'clear' : 'between';
}

export function isEnabled(rule: OracleRule): boolean {
  return rule.enabled ?? true;
}

/** The names are equal, and every tag of the rule is a tag of the series with the same value. */
export function isMatch(rule: OracleRule, name: string, tags: ReadonlyMap<string, string>): boolean {
  if (rule.metric_name !== name) return false;
  return Object.entries(rule.tags ?? {}).every(([key, value]) => tags.get(key) === value);
}

const hoursForgotten = 24;

/** After so long a silence nothing is known of a series as far as this rule goes. */
export function forgottenAfterMs(rule: OracleRule): number {
  return Math.max(hoursForgotten * 3_600_000, 4 * inMilliseconds(rule.no_data_seconds ?? 0));
}
