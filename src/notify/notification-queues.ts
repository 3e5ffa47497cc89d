import { Wakeup } from '../base/wakeup.ts';
import type { Waiting } from './delivery-writer.ts';
import { NotificationQueue } from './notification-queue.ts';

/** What was read of one partition and waits, by key, and how far the partition is read. */
export class NotificationQueues {
  readonly changed = new Wakeup();
  /** Next offset to read; every earlier record is queued, deferred or finished. */
  readTo: number;
  /** Like `readTo`, but outcomes of the current chunk may not be durable yet. */
  takenTo: number;
  /** The head of the log when the partition was taken over. */
  headAtStart = 0;
  readonly #queues = new Map<string, NotificationQueue>();
  #waiting = 0;

  constructor(start: number) {
    this.readTo = start;
    this.takenTo = start;
  }

  /** Notifications in memory. */
  get waiting(): number {
    return this.#waiting;
  }

  /** When each key's oldest was appended. */
  oldestTimes(): number[] {
    return [...this.#queues.values()].flatMap(({ oldest }) => oldest?.appendedMs ?? []);
  }

  [Symbol.iterator](): IterableIterator<NotificationQueue> {
    return this.#queues.values();
  }

  find(key: string): NotificationQueue | undefined {
    return this.#queues.get(key);
  }

  /** The queue of a key, made when it is not there. */
  at(key: string): NotificationQueue {
    const known = this.#queues.get(key) ?? new NotificationQueue(key);
    this.#queues.set(key, known);
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

  remove(queue: NotificationQueue, some: readonly Waiting[]): void {
    this.#waiting -= queue.remove(some);
    this.changed.notifyAll();
  }

  delete(key: string): void {
    this.#queues.delete(key);
  }

  /** The oldest record without an outcome, wherever it is. */
  get position(): number {
    let position = this.readTo;
    for (const { heldOffset } of this.#queues.values()) position = Math.min(position, heldOffset ?? position);
    return position;
  }

  /** Resolves when all of a key that stood in the log at the start is in its queue, as far as there is room. */
  async caughtUp(queue: NotificationQueue, signal: AbortSignal): Promise<void> {
    while ((this.readTo < this.headAtStart || this.wantsMore(queue)) && !signal.aborted)
      await this.changed.wait(signal);
  }
}
