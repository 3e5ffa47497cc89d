// A rule while it is being written: every field as the text that stands in its input, empty meaning left out. What was
// left out stays out when it is saved, and what was typed is judged by the server, whose messages name the field.
import { isRuleType, measures } from '../../../measure/measures.ts';
import { ruleDefaults, type Rule } from '../../../rule/rule.ts';

interface TagDraft {
  readonly key: string;
  readonly value: string;
}

export interface RuleDraft {
  readonly metric_name: string;
  readonly operator: string;
  readonly threshold: string;
  readonly discord_webhook_url: string;
  readonly type: string;
  readonly window_duration_seconds: string;
  readonly for_seconds: string;
  readonly resolve_threshold: string;
  readonly trigger: string;
  readonly cooldown_seconds: string;
  readonly no_data_seconds: string;
  readonly notify_on_resolve: boolean;
  readonly enabled: boolean;
  readonly description: string;
  readonly tags: readonly TagDraft[];
}

export const emptyDraft: RuleDraft = {
  metric_name: '',
  operator: ruleDefaults.operator,
  threshold: '',
  discord_webhook_url: '',
  type: ruleDefaults.type,
  window_duration_seconds: '',
  for_seconds: '',
  resolve_threshold: '',
  trigger: 'crossing',
  cooldown_seconds: '',
  no_data_seconds: '',
  notify_on_resolve: false,
  enabled: true,
  description: '',
  tags: [],
};

const numberFields = [
  'threshold',
  'window_duration_seconds',
  'for_seconds',
  'resolve_threshold',
  'cooldown_seconds',
  'no_data_seconds',
] as const;

export function draftOf(rule: Rule): RuleDraft {
  const numbers = Object.fromEntries(
    numberFields.map((field) => [field, rule[field] === undefined ? '' : String(rule[field])]),
  );
  return {
    ...emptyDraft,
    ...(numbers as Pick<RuleDraft, (typeof numberFields)[number]>),
    metric_name: rule.metric_name,
    discord_webhook_url: rule.discord_webhook_url,
    operator: rule.operator ?? ruleDefaults.operator,
    type: rule.type ?? ruleDefaults.type,
    trigger: rule.trigger ?? ruleDefaults.trigger,
    notify_on_resolve: rule.notify_on_resolve ?? false,
    enabled: rule.enabled ?? true,
    description: rule.description ?? '',
    tags: Object.entries(rule.tags ?? {}).map(([key, value]) => ({ key, value })),
  };
}

/**
 * The fields to send. A field that the saved rule had is kept even at its usual value, since its author wrote it; all
 * others are sent only when they say something.
 */
export function fieldsOf(draft: RuleDraft, saved?: Rule): Record<string, unknown> {
  const fields: Record<string, unknown> = { metric_name: draft.metric_name };
  const had = (field: keyof Rule): boolean => saved !== undefined && Object.hasOwn(saved, field);
  for (const field of numberFields) {
    if (field === 'window_duration_seconds' && !hasWindow(draft.type)) continue;
    if (draft[field].trim() !== '') fields[field] = numberOf(draft[field]);
  }
  for (const field of ['operator', 'type', 'trigger'] as const) {
    if (draft[field] !== ruleDefaults[field] || had(field)) fields[field] = draft[field];
  }
  if (draft.notify_on_resolve || had('notify_on_resolve')) fields['notify_on_resolve'] = draft.notify_on_resolve;
  if (!draft.enabled || had('enabled')) fields['enabled'] = draft.enabled;
  if (draft.description !== '') fields['description'] = draft.description;
  const tags = draft.tags.filter(({ key, value }) => key !== '' || value !== '');
  if (tags.length > 0) fields['tags'] = Object.fromEntries(tags.map(({ key, value }) => [key, value]));
  if (draft.discord_webhook_url !== '') fields['discord_webhook_url'] = draft.discord_webhook_url.trim();
  return fields;
}

const hasWindow = (type: string): boolean => isRuleType(type) && measures[type].window !== undefined;

/** A decimal comma is what many keyboards give. What is no number stays text, and the server says so at its field. */
function numberOf(given: string): number | string {
  const text = given.trim().replace(/^(-?\d+),(\d+)$/, '$1.$2');
  const value = Number(text);
  return Number.isFinite(value) ? value : given;
}

/** The fields in which two versions of a rule differ, as texts for people. */
export function differences(mine: object, theirs: object): { field: string; mine: string; theirs: string }[] {
  const fields = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])].filter((field) => field !== 'id');
  const shown = (value: unknown, field: string): string => {
    if (value === undefined) return 'left out';
    return field === 'discord_webhook_url' ? 'another webhook' : JSON.stringify(value);
  };
  return fields
    .map((field) => ({
      field,
      a: (mine as Record<string, unknown>)[field],
      b: (theirs as Record<string, unknown>)[field],
    }))
    .filter(({ a, b }) => JSON.stringify(a) !== JSON.stringify(b))
    .map(({ field, a, b }) => ({ field, mine: shown(a, field), theirs: shown(b, field) }));
}
