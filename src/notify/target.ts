import type { TargetSending } from './fate.ts';
import type { WebhookPace } from './schedule/webhook-pace.ts';
import { ready, reservedBy, senderAfter, type SenderEvent, type SenderState } from './sender-state.ts';

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

  note(event: SenderEvent): void {
    this.#state = senderAfter(this.#state, event);
  }

  /** These have left: what the state says of them is over. */
  noteEnded(ids: ReadonlySet<string>): void {
    if (reservedBy(this.#state).some((id) => ids.has(id))) this.note({ kind: 'ended', ids });
  }
}
