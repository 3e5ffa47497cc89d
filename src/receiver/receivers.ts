import type { LookupFunction } from 'node:net';
import { DiscordClient } from './discord/client.ts';
import { discordReceiver } from './discord/discord-receiver.ts';
import type { Webhook } from './discord/address.ts';
import { HttpClient, type ClientTiming } from './http-client.ts';
import { isAllowedAddress, isPrivateAddress, noNetworks } from './networks.ts';
import { destinationOf, type Destination, type Receiver } from './receiver.ts';
import type { ReceiverConfig, ReceiverKind, ReceiverOptions } from './receiver-config.ts';
import { webhookReceiver, type WebhookTarget } from './webhook/webhook-receiver.ts';

/** The target of each kind. */
interface Targets extends Record<ReceiverKind, unknown> {
  readonly discord: Webhook;
  readonly webhook: WebhookTarget;
}

/** All kinds of receivers there are. */
export type Receivers = { readonly [Kind in ReceiverKind]: Receiver<Targets[Kind]> };

export interface ReceiversOptions extends ReceiverOptions {
  readonly version: string;
  /** The wall clock, for signatures. */
  readonly nowMs: () => number;
  /** For tests. */
  readonly lookup?: LookupFunction;
  readonly timing?: Partial<ClientTiming>;
}

/** The receivers of one process, and their connections. */
export function openReceivers(options: ReceiversOptions): { readonly receivers: Receivers; close(): Promise<void> } {
  const { version, nowMs, discordApiBase, webhookAllow = noNetworks, lookup, timing } = options;
  const discord = new DiscordClient({
    version,
    privateAddresses: discordApiBase !== undefined,
    ...(lookup !== undefined && { lookup }),
    ...(timing !== undefined && { timing }),
  });
  const webhook = new HttpClient({
    userAgent: `ssrms/${version} (https://www.npmjs.com/package/ssrms)`,
    mayConnect: (hostname, address) =>
      !isPrivateAddress(address) ||
      isAllowedAddress(address, webhookAllow) ||
      [...webhookAllow.hosts].some((host) => host.replace(/:\d+$/, '') === hostname.toLowerCase()),
    lookup,
    timing,
  });
  return {
    receivers: {
      discord: discordReceiver(discord, discordApiBase),
      webhook: webhookReceiver(webhook, nowMs),
    },
    async close() {
      await Promise.all([discord.close(), webhook.close()]);
    },
  };
}

/** What a named receiver sends to, or what is wrong with its address, without showing any of it. */
export function destinationOfConfig(
  receivers: Receivers,
  config: ReceiverConfig,
  options: ReceiverOptions = {},
): Destination | { readonly problem: string } {
  const bound = <Target extends object>(receiver: Receiver<Target>): Destination | { readonly problem: string } => {
    const target = receiver.parse(config, options);
    return 'problem' in target ? { problem: target.problem } : destinationOf(receiver, target);
  };
  const byKind: Record<ReceiverKind, () => Destination | { readonly problem: string }> = {
    discord: () => bound(receivers.discord),
    webhook: () => bound(receivers.webhook),
  };
  return byKind[config.kind]();
}
