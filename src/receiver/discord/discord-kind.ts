import type { ReceiverKindSpec } from '../receiver-kind.ts';
import { maskedWebhookUrl, parseWebhookUrl } from './address.ts';

export const discordKind: ReceiverKindSpec = {
  label: 'Discord',
  addressProblem(address, { discordApiBase }) {
    const webhook = parseWebhookUrl(address, { apiBase: discordApiBase });
    return 'problem' in webhook ? webhook.problem : undefined;
  },
  maskedAddress(address) {
    const webhook = parseWebhookUrl(address);
    return 'problem' in webhook ? '****' : maskedWebhookUrl(webhook);
  },
  isSigned: false,
};
