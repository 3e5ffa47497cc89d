import { openDiscord } from './discord/discord-receiver.ts';
import type { OpenOptions, OpenReceiver } from './http-client.ts';
import { destinationOf, type Destination, type Receiver } from './receiver.ts';
import type { ReceiverConfig } from './receiver-config.ts';
import type { ReceiverOptions } from './receiver-kind.ts';
import { receiverKinds, type ReceiverKind } from './receiver-kinds.ts';
import { openWebhook } from './webhook/webhook-receiver.ts';

/** Opens each kind of receiver: what it talks with, and how that is closed. */
const openers = {
  discord: openDiscord,
  webhook: openWebhook,
} as const satisfies Record<ReceiverKind, (options: OpenOptions) => OpenReceiver<object>>;

/** All kinds of receivers there are. */
export type Receivers = { readonly [Kind in ReceiverKind]: ReturnType<(typeof openers)[Kind]>['receiver'] };

/** The receivers of one process, and their connections. `warm`: of each kind that has it (OpenReceiver). */
export function openReceivers(options: OpenOptions): {
  readonly receivers: Receivers;
  readonly warm: readonly { readonly kind: ReceiverKind; readonly warm: () => Promise<number> }[];
  close(): Promise<void>;
} {
  const opened = receiverKinds.map((kind) => [kind, openers[kind](options)] as const);
  return {
    receivers: Object.fromEntries(opened.map(([kind, { receiver }]) => [kind, receiver])) as unknown as Receivers,
    warm: opened.flatMap(([kind, open]) => {
      const { warm } = open as OpenReceiver<object>;
      return warm === undefined ? [] : [{ kind, warm }];
    }),
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
