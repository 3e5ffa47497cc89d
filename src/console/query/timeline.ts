// One feed of what happened, read backwards: transitions, edits of rules and receivers, messages that were not delivered.
import { firstSorted } from '../../base/first-sorted.ts';
import type { ReceiverEdit } from '../live/audit-trail.ts';
import { compareTime, timelineTopics, type FeedItem, type FeedPlace } from '../live/feed.ts';
import { bucketMs } from '../live/fire-counts.ts';
import type { LiveStore } from '../live/live-store.ts';
import { metricFilter } from './metric-filter.ts';

export type TimelineEvent = FeedItem | ReceiverEdit;

export interface TimelineFilter {
  readonly kinds: ReadonlySet<TimelineEvent['kind']>;
  readonly ruleId?: string | undefined;
  readonly metricName?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/** One page, newest first. `total` counts all pages, of what is held. */
export function timelinePage(
  live: LiveStore,
  filter: TimelineFilter,
  { after, limit }: { readonly after: FeedPlace | undefined; readonly limit: number },
): { readonly items: TimelineEvent[]; readonly total: number; readonly next: string | undefined } {
  const items: TimelineEvent[] = [];
  let [total, isMore] = [0, false];
  for (const item of matching(live, filter)) {
    total++;
    if (after !== undefined && compareTime(item, after) >= 0) continue;
    if (items.length < limit) items.push(item);
    else isMore = true;
  }
  return { items, total, next: isMore ? formatPlace(items.at(-1)!) : undefined };
}

/** Items by what they are, edits of receivers among those of rules, in each of so many equal parts of a time. */
export interface TimelineCounts {
  readonly firing: number[];
  readonly transition: number[];
  readonly rule: number[];
  readonly delivery: number[];
}

export function timelineCounts(
  live: LiveStore,
  filter: TimelineFilter & { readonly fromMs: number; readonly toMs: number },
  parts: number,
): TimelineCounts {
  const none = (): number[] => Array<number>(parts).fill(0);
  const counts: TimelineCounts = { firing: none(), transition: none(), rule: none(), delivery: none() };
  const spanMs = Math.max(1, filter.toMs - filter.fromMs);
  for (const item of matching(live, filter)) {
    const part = Math.min(parts - 1, Math.floor(((item.atMs - filter.fromMs) / spanMs) * parts));
    counts[countedAs(item)][part]!++;
  }
  return counts;
}

function countedAs(item: TimelineEvent): keyof TimelineCounts {
  if (item.kind === 'receiver') return 'rule';
  return item.kind === 'transition' && item.to === 'firing' ? 'firing' : item.kind;
}

export interface RuleFires {
  readonly ruleId: string;
  /** Of the last day's quarters of an hour, oldest first. */
  readonly counts: readonly number[];
  readonly total: number;
}

export const firesBucketMs = bucketMs;

/** The rules that fired most in the last day. */
export function mostFires(
  { past: { fires } }: LiveStore,
  isWanted: (ruleId: string) => boolean,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): RuleFires[] {
  function* rules(): Generator<{ ruleId: string; total: number }> {
    for (const ruleId of fires.rules()) {
      const total = isWanted(ruleId) ? fires.last24h(ruleId, nowMs) : 0;
      if (total > 0) yield { ruleId, total };
    }
  }
  const { first } = firstSorted(rules(), (one, other) => other.total - one.total, limit);
  return first.map(({ ruleId, total }) => ({ ruleId, total, counts: fires.strip(ruleId, nowMs) }));
}

/** undefined: no place that a page gave. */
export function parseTimelinePlace(text: string): FeedPlace | undefined {
  const match = /^(\d{1,16})_([a-z]{5,10})_(\d{1,4})_(\d{1,16})$/.exec(text);
  const topic = timelineTopics.find((name) => name === match?.[2]);
  if (match === null || topic === undefined) return undefined;
  return { topic, atMs: Number(match[1]), partition: Number(match[3]), offset: Number(match[4]) };
}

function formatPlace({ atMs, topic, partition, offset }: FeedPlace): string {
  return `${Math.max(0, Math.round(atMs))}_${topic}_${partition}_${offset}`;
}

function* matching(live: LiveStore, filter: TimelineFilter): Generator<TimelineEvent> {
  const { kinds, ruleId, metricName, fromMs = -Infinity, toMs = Infinity } = filter;
  const isWanted = metricFilter(metricName);
  for (const item of merged(live.feed.newestFirst(), live.audit.edits)) {
    if (item.atMs > toMs || !kinds.has(item.kind)) continue;
    // Newest first: all that follow are older.
    if (item.atMs < fromMs) return;
    if (ruleId !== undefined || metricName !== undefined) {
      const of = subjectOf(item, live);
      if (ruleId !== undefined && of.ruleId !== ruleId) continue;
      if (!isWanted(of.metricName)) continue;
    }
    yield item;
  }
}

/** Both newest first. */
function* merged(items: readonly FeedItem[], edits: readonly ReceiverEdit[]): Generator<TimelineEvent> {
  let at = 0;
  for (const item of items) {
    for (; at < edits.length && compareTime(edits[at]!, item) > 0; at++) yield edits[at]!;
    yield item;
  }
  yield* edits.slice(at);
}

/** The rule and the metric that an item is about, as far as it is known. */
function subjectOf(
  item: TimelineEvent,
  live: LiveStore,
): { readonly ruleId?: string | undefined; readonly metricName?: string | undefined } {
  if (item.kind === 'transition') return { ruleId: item.ruleId, metricName: item.series.name };
  if (item.kind === 'rule') return item;
  if (item.kind === 'receiver') return {};
  const notification = live.deliveries.sending(item.notificationId)?.notification;
  return { ruleId: notification?.ruleId, metricName: notification?.series.name };
}
