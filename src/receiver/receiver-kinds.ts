import { discordKind } from './discord/discord-kind.ts';
import type { ReceiverKindSpec } from './receiver-kind.ts';
import { webhookKind } from './webhook/webhook-kind.ts';

/** All kinds of receivers. A new one is a folder, a line here, and a line in receivers.ts, which the compiler asks for. */
export const receiverKindSpecs = {
  discord: discordKind,
  webhook: webhookKind,
} as const satisfies Record<string, ReceiverKindSpec>;

export type ReceiverKind = keyof typeof receiverKindSpecs;

export const receiverKinds = Object.keys(receiverKindSpecs) as readonly ReceiverKind[] as readonly [
  ReceiverKind,
  ...ReceiverKind[],
];
