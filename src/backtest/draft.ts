import { fieldsFailure } from '../base/failure.ts';
import { parseRule } from '../rule/parse-rule.ts';
import { isRuleId } from '../rule/rule-id.ts';
import type { Rule } from '../rule/rule.ts';
import { noWebhook } from './backtest.ts';

const draftId = '00000000-0000-4000-8000-000000000000';

/** The rule, its id kept, so that its alarms are named as they really would be; its webhook is of no matter. */
export function draftOf(given: unknown): Rule {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw fieldsFailure([{ field: 'rule', code: 'missing_field', message: 'rule is missing: it must be an object' }]);
  const { id, ...fields } = given as Record<string, unknown>;
  const known = typeof id === 'string' && isRuleId(id) ? id : draftId;
  return parseRule({ ...fields, discord_webhook_url: noWebhook }, { id: known, idInInput: 'optional' });
}
