import type { RuleType } from '../measure/measures.ts';
import { noTags, type Tags } from '../metric/sample.ts';
import type { Operator } from './comparison.ts';

export const triggers = ['crossing', 'every_sample'] as const;

type Trigger = (typeof triggers)[number];

export const windowSecondsMax = 86_400;
export const descriptionCharactersMax = 1_000;

/**
 * A rule as it is stored, published and returned: the fields that its author gave, in the author's order, and its id
 * first. No default is filled in. What each field means is in docs: "What a rule means". `discord_webhook_url` is a secret.
 */
export interface Rule {
  readonly id: string;
  readonly metric_name: string;
  readonly threshold: number;
  readonly discord_webhook_url: string;
  readonly operator?: Operator;
  readonly tags?: Tags;
  readonly type?: RuleType;
  readonly window_duration_seconds?: number;
  readonly cooldown_seconds?: number;
  readonly trigger?: Trigger;
  readonly for_seconds?: number;
  readonly resolve_threshold?: number;
  readonly notify_on_resolve?: boolean;
  readonly no_data_seconds?: number;
  readonly enabled?: boolean;
  readonly description?: string;
}

/** What a field means when its author left it out. `resolve_threshold` is then the threshold itself. */
export const ruleDefaults = {
  operator: '>',
  tags: noTags,
  type: 'instantaneous',
  cooldown_seconds: 0,
  trigger: 'crossing',
  for_seconds: 0,
  notify_on_resolve: false,
  enabled: true,
} as const satisfies Partial<Rule>;

/** The rule's public text: its id first, then the author's fields in the author's order. */
export function formatRule(rule: Rule): string {
  const { id, ...fields } = rule;
  return JSON.stringify({ id, ...fields });
}
