import { parseNotification, type Notification } from '../alarm/notification.ts';
import { recordsOf, type LogRecord } from '../log/batch.ts';
import { topics } from '../topics.ts';
import type { Ending, RestoredParking, Waiting } from './delivery-writer.ts';
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

  /**
   * Finds out what waits for targets that a former owner paused: of each rule what is to be read again. Meanwhile what comes under
   * those keys stays in the log, so that nothing of a rule overtakes what waited longer.
   */
  async sortRestored(restored: readonly RestoredParking[]): Promise<void> {
    const { claim, log, queues, signal } = this.#context;
    const froms = new Map(
      restored.flatMap(({ key, fromOffset }) => (fromOffset === undefined ? [] : [[key, fromOffset]])),
    );
    const end = queues.takenTo;
    const from = Math.min(...froms.values(), end);
    if (from === end) return;
    for (const key of froms.keys()) queues.unsorted.add(key);
    const span = { from: { offset: from }, to: end };
    for await (const chunk of log.read(topics.notifications.name, claim.partition, span)) {
      for (const record of recordsOf(chunk)) {
        if (record.offset < (froms.get(Buffer.from(record.key ?? []).toString()) ?? Infinity)) continue;
        const waiting = this.#waitingOf(record, notificationIn(record), false);
        const fate = waiting === undefined ? undefined : this.#fateOf(waiting);
        if (waiting === undefined || fate === undefined || fate.kind === 'finished') continue;
        if (fate.kind === 'end' && fate.outcome === 'parked') {
          this.#noteParked(waiting, fate);
          continue;
        }
        const queue = queues.at(waiting.key, waiting.notification.ruleId);
        if (queue.deferred === undefined || queue.deferred.next > record.offset) queue.reconsider(record.offset, end);
      }
      if (signal.aborted) return;
    }
    queues.unsorted.clear();
    queues.changed.notifyAll();
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

  /** Reads notifications that were left in the log, for all queues with room at once. */
  async readDeferred(): Promise<void> {
    const { queues, signal } = this.#context;
    while (!signal.aborted) {
      const wanted = new Map<string, Wanted>();
      for (const queue of queues) {
        if (queue.deferred !== undefined && queue.deferred.next >= queues.takenTo) queue.deferred = undefined;
        queues.dismiss(queue);
        if (queues.unsorted.has(queue.key)) continue;
        if (queues.wantsMore(queue)) wanted.set(nameOf(queue), { queue, range: queue.deferred! });
      }
      if (wanted.size === 0) await queues.changed.wait(signal);
      else await this.#readRange(wanted, queues.readTo);
    }
  }

  /** What is parked under this key, of one rule or of all, is read again: one may be sent now, another have expired. */
  readParkedAgain(key: string, ruleId?: string): void {
    const { parking, queues } = this.#context;
    for (const [rule, from] of parking.takeFrom(key, ruleId)) queues.at(key, rule).reconsider(from, queues.takenTo);
    queues.changed.notifyAll();
  }

  /** A record that was not seen before: into its queue, or left in the log, or ended. */
  #take(record: LogRecord): Ending[] {
    const { queues } = this.#context;
    const waiting = this.#waitingOf(record, this.#notificationIn(record), true);
    const fate = waiting === undefined ? undefined : this.#fateOf(waiting);
    if (waiting === undefined || fate === undefined || fate.kind === 'finished') return [];
    const queue = queues.at(waiting.key, waiting.notification.ruleId);
    // Notifications left in the log come first.
    if (queue.deferred === undefined && !queues.unsorted.has(waiting.key)) {
      if (fate.kind === 'end') {
        queues.dismiss(queue);
        return [this.#endingOf(waiting, fate)];
      }
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
      const keys = new Set([...wanted.values()].map(({ queue }) => queue.key));
      const stoppedAt = new Map<string, number>();
      for (const record of recordsOf(chunk)) {
        const key = Buffer.from(record.key ?? []).toString();
        if (!keys.has(key)) continue;
        const notification = notificationIn(record);
        if (notification === undefined) continue;
        const name = nameOf({ key, ruleId: notification.ruleId });
        const found = wanted.get(name);
        if (found === undefined || stoppedAt.has(name) || record.offset < found.range.next) continue;
        if (found.queue.deferred !== found.range || !this.#takeAgain(found, record, notification, endings))
          stoppedAt.set(name, record.offset);
      }
      await deliveries.end(endings);
      // Only now may the position pass them.
      for (const [name, { queue, range }] of wanted) {
        if (queue.deferred === range)
          queue.advance(stoppedAt.get(name) ?? Math.max(range.next, chunk.nextOffset), queues.takenTo);
        if (queue.deferred !== range || stoppedAt.has(name)) wanted.delete(name);
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
  #takeAgain({ queue, range }: Wanted, record: LogRecord, notification: Notification, endings: Ending[]): boolean {
    const isNew = record.offset >= range.consideredTo;
    const waiting = this.#waitingOf(record, notification, isNew);
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

  /** A record that was not seen before, if a message is to be sent of it. One that cannot be read is counted. */
  #notificationIn(record: LogRecord): Notification | undefined {
    const { count, logger } = this.#context;
    const { partition, offset } = record;
    const notification = parsed(record);
    if (!('problem' in notification)) return notification.message ? notification : undefined;
    const { problem } = notification;
    logger.error({ partition, offset, problem }, 'a record of notifications cannot be read, and is skipped');
    count.unreadable();
    return undefined;
  }

  /** Undefined when it is none, or in memory already. */
  #waitingOf(record: LogRecord, notification: Notification | undefined, holds: boolean): Waiting | undefined {
    if (notification === undefined) return undefined;
    const key = Buffer.from(record.key ?? []).toString();
    const waiting: Waiting = { notification, key, offset: record.offset, appendedMs: record.timestampMs, holds };
    return this.#context.queues.has(waiting) ? undefined : waiting;
  }

  #fateOf(waiting: Waiting): Fate {
    return fateOf(waiting, worldOf(this.#context));
  }

  /** The outcome of one that ends without a request. What is parked is registered, so that it is read again. */
  #endingOf(waiting: Waiting, fate: End): Ending {
    const { deliveries } = this.#context;
    if (fate.outcome !== 'parked') return endingOf(waiting, fate);
    this.#noteParked(waiting, fate);
    const possibleRepeat = deliveries.sent.isPossibleRepeat(waiting.notification.id, waiting.key);
    return { ...endingOf(waiting, fate), possibleRepeat };
  }

  #noteParked(waiting: Waiting, { webhook }: End): void {
    if (webhook !== undefined) this.#context.parking.note(waiting, webhook);
  }

  #push(queue: NotificationQueue, waiting: Waiting): void {
    const isFirst = queue.size === 0;
    this.#context.queues.push(queue, waiting);
    this.#senders.start(queue.key, isFirst);
  }
}

function nameOf({ key, ruleId }: Pick<NotificationQueue, 'key' | 'ruleId'>): string {
  return `${key} ${ruleId}`;
}

function parsed({ value }: LogRecord): ReturnType<typeof parseNotification> {
  return value === null ? { problem: 'a tombstone' } : parseNotification(value);
}

/** Undefined when it cannot be read, or only tells what happened to an alarm whose messages were sent before. */
function notificationIn(record: LogRecord): Notification | undefined {
  const notification = parsed(record);
  return 'problem' in notification || !notification.message ? undefined : notification;
}
