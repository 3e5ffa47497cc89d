import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import type { Cause, RuleVersion } from '../../alarm/alarm-state.ts';
import type { Series } from '../../metric/series.ts';
import type { DeliveryOutcome } from '../../notice/delivery-record.ts';

/** The topics with items of the feed, in the order of a position's parts. */
export const feedTopics = ['alarms', 'rules', 'deliveries'] as const;
export type FeedTopic = (typeof feedTopics)[number];

/** An item's place in the log, which identifies it, and when it was appended. */
interface Placed {
  readonly partition: number;
  readonly offset: number;
  /** The record's timestamp, in milliseconds since the epoch. */
  readonly atMs: number;
}

/** An alarm changed its state, or one firing was followed by another. */
export interface Transition extends Placed {
  readonly kind: 'transition';
  readonly topic: 'alarms';
  readonly ruleId: string;
  readonly ruleVersion: RuleVersion;
  readonly series: Series;
  /** undefined when the series was not known before. */
  readonly from: AlarmRecord['state']['state'] | undefined;
  readonly to: AlarmRecord['state']['state'];
  /** The id of the firing that began here. */
  readonly alarmId: string | undefined;
  /** The id of the firing that ended here. */
  readonly endedAlarmId: string | undefined;
  /** Since when it is firing or pending; for a resolved alarm, since when it was. */
  readonly sinceMs: number | undefined;
  /** Why it fires, or fired. */
  readonly cause: Cause | undefined;
  /** The compared value; undefined for no data. */
  readonly x: number | undefined;
  /** The series time at the sample. */
  readonly timeMs: number;
}

/** A rule was created, changed or deleted. The webhook's URL is a secret: the item has only that it changed. */
export interface RuleEdit extends Placed {
  readonly kind: 'rule';
  readonly topic: 'rules';
  readonly ruleId: string;
  readonly metricName: string;
  /** `made`: the log has no earlier version. */
  readonly edit: 'made' | 'changed' | 'deleted';
  /** The fields that differ, with both values; undefined where a field is missing. */
  readonly fields: readonly { readonly field: string; readonly from: unknown; readonly to: unknown }[];
}

/** A notification was not delivered, temporarily or finally. */
export interface DeliveryFailure extends Placed {
  readonly kind: 'delivery';
  readonly topic: 'deliveries';
  readonly notificationId: string;
  readonly webhookId: string;
  readonly outcome: Extract<DeliveryOutcome, 'parked' | 'dead' | 'expired'>;
  readonly reason: string | undefined;
}

export type FeedItem = Transition | RuleEdit | DeliveryFailure;

/** By topic and partition: the first offset that has not been read. */
export type FeedPositions = Readonly<Record<FeedTopic, readonly number[]>>;

/** Items kept per partition. */
const keptMax: Record<FeedTopic, number> = { alarms: 1_000, rules: 1_000, deliveries: 250 };

interface FeedPartition {
  items: FeedItem[];
  /** The first offset that has not been read. */
  next: number;
  /** From this offset on the items are complete: older ones were dropped, or may have been compacted away. */
  completeFrom: number;
  /** When the oldest kept item was appended, once older ones were dropped. */
  keptFromMs: number;
}

/**
 * Recent events, from three topics. A bounded number of items is kept per partition, so that the
 * newest are kept whichever partition was read first. A position is an offset for each partition, which is valid in every
 * process that reads the same log: a client may continue at another one.
 */
export class Feed {
  readonly #partitions: Record<FeedTopic, FeedPartition[]> = { alarms: [], rules: [], deliveries: [] };
  readonly #listeners = new Set<(item: FeedItem) => void>();
  readonly #readFromMs: Readonly<Record<FeedTopic, number>>;
  #sorted: readonly FeedItem[] | undefined;

  /** `readFromMs`: for each topic, the time since which the log was complete when it was read. */
  constructor(readFromMs: Readonly<Record<FeedTopic, number>> = { alarms: 0, rules: 0, deliveries: 0 }) {
    this.#readFromMs = readFromMs;
  }

  add(item: FeedItem): void {
    const entry = this.#partition(item.topic, item.partition);
    entry.items.push(item);
    // Not at each item: removing the first element of an array moves all others.
    const kept = keptMax[item.topic];
    if (entry.items.length > kept * 1.25) {
      entry.items = entry.items.slice(-kept);
      entry.completeFrom = Math.max(entry.completeFrom, entry.items[0]!.offset);
      entry.keptFromMs = entry.items[0]!.atMs;
    }
    this.#sorted = undefined;
    for (const listener of this.#listeners) listener(item);
  }

  /** All records of the partition before this offset have been read. */
  advance(topic: FeedTopic, partition: number, nextOffset: number): void {
    const entry = this.#partition(topic, partition);
    entry.next = Math.max(entry.next, nextOffset);
  }

  /** Records before this offset may have been compacted away. */
  incompleteBefore(topic: FeedTopic, partition: number, offset: number): void {
    const entry = this.#partition(topic, partition);
    entry.completeFrom = Math.max(entry.completeFrom, offset);
  }

  /** The time since which no item is missing, in any partition of the topic. */
  completeSinceMs(topic: FeedTopic): number {
    return this.#partitions[topic].reduce(
      (sinceMs, entry) => Math.max(sinceMs, entry.keptFromMs),
      this.#readFromMs[topic],
    );
  }

  get positions(): FeedPositions {
    const of = (topic: FeedTopic): number[] => this.#partitions[topic].map(({ next }) => next);
    return { alarms: of('alarms'), rules: of('rules'), deliveries: of('deliveries') };
  }

  /** The items since these positions, oldest first; `complete` unless some of them are no longer kept. */
  since(positions: FeedPositions): { readonly items: FeedItem[]; readonly complete: boolean } {
    const items: FeedItem[] = [];
    let complete = true;
    for (const topic of feedTopics) {
      for (const [partition, entry] of this.#partitions[topic].entries()) {
        const from = positions[topic][partition] ?? 0;
        // A position after the log's end belongs to another log, or to one that lost its tail.
        if (from < entry.completeFrom || from > entry.next) complete = false;
        items.push(...entry.items.filter(({ offset }) => offset >= from));
      }
    }
    return { items: items.sort(compareTime), complete };
  }

  /** All kept items, newest first. */
  newestFirst(): readonly FeedItem[] {
    this.#sorted ??= feedTopics
      .flatMap((topic) => this.#partitions[topic].flatMap(({ items }) => items))
      .sort((one, other) => compareTime(other, one));
    return this.#sorted;
  }

  /** Calls the listener with each new item, until the returned function is called. */
  subscribe(listener: (item: FeedItem) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #partition(topic: FeedTopic, partition: number): FeedPartition {
    const entries = this.#partitions[topic];
    while (entries.length <= partition) entries.push({ items: [], next: 0, completeFrom: 0, keptFromMs: 0 });
    return entries[partition]!;
  }
}

/** The topics of the timeline. Changes of receivers are read from `audit` on request, and are no items of the feed. */
export const timelineTopics = [...feedTopics, 'audit'] as const;

/** Where and when an item of the timeline is. */
export interface FeedPlace extends Placed {
  readonly topic: (typeof timelineTopics)[number];
}

/** By time, then by place, so that every process has the same order. */
export function compareTime(one: FeedPlace, other: FeedPlace): number {
  return (
    one.atMs - other.atMs ||
    timelineTopics.indexOf(one.topic) - timelineTopics.indexOf(other.topic) ||
    one.partition - other.partition ||
    one.offset - other.offset
  );
}

/** Positions as a short text: offsets in base 36, `.` between partitions, `-` between topics. */
export function formatPositions(positions: FeedPositions): string {
  return feedTopics.map((topic) => positions[topic].map((offset) => offset.toString(36)).join('.')).join('-');
}

const positionsTextMax = 4_096;

/** undefined when the text was not made by formatPositions. */
export function parsePositions(text: string): FeedPositions | undefined {
  if (text.length > positionsTextMax || !/^[0-9a-z.]*-[0-9a-z.]*-[0-9a-z.]*$/.test(text)) return undefined;
  const [alarms, rules, deliveries] = text.split('-').map((part) => {
    return part === '' ? [] : part.split('.').map((offset) => Number.parseInt(offset, 36));
  });
  const all = [...alarms!, ...rules!, ...deliveries!];
  if (!all.every((offset) => Number.isSafeInteger(offset))) return undefined;
  return { alarms: alarms!, rules: rules!, deliveries: deliveries! };
}
