import type { Waiting } from './delivery-log.ts';

/** What waits in a lane, in the order of offsets; each notification once, but for one that was let go and came back. */
export class LaneQueue implements Iterable<Waiting> {
  readonly #waiting: Waiting[] = [];
  /** By id, where it stands: the evaluator may append one twice. */
  readonly #ids = new Map<string, number>();

  get size(): number {
    return this.#waiting.length;
  }

  get oldest(): Waiting | undefined {
    return this.#waiting[0];
  }

  /** Where the first stands that the position waits for. */
  get oldestHeld(): Waiting | undefined {
    return this.#waiting.find((waiting) => waiting.holds);
  }

  has(notificationId: string): boolean {
    return this.#ids.has(notificationId);
  }

  firstOf(notificationIds: ReadonlySet<string>): Waiting | undefined {
    return this.#waiting.find(({ notification }) => notificationIds.has(notification.id));
  }

  [Symbol.iterator](): IterableIterator<Waiting> {
    return this.#waiting[Symbol.iterator]();
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#ids.set(waiting.notification.id, waiting.offset);
  }

  /** It is on its way elsewhere: a later record of it is one that came back. */
  letGo({ notification }: Waiting): void {
    this.#ids.delete(notification.id);
  }

  /** Returns how many have left. */
  remove(some: readonly Waiting[]): number {
    const before = this.#waiting.length;
    // Mostly the first ones; those of a repeat may stand behind others.
    for (const waiting of some) {
      const at = this.#waiting.indexOf(waiting);
      if (at !== -1) this.#waiting.splice(at, 1);
      if (this.#ids.get(waiting.notification.id) === waiting.offset) this.#ids.delete(waiting.notification.id);
    }
    return before - this.#waiting.length;
  }
}
