import { receiverContract } from '../receiver.contract.ts';

const token = 't'.repeat(68);
receiverContract({
  kind: 'discord',
  address: (origin) => `${origin}/api/v10/webhooks/123456789012345678/${token}`,
  secrets: [token],
});
