import type { Notification } from '../alarm/notification.ts';
import type { Destination, Packed, SendingFacts } from '../receiver/receiver.ts';
import type { Waiting } from './delivery-writer.ts';
import type { TargetSending } from './fate.ts';
import type { WebhookPace } from './schedule/webhook-pace.ts';
import {
  isPlain,
  ready,
  reservedBy,
  senderAfter,
  shownBy,
  type SenderEvent,
  type SenderState,
} from './sender-state.ts';

/** One target of a key, as its sender knows it: a channel or a thread under one secret. What goes wrong with it concerns it alone. */
export class Target {
  readonly name: string;
  /** The back-off that follows its failures. */
  readonly pace: WebhookPace;
  /** How many of the present storm were shown one by one; undefined: there is none. */
  storm: number | undefined;
  /** When it was sent to last, as a count of messages. */
  turn = 0;
  #state: SenderState = ready;

  constructor(name: string, pace: WebhookPace) {
    this.name = name;
    this.pace = pace;
  }

  get state(): SenderState {
    return this.#state;
  }

  sending(nowMs: number): TargetSending {
    return { state: this.#state, waitMs: this.pace.waitMs(nowMs), turn: this.turn };
  }

  /** The next message to it, from the due notifications. */
  pack(
    due: readonly Waiting[],
    destination: Destination,
    sending: Pick<SendingFacts, 'possibleRepeat' | 'nowMs' | 'consoleUrl'>,
  ): Packed {
    const appended = new Map(due.map(({ notification, appendedMs }) => [notification, appendedMs]));
    // It was appended as soon as it was evaluated.
    const judgedMs = (notification: Notification): number | undefined => appended.get(notification);
    const facts = { ...sending, judgedMs, storm: this.storm, shown: shownBy(this.#state) };
    const message = destination.pack([...appended.keys()], facts, isPlain(this.#state) ? 'plain' : 'full');
    this.storm = message.storm;
    return message;
  }

  note(event: SenderEvent): void {
    this.#state = senderAfter(this.#state, event);
  }

  /** These have left: what the state says of them is over. */
  noteEnded(ids: ReadonlySet<string>): void {
    if (reservedBy(this.#state).some((id) => ids.has(id))) this.note({ kind: 'ended', ids });
  }
}
