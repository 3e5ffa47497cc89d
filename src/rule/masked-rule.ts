import type { RuleEntry } from './rule-list.ts';
import type { Rule } from './rule.ts';
import { maskedWebhookUrl } from '../receiver/discord/address.ts';

/** A rule without the secret in its webhook's URL. */
export function maskedRule({ rule, webhook }: Pick<RuleEntry, 'rule' | 'webhook'>): Rule {
  if (rule.discord_webhook_url === undefined) return rule;
  return { ...rule, discord_webhook_url: webhook === undefined ? '****' : maskedWebhookUrl(webhook) };
}
