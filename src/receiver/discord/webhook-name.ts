import { createHash } from 'node:crypto';
import { webhookSecretText, type Webhook } from './address.ts';

/** What may be shown of a webhook: `wh_` and the first 12 hex digits of the hash of its id and token. */
export function webhookName(webhook: Webhook): string {
  return `wh_${createHash('sha256').update(webhookSecretText(webhook)).digest('hex').slice(0, 12)}`;
}
