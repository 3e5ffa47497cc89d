import { actionFor, mayHaveArrived, type Answer } from '../discord/answer.ts';
import type { Attempt } from './delivery-log.ts';
import type { LaneQueue } from './lane-queue.ts';

/** Attempts of a lane of which nothing was delivered, as is known for certain: their requests were refused, or never made. */
export class Untaken {
  readonly #queue: LaneQueue;
  readonly #byId = new Map<string, Attempt>();

  constructor(queue: LaneQueue) {
    this.#queue = queue;
  }

  /** What came of an attempt that carries nothing that may have been delivered before. `answer`: undefined when it was not made. */
  note(attempt: Attempt, answer: Answer | undefined): void {
    this.#forgetEnded();
    if (answer === undefined || !mayHaveArrived(actionFor(answer))) this.#byId.set(attempt.id, attempt);
    else this.#byId.delete(attempt.id);
  }

  /** Those with anything that still waits, and of each only that. */
  attempts(): Attempt[] {
    this.#forgetEnded();
    return [...this.#byId.values()];
  }

  #forgetEnded(): void {
    for (const [id, attempt] of this.#byId) {
      const batch = attempt.batch.filter(({ notification }) => this.#queue.has(notification.id));
      if (batch.length > 0) this.#byId.set(id, { ...attempt, batch });
      else this.#byId.delete(id);
    }
  }
}
