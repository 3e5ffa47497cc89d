import { createHash } from 'node:crypto';
import { webhookSecretText, type Webhook } from './address.ts';

/**
 * What may be shown of a target: `wh_` and the first 12 hex digits of the hash of the webhook's id and token, then the thread, if
 * any: `wh_0123456789ab/123456789012345678`.
 */
export function webhookName(webhook: Webhook): string {
  const name = `wh_${createHash('sha256').update(webhookSecretText(webhook)).digest('hex').slice(0, 12)}`;
  return webhook.threadId === undefined ? name : `${name}/${webhook.threadId}`;
}
