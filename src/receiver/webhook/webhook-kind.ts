import type { ReceiverKindSpec } from '../receiver-kind.ts';
import { maskedAddress, parseWebhookAddress } from './address.ts';

export const webhookKind: ReceiverKindSpec = {
  label: 'The webhook',
  addressProblem(address, { webhookAllow }) {
    const parsed = parseWebhookAddress(address, webhookAllow);
    return 'problem' in parsed ? parsed.problem : undefined;
  },
  maskedAddress,
  isSigned: true,
};
