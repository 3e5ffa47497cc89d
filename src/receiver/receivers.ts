import type { LookupFunction } from 'node:net';
import { DiscordClient } from './discord/client.ts';
import { discordReceiver } from './discord/discord-receiver.ts';
import type { Webhook } from './discord/address.ts';
import { HttpClient, type ClientTiming } from './http-client.ts';
import { isAllowedAddress, isPrivateAddress, noNetworks } from './networks.ts';
import { destinationOf, type Destination, type Receiver } from './receiver.ts';
import type { ReceiverConfig } from './receiver-config.ts';
import type { ReceiverOptions } from './receiver-kind.ts';
import { receiverKinds, type ReceiverKind } from './receiver-kinds.ts';
import { webhookReceiver, type WebhookTarget } from './webhook/webhook-receiver.ts';

export interface ReceiversOptions extends ReceiverOptions {
  readonly version: string;
  /** The wall clock, for signatures. */
  readonly nowMs: () => number;
  /** For tests. */
  readonly lookup?: LookupFunction;
  readonly timing?: Partial<ClientTiming>;
}

/** Opens each kind of receiver: what it talks with, and how that is closed. */
const openers = {
  discord: openDiscord,
  webhook: openWebhook,
} as const satisfies Record<ReceiverKind, (options: ReceiversOptions) => OpenReceiver<object>>;

interface OpenReceiver<Target> {
  readonly receiver: Receiver<Target>;
  close(): Promise<void>;
}

/** All kinds of receivers there are. */
export type Receivers = { readonly [Kind in ReceiverKind]: ReturnType<(typeof openers)[Kind]>['receiver'] };

/** The receivers of one process, and their connections. */
export function openReceivers(options: ReceiversOptions): { readonly receivers: Receivers; close(): Promise<void> } {
  const opened = receiverKinds.map((kind) => [kind, openers[kind](options)] as const);
  return {
    receivers: Object.fromEntries(opened.map(([kind, { receiver }]) => [kind, receiver])) as unknown as Receivers,
    async close() {
      await Promise.all(opened.map(([, open]) => open.close()));
    },
  };
}

/** What a named receiver sends to, or what is wrong with its address, without showing any of it. */
export function destinationOfConfig(
  receivers: Receivers,
  config: ReceiverConfig,
  options: ReceiverOptions = {},
): Destination | { readonly problem: string } {
  // Each kind is given only the targets that it has parsed itself.
  const receiver = receivers[config.kind] as Receiver<object>;
  const target = receiver.parse(config, options);
  return 'problem' in target ? { problem: target.problem } : destinationOf(receiver, target);
}

function openDiscord({ version, discordApiBase, lookup, timing }: ReceiversOptions): OpenReceiver<Webhook> {
  const client = new DiscordClient({
    version,
    privateAddresses: discordApiBase !== undefined,
    ...(lookup !== undefined && { lookup }),
    ...(timing !== undefined && { timing }),
  });
  return { receiver: discordReceiver(client, discordApiBase), close: () => client.close() };
}

function openWebhook(options: ReceiversOptions): OpenReceiver<WebhookTarget> {
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
