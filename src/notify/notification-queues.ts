import { Wakeup } from '../base/wakeup.ts';
import type { Waiting } from './delivery-writer.ts';
import { NotificationQueue } from './notification-queue.ts';

const none: ReadonlyMap<string, NotificationQueue> = new Map();

/**
 * What was read of one partition and waits, by key and rule, and how far the partition is read. A rule has one target under a key, so
 * that what waits for one target takes no room from another, nor a rule with many alarms from its neighbours.
 */
export class NotificationQueues {
  readonly changed = new Wakeup();
  /** Next offset to read; every earlier record is queued, deferred or finished. */
  readTo: number;
  /** Like `readTo`, but outcomes of the current chunk may not be durable yet. */
  takenTo: number;
  /** The head of the log when the partition was taken over. */
  headAtStart = 0;
  /** Keys whose notifications for paused targets are not read yet: further ones stay in the log. */
  readonly unsorted = new Set<string>();
  readonly #byKey = new Map<string, Map<string, NotificationQueue>>();
  #waiting = 0;

  constructor(start: number) {
    this.readTo = start;
    this.takenTo = start;
  }

  /** Notifications in memory. */
  get waiting(): number {
    return this.#waiting;
  }

  /** When the oldest of each queue was appended. */
  oldestTimes(): number[] {
    return [...this].flatMap(({ oldest }) => oldest?.appendedMs ?? []);
  }

  *[Symbol.iterator](): Generator<NotificationQueue> {
    for (const queues of this.#byKey.values()) yield* queues.values();
  }

  find(key: string, ruleId: string): NotificationQueue | undefined {
    return this.#byKey.get(key)?.get(ruleId);
  }

  /** Those of one key. */
  ofKey(key: string): Iterable<NotificationQueue> {
    return (this.#byKey.get(key) ?? none).values();
  }

  /** How many notifications of a key are in memory. */
  waitingUnder(key: string): number {
    let sum = 0;
    for (const { size } of this.ofKey(key)) sum += size;
    return sum;
  }

  /** Whether nothing of a key is in memory, nor left in the log. */
  isEmpty(key: string): boolean {
    for (const { size, deferred } of this.ofKey(key)) if (size > 0 || deferred !== undefined) return false;
    return true;
  }

  has({ key, notification }: Waiting): boolean {
    return this.find(key, notification.ruleId)?.has(notification.id) === true;
  }

  /** The queue of a rule under a key, made when it is not there. */
  at(key: string, ruleId: string): NotificationQueue {
    const queues = this.#byKey.get(key) ?? new Map<string, NotificationQueue>();
    this.#byKey.set(key, queues);
    const known = queues.get(ruleId) ?? new NotificationQueue(key, ruleId);
    queues.set(ruleId, known);
    return known;
  }

  hasRoom(queue: NotificationQueue): boolean {
    return queue.hasRoom(this.#waiting);
  }

  wantsMore(queue: NotificationQueue): boolean {
    return queue.wantsMore(this.#waiting, this.readTo);
  }

  push(queue: NotificationQueue, waiting: Waiting): void {
    queue.push(waiting);
    this.#waiting += 1;
  }

  /** They have left: their queues, too, when nothing more is in them. */
  remove(some: readonly Waiting[]): void {
    for (const [ruleId, own] of Map.groupBy(some, ({ notification }) => notification.ruleId)) {
      const queue = this.find(own[0]!.key, ruleId);
      if (queue === undefined) continue;
      this.#waiting -= queue.remove(own);
      this.dismiss(queue);
    }
    this.changed.notifyAll();
  }

  /** Forgets a queue that nothing is in. */
  dismiss(queue: NotificationQueue): void {
    const { key, ruleId, size, deferred } = queue;
    if (size > 0 || deferred !== undefined) return;
    const queues = this.#byKey.get(key);
    queues?.delete(ruleId);
    if (queues?.size === 0) this.#byKey.delete(key);
  }

  /** The oldest record without an outcome, wherever it is. */
  get position(): number {
    let position = this.readTo;
    for (const { heldOffset } of this) position = Math.min(position, heldOffset ?? position);
    return position;
  }

  /** Resolves when all of a key that stood in the log at the start is in its queues, as far as there is room. */
  async caughtUp(key: string, signal: AbortSignal): Promise<void> {
    while (this.#isBehind(key) && !signal.aborted) await this.changed.wait(signal);
  }

  #isBehind(key: string): boolean {
    if (this.readTo < this.headAtStart || this.unsorted.has(key)) return true;
    for (const queue of this.ofKey(key)) if (this.wantsMore(queue)) return true;
    return false;
  }
}
