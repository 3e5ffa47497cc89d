import { unreachable } from '../../base/assert.ts';
import type { OpenOptions, OpenReceiver } from '../http-client.ts';
import type { Answer, Receiver, ReceiverRequest } from '../receiver.ts';
import { discordApiBase, parseWebhookUrl, webhookAddress, type Webhook } from './address.ts';
import { actionFor, bucketWaitMs, isAlive } from './answer.ts';
import { DiscordClient } from './client.ts';
import { discordSystemMessage, packDiscord } from './message.ts';
import { webhookName } from './webhook-name.ts';

/** Discord's webhooks: of rules by `discord_webhook_url`, and of receivers of the kind `discord`. */
export function discordReceiver(
  client: Pick<DiscordClient, 'post' | 'get' | 'delete'>,
  apiBase: string = discordApiBase,
): Receiver<Webhook> {
  return {
    kind: 'discord',
    parse: ({ address }, options) => parseWebhookUrl(address, { apiBase: options.discordApiBase }),
    nameOf: webhookName,
    pack: packDiscord,
    packSystem: discordSystemMessage,
    actionFor,
    waitMsAfter: bucketWaitMs,
    isAlive,
    requestsPerSecondOf: () => undefined,
    request(webhook: Webhook, request: ReceiverRequest, late?: (answer: Answer) => void): Promise<Answer> {
      switch (request.act) {
        case 'send':
          return client.post(
            webhookAddress(webhook, apiBase, { wait: true }),
            JSON.stringify(request.message.body),
            late,
          );
        case 'probe': {
          const { id, token } = webhook;
          return client.get(webhookAddress({ id, token }, apiBase));
        }
        case 'retract':
          return client.delete(webhookAddress(webhook, apiBase, { messageId: request.messageId }));
        default:
          return unreachable(request);
      }
    },
  };
}

export function openDiscord({ version, discordApiBase: base, lookup, timing }: OpenOptions): OpenReceiver<Webhook> {
  const client = new DiscordClient({ version, privateAddresses: base !== undefined, lookup, timing });
  return {
    receiver: discordReceiver(client, base),
    // Public, and needs no token.
    warm: () => client.warm(`${(base ?? discordApiBase).replace(/\/+$/, '')}/gateway`),
    close: () => client.close(),
  };
}
