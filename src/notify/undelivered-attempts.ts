import type { Attempt } from './delivery-writer.ts';
import type { NotificationQueue } from './notification-queue.ts';

/** Only the last ones are retracted at shutdown. Older ones stay open, so the next owner marks what they carried as a possible repeat. */
const attemptsMax = 8;

/** Attempts that certainly delivered nothing: their requests were refused, or never written. */
export class UndeliveredAttempts {
  readonly #queue: NotificationQueue;
  readonly #byId = new Map<string, Attempt>();

  constructor(queue: NotificationQueue) {
    this.#queue = queue;
  }

  /** `isUndelivered`: certainly. What was sent as a possible repeat may have been delivered before, and is not. */
  note(attempt: Attempt, isUndelivered: boolean): void {
    this.#forgetFinished();
    this.#byId.delete(attempt.id);
    if (!isUndelivered) return;
    this.#byId.set(attempt.id, attempt);
    if (this.#byId.size > attemptsMax) this.#byId.delete(this.#byId.keys().next().value!);
  }

  /** What of them still waits: the next owner need neither await these attempts nor mark what they carried. */
  list(): readonly Attempt[] {
    this.#forgetFinished();
    return [...this.#byId.values()];
  }

  #forgetFinished(): void {
    for (const [id, attempt] of this.#byId) {
      const batch = attempt.batch.filter(({ notification }) => this.#queue.has(notification.id));
      if (batch.length > 0) this.#byId.set(id, { ...attempt, batch });
      else this.#byId.delete(id);
    }
  }
}
