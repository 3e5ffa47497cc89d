import type { RuleType } from '../measure/measures.ts';
import type { Aggregate, AggregateWhere, DivideBy } from './aggregate.ts';
import type { Operator } from './comparison.ts';
import type { ForSamples } from './for-samples.ts';
import type { TagMatchers } from './matcher.ts';
import type { Severity } from './severity.ts';

/** Whose a rule is, such as `team: payments`. Never evaluated. */
export type Labels = Readonly<Record<string, string>>;

export type Trigger = 'crossing' | 'every_sample';

/** One of a rule's thresholds. */
export interface RuleLevel {
  readonly threshold: number;
  readonly severity?: Severity;
  readonly for_seconds?: number;
  /** In place of the rule's own receivers. */
  readonly notify?: readonly string[];
}

/**
 * A rule as it is stored, published and returned: the fields that its author gave, in the author's order, and its id
 * first. No default is filled in. `ruleFields` says what each field is.
 */
export interface Rule {
  readonly id: string;
  readonly metric_name: string;
  /** Left out of a rule with levels, and of one about absence alone. */
  readonly threshold?: number;
  /** Left out when `notify` names receivers. */
  readonly discord_webhook_url?: string;
  readonly notify?: readonly string[];
  readonly operator?: Operator;
  readonly tags?: TagMatchers;
  readonly type?: RuleType;
  readonly window_duration_seconds?: number;
  readonly percentile?: number;
  /** The tags that a group's members have in common; `[]` is one group of all series that match. */
  readonly group_by?: readonly string[];
  readonly aggregate?: Aggregate;
  readonly aggregate_where?: AggregateWhere;
  readonly min_series?: number;
  readonly stale_seconds?: number;
  readonly divide_by?: DivideBy;
  readonly cooldown_seconds?: number;
  readonly remind_seconds?: number;
  readonly trigger?: Trigger;
  readonly for_seconds?: number;
  readonly for_samples?: ForSamples;
  readonly resolve_threshold?: number;
  readonly resolve_for_seconds?: number;
  readonly notify_on_resolve?: boolean;
  readonly no_data_seconds?: number;
  readonly resolve_without_data_seconds?: number;
  readonly name?: string;
  readonly severity?: Severity;
  /** Two to four thresholds, the least severe first. */
  readonly levels?: readonly RuleLevel[];
  readonly enabled?: boolean;
  readonly description?: string;
  readonly runbook_url?: string;
  readonly labels?: Labels;
}

/** The rule's public text: its id first, then the author's fields in the author's order. */
export function formatRule(rule: Rule): string {
  const { id, ...fields } = rule;
  return JSON.stringify({ id, ...fields });
}
