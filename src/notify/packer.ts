import type { Notification } from '../alarm/notification.ts';
import type { SendingFacts } from '../receiver/discord/embed.ts';
import { packMessage, packStorm, plainMessage, type Message } from '../receiver/discord/message.ts';

/** So many of a storm are shown each as an embed; after them, what is due beyond ten is merged into lists. */
const stormShownMax = 20;
const stormBeyond = 10;

/** Makes one webhook's messages, and remembers how far a storm has been shown. */
export class Packer {
  /** How many of the present storm were shown as embeds. */
  #shown = 0;
  #isStorm = false;

  pack(notifications: readonly Notification[], facts: SendingFacts, isPlain: boolean): Message {
    if (isPlain) return plainMessage(notifications, facts);
    // Whatever an attempt carried, as a list or not, its repeat carries.
    if (facts.possibleRepeat) return packStorm(notifications, facts);
    this.#isStorm = notifications.length > stormBeyond;
    if (!this.#isStorm) this.#shown = 0;
    return this.#shown < stormShownMax ? packMessage(notifications, facts) : packStorm(notifications, facts);
  }

  delivered(shown: number): void {
    if (this.#isStorm) this.#shown += shown;
  }
}
