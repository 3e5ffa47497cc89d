import type { Notification } from '../alarm/notification.ts';
import type { RuleBook } from '../rule/rule-book.ts';
import type { Webhook } from '../rule/webhook-url.ts';
import { rememberedMs } from './delivery-log.ts';

/** What is to be done with a notification that has not ended, and why. */
export type Verdict =
  | { readonly kind: 'send'; readonly webhook: Webhook }
  /** The rule as this process knows it is older than the notification: its change is on the way. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'expired'; readonly reason: string }
  | { readonly kind: 'dead'; readonly reason: string }
  | { readonly kind: 'rerouted'; readonly webhook: Webhook };

/** Rules are in force everywhere within a second; a rule that is unknown for longer than this was deleted. */
const ruleAwaitedMs = 10_000;

/** `webhookId` is the key under which the notification stands in the log. */
export function verdictOn(
  { notification, webhookId, appendedMs }: { notification: Notification; webhookId: string; appendedMs: number },
  book: RuleBook,
  nowMs: number,
): Verdict {
  const ageMs = nowMs - appendedMs;
  if (ageMs > rememberedMs) return { kind: 'expired', reason: 'older than 24 h' };
  const rule = book.get(notification.ruleId);
  const { partition, offset } = notification.ruleVersion;
  const isBehind = rule === undefined || (rule.partition === partition && rule.offset < offset);
  if (isBehind && ageMs < ruleAwaitedMs) return { kind: 'wait' };
  if (rule === undefined) return { kind: 'dead', reason: 'its rule was deleted before it could be delivered' };
  if (rule.webhook.id !== webhookId) return { kind: 'rerouted', webhook: rule.webhook };
  return { kind: 'send', webhook: rule.webhook };
}
