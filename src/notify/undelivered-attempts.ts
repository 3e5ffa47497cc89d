import type { Attempt, Waiting } from './delivery-writer.ts';

/** Only the last ones are retracted at shutdown. Older ones stay open, so the next owner marks what they carried as a possible repeat. */
const attemptsMax = 8;

/** Attempts that certainly delivered nothing: their requests were refused, or never written. */
export class UndeliveredAttempts {
  readonly #isWaiting: (waiting: Waiting) => boolean;
  readonly #byId = new Map<string, { readonly attempt: Attempt; readonly target: string }>();

  constructor(isWaiting: (waiting: Waiting) => boolean) {
    this.#isWaiting = isWaiting;
  }

  /** `isUndelivered`: certainly. What was sent as a possible repeat may have been delivered before, and is not. */
  note(attempt: Attempt, target: string, isUndelivered: boolean): void {
    this.#forgetFinished();
    this.#byId.delete(attempt.id);
    if (!isUndelivered) return;
    this.#byId.set(attempt.id, { attempt, target });
    if (this.#byId.size > attemptsMax) this.#byId.delete(this.#byId.keys().next().value!);
  }

  /** What of them still waits: the next owner need neither await these attempts nor mark what they carried. */
  list(): readonly { readonly attempt: Attempt; readonly target: string }[] {
    this.#forgetFinished();
    return [...this.#byId.values()];
  }

  #forgetFinished(): void {
    for (const [id, { attempt, target }] of this.#byId) {
      const batch = attempt.batch.filter(this.#isWaiting);
      if (batch.length > 0) this.#byId.set(id, { attempt: { ...attempt, batch }, target });
      else this.#byId.delete(id);
    }
  }
}
