import { actionFor, mayHaveArrived, type Answer } from '../discord/answer.ts';
import type { Attempt } from './delivery-log.ts';
import type { LaneContext } from './lane-context.ts';
import type { LaneQueue } from './lane-queue.ts';
import type { WebhookPace } from './schedule/webhook-pace.ts';

/** Of older ones the next owner is left in doubt: in an outage each try may carry something else, and all are told at the end. */
const attemptsMax = 8;
/** How long whoever gives a webhook up waits for the log to take what is said of it. */
const withdrawMsMax = 2_000;

/** Attempts of a lane of which nothing was delivered, as is known for certain: their requests were refused, or never made. */
export class Untaken {
  readonly #queue: LaneQueue;
  readonly #byId = new Map<string, Attempt>();

  constructor(queue: LaneQueue) {
    this.#queue = queue;
  }

  /** What came of an attempt; `answer` is undefined when it was not made. What is marked may have been delivered before. */
  note(attempt: Attempt, answer: Answer | undefined, isMarked: boolean): void {
    this.#forgetEnded();
    this.#byId.delete(attempt.id);
    if (isMarked || (answer !== undefined && mayHaveArrived(actionFor(answer)))) return;
    this.#byId.set(attempt.id, attempt);
    if (this.#byId.size > attemptsMax) this.#byId.delete(this.#byId.keys().next().value!);
  }

  /**
   * The webhook is given up in order: its next owner need neither wait for these, nor mark what they carried. It can do without, so nothing
   * waits long for this, and nothing fails.
   */
  async withdraw({ claim, clock, deliveries, gate }: LaneContext, pace: WebhookPace): Promise<void> {
    this.#forgetEnded();
    // Without the partition nothing more is to be said.
    if (this.#byId.size === 0 || !claim.isHeld()) return;
    const nowMs = clock.wallMs();
    const waitMs = Math.max(pace.waitMs(clock.monotonicMs()), gate.closedMs());
    const over = new AbortController();
    const told = deliveries.withdraw([...this.#byId.values()], nowMs, waitMs > 0 ? nowMs + waitMs : undefined);
    await Promise.race([told.catch(() => {}), clock.pause(withdrawMsMax, over.signal)]);
    over.abort();
  }

  #forgetEnded(): void {
    for (const [id, attempt] of this.#byId) {
      const batch = attempt.batch.filter(({ notification }) => this.#queue.has(notification.id));
      if (batch.length > 0) this.#byId.set(id, { ...attempt, batch });
      else this.#byId.delete(id);
    }
  }
}
