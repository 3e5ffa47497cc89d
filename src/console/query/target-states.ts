import { troubledTargets } from '../../notice/delivery-state.ts';
import { receiverNameOf } from '../../receiver/receiver-config.ts';
import { webhookName } from '../../receiver/discord/webhook-name.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';
import type { TargetState } from '../../wire/deliveries.ts';
import type { WebhookSeen } from '../live/webhooks-seen.ts';

/** The targets of a webhook or a receiver that nothing arrives at now, parked ones first. */
export function targetStates({ webhookId, paused, failing }: WebhookSeen): TargetState[] {
  const common = { webhook_id: webhookId, receiver: receiverNameOf(webhookId) };
  return troubledTargets(paused, failing).map(({ target, state, reason, sinceMs, tries, nextTryMs }) => {
    return { ...common, target, state, reason, since_ms: sinceMs, tries, next_try_ms: nextTryMs };
  });
}

/** What troubles the target that a rule's notifications under this key go to. */
export function troubleOf(seen: WebhookSeen, rule: Pick<RuleEntry, 'webhook'> | undefined): TargetState | undefined {
  const states = targetStates(seen);
  // A receiver has one target.
  if (states.length === 0 || receiverNameOf(seen.webhookId) !== undefined) return states[0];
  const name = rule?.webhook?.id === seen.webhookId ? webhookName(rule.webhook) : undefined;
  return states.find(({ target }) => target === name);
}
