import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import type { Cause, RuleVersion } from '../../alarm/alarm-state.ts';
import type { Series } from '../../metric/series.ts';
import type { DeliveryOutcome } from '../../notice/delivery-record.ts';

/** The topics whose records make news, in the order that a position names them. */
export const feedTopics = ['alarms', 'rules', 'deliveries'] as const;
export type FeedTopic = (typeof feedTopics)[number];

/** Where in the log an item stands, which is what it is called by, and when it was appended. */
interface Placed {
  readonly partition: number;
  readonly offset: number;
  /** Of the record, in milliseconds since the epoch. */
  readonly atMs: number;
}

/** An alarm came to another state, or a firing to another firing. */
export interface Transition extends Placed {
  readonly kind: 'transition';
  readonly topic: 'alarms';
  readonly ruleId: string;
  readonly ruleVersion: RuleVersion;
  readonly series: Series;
  /** undefined: its series was not known before. */
  readonly from: AlarmRecord['state']['state'] | undefined;
  readonly to: AlarmRecord['state']['state'];
  /** Of the firing that began here. */
  readonly alarmId: string | undefined;
  /** Of the firing that ended here. */
  readonly endedAlarmId: string | undefined;
  /** Since when it fires or is pending; when it ended, since when it did. */
  readonly sinceMs: number | undefined;
  /** Why it fires, or fired. */
  readonly cause: Cause | undefined;
  /** What was compared; undefined: no data. */
  readonly x: number | undefined;
  /** T at the sample. */
  readonly timeMs: number;
}

/** A rule was made, changed or deleted. The webhook's URL is a secret: only that it changed is told. */
export interface RuleEdit extends Placed {
  readonly kind: 'rule';
  readonly topic: 'rules';
  readonly ruleId: string;
  readonly metricName: string;
  /** `made`: the log holds no earlier version. */
  readonly edit: 'made' | 'changed' | 'deleted';
  /** The fields that differ, from what to what; undefined: not there. */
  readonly fields: readonly { readonly field: string; readonly from: unknown; readonly to: unknown }[];
}

/** A notification was not delivered, for now or for ever. */
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

/** Items that are kept of one partition. */
const keptMax: Record<FeedTopic, number> = { alarms: 1_000, rules: 1_000, deliveries: 250 };

interface Lane {
  items: FeedItem[];
  /** The first offset that has not been read. */
  next: number;
  /** From here on nothing that happened is missing: what is older was dropped, or may have been compacted away. */
  completeFrom: number;
  /** When the oldest item that is held was appended, once older ones were dropped. */
  heldFromMs: number;
}

/**
 * What happened lately, from three topics. Each partition has a lane of its own with a bounded number of items, so that the
 * newest are held whichever partition was read first. A position is an offset for each partition, which is true of every
 * process that reads the same log: a client may go on at another one.
 */
export class Feed {
  readonly #lanes: Record<FeedTopic, Lane[]> = { alarms: [], rules: [], deliveries: [] };
  readonly #listeners = new Set<(item: FeedItem) => void>();
  readonly #readFromMs: Readonly<Record<FeedTopic, number>>;
  #sorted: readonly FeedItem[] | undefined;

  /** `readFromMs`: by topic, from when on the log was sure to hold all that happened when it was read. */
  constructor(readFromMs: Readonly<Record<FeedTopic, number>> = { alarms: 0, rules: 0, deliveries: 0 }) {
    this.#readFromMs = readFromMs;
  }

  add(item: FeedItem): void {
    const lane = this.#lane(item.topic, item.partition);
    lane.items.push(item);
    // Not at each one: to drop the first of an array moves all others.
    const kept = keptMax[item.topic];
    if (lane.items.length > kept * 1.25) {
      lane.items = lane.items.slice(-kept);
      lane.completeFrom = Math.max(lane.completeFrom, lane.items[0]!.offset);
      lane.heldFromMs = lane.items[0]!.atMs;
    }
    this.#sorted = undefined;
    for (const listener of this.#listeners) listener(item);
  }

  /** All records of the partition before this offset have been read. */
  advance(topic: FeedTopic, partition: number, nextOffset: number): void {
    const lane = this.#lane(topic, partition);
    lane.next = Math.max(lane.next, nextOffset);
  }

  /** Of what stands before this offset some may have been compacted away. */
  incompleteBefore(topic: FeedTopic, partition: number, offset: number): void {
    const lane = this.#lane(topic, partition);
    lane.completeFrom = Math.max(lane.completeFrom, offset);
  }

  /** Of what happened since, nothing is missing, in any partition of the topic. */
  completeSinceMs(topic: FeedTopic): number {
    return this.#lanes[topic].reduce((sinceMs, lane) => Math.max(sinceMs, lane.heldFromMs), this.#readFromMs[topic]);
  }

  get positions(): FeedPositions {
    const of = (topic: FeedTopic): number[] => this.#lanes[topic].map(({ next }) => next);
    return { alarms: of('alarms'), rules: of('rules'), deliveries: of('deliveries') };
  }

  /** What was read from these positions on, oldest first; `complete` unless some of it is no longer known. */
  since(positions: FeedPositions): { readonly items: FeedItem[]; readonly complete: boolean } {
    const items: FeedItem[] = [];
    let complete = true;
    for (const topic of feedTopics) {
      for (const [partition, lane] of this.#lanes[topic].entries()) {
        const from = positions[topic][partition] ?? 0;
        // A position beyond the log's end is of another log, or of one that lost its tail.
        if (from < lane.completeFrom || from > lane.next) complete = false;
        items.push(...lane.items.filter(({ offset }) => offset >= from));
      }
    }
    return { items: items.sort(compareTime), complete };
  }

  /** All that is kept, newest first. */
  newestFirst(): readonly FeedItem[] {
    this.#sorted ??= feedTopics
      .flatMap((topic) => this.#lanes[topic].flatMap(({ items }) => items))
      .sort((one, other) => compareTime(other, one));
    return this.#sorted;
  }

  /** Calls the listener with each new item, until the returned function is called. */
  subscribe(listener: (item: FeedItem) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #lane(topic: FeedTopic, partition: number): Lane {
    const lanes = this.#lanes[topic];
    while (lanes.length <= partition) lanes.push({ items: [], next: 0, completeFrom: 0, heldFromMs: 0 });
    return lanes[partition]!;
  }
}

/** The topics of the timeline: who changed a receiver is asked for, and no news. */
export const timelineTopics = [...feedTopics, 'audit'] as const;

/** Where and when an item of the timeline is. */
export interface FeedPlace extends Placed {
  readonly topic: (typeof timelineTopics)[number];
}

/** By time, then by place, so that the order of any two is the same for everybody. */
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

/** undefined when the text is none that formatPositions made. */
export function parsePositions(text: string): FeedPositions | undefined {
  if (text.length > positionsTextMax || !/^[0-9a-z.]*-[0-9a-z.]*-[0-9a-z.]*$/.test(text)) return undefined;
  const [alarms, rules, deliveries] = text.split('-').map((part) => {
    return part === '' ? [] : part.split('.').map((offset) => Number.parseInt(offset, 36));
  });
  const all = [...alarms!, ...rules!, ...deliveries!];
  if (!all.every((offset) => Number.isSafeInteger(offset))) return undefined;
  return { alarms: alarms!, rules: rules!, deliveries: deliveries! };
}
