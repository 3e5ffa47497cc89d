import { assert } from '../base/assert.ts';
import { destinationOf, type Destination } from '../receiver/receiver.ts';
import type { ReceiverBook, ReceiverEntry } from '../receiver/receiver-book.ts';
import type { ReceiverConfig } from '../receiver/receiver-config.ts';
import type { ReceiverOptions } from '../receiver/receiver-kind.ts';
import { destinationOfConfig, type Receivers } from '../receiver/receivers.ts';
import type { ReceiverKind } from '../receiver/receiver-kinds.ts';
import type { RuleBook } from '../rule/rule-book.ts';
import type { Webhook } from '../receiver/discord/address.ts';

/** Finds where a notification goes: to the Discord webhook of its rule, or to a named receiver as the book has it now. */
export class Destinations {
  readonly #receivers: Receivers;
  readonly #book: ReceiverBook | undefined;
  readonly #options: ReceiverOptions;
  /** Made once for each webhook of the rule book and each version of a receiver. */
  readonly #known = new WeakMap<Webhook | ReceiverEntry, Destination>();

  constructor(receivers: Receivers, book?: ReceiverBook, options: ReceiverOptions = {}) {
    this.#receivers = receivers;
    this.#book = book;
    this.#options = options;
  }

  ofWebhook(webhook: Webhook): Destination {
    return this.#once(webhook, () => destinationOf(this.#receivers.discord, webhook));
  }

  /** Undefined when there is no such receiver. */
  ofReceiver(name: string): Destination | undefined {
    const entry = this.#book?.get(name);
    return entry && this.#once(entry, () => this.#named(entry.config));
  }

  /** Whether anything may be due to a target of this kind. */
  isUsed(kind: ReceiverKind, rules: Pick<RuleBook, 'hasWebhooks'>): boolean {
    if (kind === this.#receivers.discord.kind && rules.hasWebhooks) return true;
    return [...(this.#book ?? [])].some(({ config }) => config.kind === kind);
  }

  #named(config: ReceiverConfig): Destination {
    const destination = destinationOfConfig(this.#receivers, config, this.#options);
    // The book holds only what its kind could parse.
    assert(!('problem' in destination), 'a receiver of the book has a target');
    return destination;
  }

  #once(what: Webhook | ReceiverEntry, make: () => Destination): Destination {
    const known = this.#known.get(what) ?? make();
    this.#known.set(what, known);
    return known;
  }
}
