import type { Waiting } from './delivery-writer.ts';

/**
 * From where on the notifications of a rule must be read from the log again. Records before `consideredTo` were considered
 * before: each has an outcome or is in the queue, and only parked ones are read again. Later ones stayed in the log for want
 * of room; `heldFrom` is the first of them, which the position waits for.
 */
export interface DeferredRange {
  next: number;
  readonly consideredTo: number;
  heldFrom: number | undefined;
}

/** Notifications of one rule in memory: never more, and this many even when the partition has more than enough. One message may carry all. */
const queuedMax = 2_000;
const queuedMin = 40;
/** Notifications of one partition in memory, as long as each rule has its least. */
const partitionMax = 5_000;

/**
 * What waits of one rule under one key of `notifications`, in the order of offsets: the first of it in memory, each notification once (but for
 * one that was let go and came back), and the rest left in the log.
 */
export class NotificationQueue implements Iterable<Waiting> {
  readonly key: string;
  readonly ruleId: string;
  /** When a message carried the last of it, as a count of messages: the rule whose turn was longest ago is next. */
  turn = 0;
  deferred: DeferredRange | undefined;
  readonly #waiting: Waiting[] = [];
  /** By id, where it stands: the evaluator may append one twice. */
  readonly #offsets = new Map<string, number>();

  constructor(key: string, ruleId: string) {
    this.key = key;
    this.ruleId = ruleId;
  }

  get size(): number {
    return this.#waiting.length;
  }

  get oldest(): Waiting | undefined {
    return this.#waiting[0];
  }

  has(notificationId: string): boolean {
    return this.#offsets.has(notificationId);
  }

  [Symbol.iterator](): IterableIterator<Waiting> {
    return this.#waiting[Symbol.iterator]();
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#offsets.set(waiting.notification.id, waiting.offset);
  }

  /** It is being appended under another key: a later record of it is one that came back. */
  letGo({ notification }: Waiting): void {
    this.#offsets.delete(notification.id);
  }

  /** Returns how many have left. */
  remove(some: readonly Waiting[]): number {
    const before = this.#waiting.length;
    // Mostly the first ones; those of a repeat may stand behind others.
    for (const waiting of some) {
      const at = this.#waiting.indexOf(waiting);
      if (at !== -1) this.#waiting.splice(at, 1);
      if (this.#offsets.get(waiting.notification.id) === waiting.offset) this.#offsets.delete(waiting.notification.id);
    }
    return before - this.#waiting.length;
  }

  /** Whether one more may be taken into memory. */
  hasRoom(inPartition: number): boolean {
    return this.size < queuedMin || (this.size < queuedMax && inPartition < partitionMax);
  }

  /** Whether it is time to read on from the log, up to `end`. */
  wantsMore(inPartition: number, end: number): boolean {
    const isBehind = this.deferred !== undefined && this.deferred.next < end;
    return isBehind && this.size < queuedMax / 2 && this.hasRoom(inPartition);
  }

  /** This record, the next of the partition, stays in the log for now. */
  defer(offset: number): void {
    this.deferred ??= { next: offset, consideredTo: offset, heldFrom: offset };
    this.deferred.heldFrom ??= offset;
  }

  /** All records before `offset` were taken. Done when that is where the reader of the partition stands. */
  advance(offset: number, readerAt: number): void {
    if (this.deferred === undefined) return;
    this.deferred.next = offset;
    if (this.deferred.heldFrom !== undefined) this.deferred.heldFrom = Math.max(offset, this.deferred.heldFrom);
    if (offset >= readerAt) this.deferred = undefined;
  }

  /** What waits for a parked target is read again, from its oldest on. `readerAt`: where the reader of the partition stands. */
  reconsider(from: number, readerAt: number): void {
    const before = this.deferred;
    this.deferred = {
      next: Math.min(from, before?.next ?? from),
      consideredTo: before === undefined ? readerAt : Math.max(before.consideredTo, before.next),
      heldFrom: before?.heldFrom,
    };
  }

  /** The first offset that the position waits for; undefined when it waits for none of these. */
  get heldOffset(): number | undefined {
    return this.#waiting.find((waiting) => waiting.holds)?.offset ?? this.deferred?.heldFrom;
  }
}
