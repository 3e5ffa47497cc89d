/**
 * Generic webhooks: JSON (body.ts) by POST, signed as Standard Webhooks 1.0 says (https://www.standardwebhooks.com), so that its
 * libraries can verify it:
 *
 *   webhook-id          the idempotency key, the same for each repeat
 *   webhook-timestamp   seconds since the epoch, of this request
 *   webhook-signature   v1,<base64 of HMAC-SHA256 over "id.timestamp.body">
 *   idempotency-key     as webhook-id: the notification's id, or the batch's when the request carries several
 *
 * The key of the HMAC is the receiver's secret: the bytes that follow `whsec_` in base64, or the text itself.
 */
import { createHash, createHmac } from 'node:crypto';
import { unreachable } from '../../base/assert.ts';
import type { Answer, Receiver, ReceiverRequest } from '../receiver.ts';
import { HttpClient, type OpenOptions, type OpenReceiver } from '../http-client.ts';
import { isAllowedAddress, isPrivateAddress, noNetworks } from '../networks.ts';
import { parseWebhookAddress } from './address.ts';
import { webhookActionFor, webhookWaitMs } from './answer.ts';
import { bodyVersion, notificationsDefault, packWebhook, webhookSystemMessage } from './body.ts';

export interface WebhookTarget {
  /** A secret, as the next. */
  readonly url: string;
  readonly secret: string;
  readonly requestsPerMinute: number;
  readonly notificationsPerRequest: number;
}

const requestsPerMinuteDefault = 600;

/** `nowMs`: the wall clock, which the receiver compares with its own. */
export function webhookReceiver(client: Pick<HttpClient, 'request'>, nowMs: () => number): Receiver<WebhookTarget> {
  return {
    kind: 'webhook',
    parse({ address, secret, limits }, options) {
      const parsed = parseWebhookAddress(address, options.webhookAllow);
      if ('problem' in parsed) return parsed;
      if (secret === undefined) return { problem: 'has no secret to sign with' };
      return {
        url: parsed.url,
        secret,
        requestsPerMinute: limits.requestsPerMinute ?? requestsPerMinuteDefault,
        notificationsPerRequest: limits.notificationsPerRequest ?? notificationsDefault,
      };
    },
    nameOf({ url, secret }) {
      return `wh_${createHash('sha256').update(`${url}\n${secret}`).digest('hex').slice(0, 12)}`;
    },
    packSystem: webhookSystemMessage,
    pack: (due, facts, form, target) => packWebhook(due, facts, form, target.notificationsPerRequest),
    actionFor: webhookActionFor,
    waitMsAfter: webhookWaitMs,
    isAlive: (answer) => answer.kind === 'answered' && answer.status >= 200 && answer.status < 300,
    requestsPerSecondOf: ({ requestsPerMinute }) => requestsPerMinute / 60,
    request(target: WebhookTarget, request: ReceiverRequest, late?: (answer: Answer) => void): Promise<Answer> {
      const timestamp = Math.floor(nowMs() / 1_000);
      switch (request.act) {
        case 'send': {
          const { idempotencyKey: id, message } = request;
          const { version, type, ...rest } = message.body as Record<string, unknown>;
          return post(client, target, { id, timestamp, body: { version, type, id, ...rest } }, late);
        }
        case 'probe': {
          const id = `ping-${timestamp}`;
          return post(client, target, { id, timestamp, body: { version: bodyVersion, type: 'ping', id } });
        }
        case 'retract':
          // Repeats are recognized by their key: there is nothing to delete.
          return Promise.resolve({ kind: 'not_sent', reason: 'a webhook takes nothing back' });
        default:
          return unreachable(request);
      }
    },
  };
}

function post(
  client: Pick<HttpClient, 'request'>,
  { url, secret }: WebhookTarget,
  { id, timestamp, body }: { readonly id: string; readonly timestamp: number; readonly body: object },
  late?: (answer: Answer) => void,
): Promise<Answer> {
  const text = JSON.stringify(body);
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatureOf(secret, `${id}.${timestamp}.${text}`),
    'idempotency-key': id,
  };
  return client.request({ method: 'POST', url, headers, body: text }, late);
}

function signatureOf(secret: string, signed: string): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret);
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}

export function openWebhook(options: OpenOptions): OpenReceiver<WebhookTarget> {
  const { version, nowMs, webhookAllow = noNetworks, lookup, timing } = options;
  const hosts = new Set([...webhookAllow.hosts].map((host) => host.replace(/:\d+$/, '')));
  const client = new HttpClient({
    userAgent: `ssrms/${version} (https://www.npmjs.com/package/ssrms)`,
    mayConnect: (hostname, address) =>
      !isPrivateAddress(address) || isAllowedAddress(address, webhookAllow) || hosts.has(hostname.toLowerCase()),
    lookup,
    timing,
  });
  return { receiver: webhookReceiver(client, nowMs), close: () => client.close() };
}
