import { firstSorted } from '../../base/first-sorted.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { PastAlarm } from '../live/past-alarms.ts';
import type { RuleBook } from '../../rule/rule-book.ts';
import { alarmFilter, type AlarmFilter } from './alarm-filter.ts';

export interface HistoryWanted extends AlarmFilter {
  readonly state?: 'firing' | 'ended' | undefined;
  /** Alarms that fired before `toMs` and had not ended by `fromMs`. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly after?: HistoryPlace | undefined;
  readonly limit: number;
}

/** An alarm's place in the list. */
export type HistoryPlace = Pick<PastAlarm, 'firedMs' | 'alarmId'>;

/** Firings of the last days, what fired last first, in pages that hold and sort no more than a few times their limit. */
export function alarmHistory(
  past: LiveStore['past'],
  book: Pick<RuleBook, 'get'>,
  wanted: HistoryWanted,
): { readonly alarms: PastAlarm[]; readonly total: number; readonly next: string | undefined } {
  const { state, fromMs = -Infinity, toMs = Infinity, after, limit } = wanted;
  const isWanted = alarmFilter(wanted, book);
  let total = 0;
  function* matching(): Generator<PastAlarm> {
    for (const alarm of past) {
      if (!isWanted(alarm)) continue;
      if (state !== undefined && alarm.isFiring !== (state === 'firing')) continue;
      // Of one that is over and nobody knows since when, only its beginning is known.
      const endMs = alarm.isFiring ? Infinity : (alarm.endedMs ?? alarm.firedMs);
      if (alarm.firedMs > toMs || endMs < fromMs) continue;
      total++;
      if (after === undefined || newestFirst(alarm, after) > 0) yield alarm;
    }
  }
  const { first, total: rest } = firstSorted(matching(), newestFirst, limit);
  const last = first.at(-1);
  const next = last !== undefined && rest > first.length ? `${last.firedMs}_${last.alarmId}` : undefined;
  return { alarms: first, total, next };
}

/** undefined: no place that a page gave. */
export function parseHistoryPlace(text: string): HistoryPlace | undefined {
  const [, firedMs, alarmId] = /^(-?\d{1,16}(?:\.\d+)?)_([0-9a-f-]{36})$/.exec(text) ?? [];
  return firedMs === undefined ? undefined : { firedMs: Number(firedMs), alarmId: alarmId! };
}

function newestFirst(one: HistoryPlace, other: HistoryPlace): number {
  return other.firedMs - one.firedMs || (one.alarmId < other.alarmId ? -1 : one.alarmId > other.alarmId ? 1 : 0);
}
