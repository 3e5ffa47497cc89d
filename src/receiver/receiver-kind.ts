import type { Networks } from './networks.ts';

/** What operators allow for the addresses of receivers. */
export interface ReceiverOptions {
  /** The operator's base in place of Discord's. */
  readonly discordApiBase?: string | undefined;
  /** Hosts and networks that webhooks may lead to although they are not public, or not https (WEBHOOK_ALLOW). */
  readonly webhookAllow?: Networks | undefined;
}

/** What a kind of receiver is to the API and the page: all of it that needs no connection. */
export interface ReceiverKindSpec {
  /** Its name at the beginning of a sentence. */
  readonly label: string;
  /** What is wrong with an address, without showing any of it. */
  addressProblem(address: string, options: ReceiverOptions): string | undefined;
  /** The address with its secret parts replaced. */
  maskedAddress(address: string): string;
  /** Whether its requests are signed with a secret. */
  readonly isSigned: boolean;
}
