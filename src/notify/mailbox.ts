import type { Waiting } from './delivery-log.ts';
import type { Lane } from './lane.ts';

/**
 * From where on a webhook's notifications must be read from the log again. Records before `consideredTo` were considered
 * before: each has an outcome or is in the lane, and only parked ones are taken up anew. Those after it were left in the log
 * for want of room; `heldFrom` is the first of them, which the position waits for.
 */
export interface Reread {
  next: number;
  readonly consideredTo: number;
  heldFrom: number | undefined;
}

/** Notifications in memory of one webhook: never more, and this many even when the partition has more than enough. */
const laneMax = 500;
const laneMin = 40;
/** Notifications in memory of one partition, as long as each webhook has its least. */
const partitionMax = 5_000;

/** What is due to one webhook: the first of it in its lane, and the rest left in the log. */
export class Mailbox {
  readonly lane: Lane;
  reread: Reread | undefined;

  constructor(lane: Lane) {
    this.lane = lane;
  }

  /** Whether one more may be taken into memory. */
  hasRoom(inPartition: number): boolean {
    const { size } = this.lane.queue;
    return size < laneMin || (size < laneMax && inPartition < partitionMax);
  }

  /** Whether it is time to read on from the log, up to `end`. */
  wantsMore(inPartition: number, end: number): boolean {
    return (
      this.reread !== undefined &&
      this.reread.next < end &&
      this.lane.queue.size < laneMax / 2 &&
      this.hasRoom(inPartition)
    );
  }

  /** This record, the next of the partition, stays in the log for now. */
  leave(offset: number): void {
    this.reread ??= { next: offset, consideredTo: offset, heldFrom: offset };
    this.reread.heldFrom ??= offset;
  }

  /** All records before `offset` were taken. Done when that is where the reader of the partition stands. */
  advance(offset: number, readerAt: number): void {
    if (this.reread === undefined) return;
    this.reread.next = offset;
    if (this.reread.heldFrom !== undefined) this.reread.heldFrom = Math.max(offset, this.reread.heldFrom);
    if (offset >= readerAt) this.reread = undefined;
  }

  /** What waits for a parked webhook is read again, from its oldest on. `readerAt`: where the reader of the partition stands. */
  reconsider(from: number, readerAt: number): void {
    const before = this.reread;
    this.reread = {
      next: Math.min(from, before?.next ?? from),
      consideredTo: before === undefined ? readerAt : Math.max(before.consideredTo, before.next),
      heldFrom: before?.heldFrom,
    };
  }

  /** The first offset that the position waits for; undefined when it waits for none of this webhook. */
  get heldOffset(): number | undefined {
    return this.lane.queue.oldestHeld?.offset ?? this.reread?.heldFrom;
  }

  get oldest(): Waiting | undefined {
    return this.lane.queue.oldest;
  }
}
