import { parseNotification } from '../alarm/notification.ts';
import { recordsOf, type LogRecord } from '../log/batch.ts';
import { topics } from '../topics.ts';
import type { Ending, Waiting } from './delivery-writer.ts';
import { endingOf, fateOf, type End, type Fate } from './fate.ts';
import type { DeferredRange, NotificationQueue } from './notification-queue.ts';
import { worldOf, type PartitionContext } from './partition-context.ts';
import type { Senders } from './senders.ts';

interface Wanted {
  readonly queue: NotificationQueue;
  readonly range: DeferredRange;
}

/**
 * Reads `notifications` into the queues, as far as there is room, and again what was left in the log:
 *
 *   notifications ──readAll──> queues                what ends without a request ──> deliveries
 *        └── left in the log ──readDeferred──> queues
 */
export class NotificationReader {
  readonly #context: PartitionContext;
  readonly #senders: Senders;

  constructor(context: PartitionContext, senders: Senders) {
    this.#context = context;
    this.#senders = senders;
  }

  async readAll(): Promise<void> {
    const { claim, deliveries, queues, signal } = this.#context;
    for await (const chunk of claim.read(queues.readTo)) {
      const endings: Ending[] = [];
      for (const record of recordsOf(chunk)) {
        if (signal.aborted) return;
        endings.push(...this.#take(record));
        queues.takenTo = record.offset + 1;
      }
      queues.takenTo = chunk.nextOffset;
      await deliveries.end(endings);
      queues.readTo = chunk.nextOffset;
      queues.changed.notifyAll();
    }
  }

  /** Reads what was left in the log, for all queues with room for it at once. */
  async readDeferred(): Promise<void> {
    const { queues, signal } = this.#context;
    while (!signal.aborted) {
      const wanted = new Map<string, Wanted>();
      for (const queue of queues) {
        if (queue.deferred !== undefined && queue.deferred.next >= queues.takenTo) queue.deferred = undefined;
        this.#senders.dismiss(queue);
        if (queues.wantsMore(queue)) wanted.set(queue.key, { queue, range: queue.deferred! });
      }
      if (wanted.size === 0) await queues.changed.wait(signal);
      else await this.#readRange(wanted, queues.readTo);
    }
  }

  /** What is parked under this key is read again: one may be sent now, another have expired. */
  readParkedAgain(key: string): void {
    const { parking, queues } = this.#context;
    const from = parking.takeFrom(key);
    if (from !== undefined) queues.at(key).reconsider(from, queues.takenTo);
    queues.changed.notifyAll();
  }

  /** A record that was not seen before: into its queue, or left in the log, or ended. */
  #take(record: LogRecord): Ending[] {
    const { queues } = this.#context;
    const waiting = this.#waitingOf(record, true);
    const fate = waiting === undefined ? undefined : this.#fateOf(waiting);
    if (waiting === undefined || fate === undefined || fate.kind === 'finished') return [];
    const queue = queues.at(waiting.key);
    // What was left in the log comes first.
    if (queue.deferred === undefined) {
      if (fate.kind === 'end') return [this.#endingOf(waiting, fate)];
      if (queues.hasRoom(queue)) {
        this.#push(queue, waiting);
        return [];
      }
    }
    queue.defer(record.offset);
    return [];
  }

  async #readRange(wanted: Map<string, Wanted>, end: number): Promise<void> {
    const { claim, deliveries, log, queues, signal } = this.#context;
    const from = [...wanted.values()].reduce((least, { range }) => Math.min(least, range.next), end);
    const span = { from: { offset: from }, to: end };
    for await (const chunk of log.read(topics.notifications.name, claim.partition, span)) {
      const endings: Ending[] = [];
      const stoppedAt = new Map<string, number>();
      for (const record of recordsOf(chunk)) {
        const key = Buffer.from(record.key ?? []).toString();
        const found = wanted.get(key);
        if (found === undefined || stoppedAt.has(key) || record.offset < found.range.next) continue;
        if (found.queue.deferred !== found.range || !this.#takeAgain(found, record, endings))
          stoppedAt.set(key, record.offset);
      }
      await deliveries.end(endings);
      // Only now may the position pass them.
      for (const [key, { queue, range }] of wanted) {
        if (queue.deferred === range)
          queue.advance(stoppedAt.get(key) ?? Math.max(range.next, chunk.nextOffset), queues.takenTo);
        if (queue.deferred !== range || stoppedAt.has(key)) wanted.delete(key);
      }
      // Wakes senders that wait in caughtUp.
      queues.changed.notifyAll();
      if (signal.aborted || wanted.size === 0) return;
    }
    // What retention has removed is not waited for.
    for (const { queue, range } of wanted.values()) if (queue.deferred === range) queue.advance(end, queues.takenTo);
    queues.changed.notifyAll();
  }

  /** Returns whether there was room for it. */
  #takeAgain({ queue, range }: Wanted, record: LogRecord, endings: Ending[]): boolean {
    const isNew = record.offset >= range.consideredTo;
    const waiting = this.#waitingOf(record, isNew);
    const fate = waiting === undefined ? undefined : this.#fateOf(waiting);
    if (waiting === undefined || fate === undefined || fate.kind === 'finished') return true;
    if (fate.kind === 'end') {
      const ending = this.#endingOf(waiting, fate);
      // Already recorded as parked: no second outcome.
      if (isNew || ending.outcome !== 'parked') endings.push(ending);
      return true;
    }
    if (!this.#context.queues.hasRoom(queue)) return false;
    this.#push(queue, waiting);
    return true;
  }

  /** The record as a notification that is not queued; undefined when nothing is to be done about it. */
  #waitingOf(record: LogRecord, isNew: boolean): Waiting | undefined {
    const { count, logger, queues } = this.#context;
    const { partition, offset } = record;
    const notification = record.value === null ? { problem: 'a tombstone' } : parseNotification(record.value);
    if ('problem' in notification) {
      if (!isNew) return undefined;
      const { problem } = notification;
      logger.error({ partition, offset, problem }, 'a record of notifications cannot be read, and is skipped');
      count.unreadable();
      return undefined;
    }
    // It tells what happened to an alarm whose messages were sent before.
    if (!notification.message) return undefined;
    const waiting: Waiting = {
      notification,
      key: Buffer.from(record.key ?? []).toString(),
      offset,
      appendedMs: record.timestampMs,
      holds: isNew,
    };
    return queues.find(waiting.key)?.has(notification.id) === true ? undefined : waiting;
  }

  #fateOf(waiting: Waiting): Fate {
    return fateOf(waiting, worldOf(this.#context));
  }

  /** The outcome of one that ends without a request. What is parked is registered, so that it is read again. */
  #endingOf(waiting: Waiting, fate: End): Ending {
    const { deliveries, parking } = this.#context;
    if (fate.outcome !== 'parked' || fate.webhook === undefined) return endingOf(waiting, fate);
    parking.note(waiting, fate.webhook);
    const possibleRepeat = deliveries.sent.isPossibleRepeat(waiting.notification.id, waiting.key);
    return { ...endingOf(waiting, fate), possibleRepeat };
  }

  #push(queue: NotificationQueue, waiting: Waiting): void {
    this.#context.queues.push(queue, waiting);
    this.#senders.start(queue);
  }
}
