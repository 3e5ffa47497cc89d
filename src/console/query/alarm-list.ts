// The states of alarms as a list in pages: firing first, then pending, each longest first; what is calm in the order of rules.
import { createHash } from 'node:crypto';
import { levelOf } from '../../alarm/level-states.ts';
import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import { firstSorted } from '../../base/first-sorted.ts';
import { subjectKey, type Subject } from '../../metric/subject.ts';
import type { AlarmsView, StateName } from '../live/alarms-view.ts';
import type { RuleBook } from '../../rule/rule-book.ts';
import { alarmFilter, type AlarmFilter } from './alarm-filter.ts';

export interface AlarmListWanted extends AlarmFilter {
  readonly state: StateName | undefined;
  /** A place that an earlier page gave. */
  readonly after: AlarmPlace | undefined;
  readonly limit: number;
}

/** Where in the list an alarm stood when it was told of. */
export interface AlarmPlace {
  readonly state: StateName;
  readonly sinceMs: number;
  readonly ruleId: string;
  /** Of the series, whose name may be longer than an address is allowed to be. */
  readonly hash: string;
}

/** What the order hangs on. */
interface Ordered {
  readonly ruleId: string;
  readonly series: Subject;
  readonly state: { readonly state: StateName; readonly sinceMs?: number };
}

const ranks: Record<StateName, number> = { firing: 0, pending: 1, ok: 2 };

/** One page of however many: it holds and sorts no more than a few times its limit. `total` counts all pages. */
export function listAlarms(
  alarms: AlarmsView,
  book: Pick<RuleBook, 'get'>,
  wanted: AlarmListWanted,
): { readonly alarms: AlarmRecord[]; readonly total: number; readonly next: string | undefined } {
  const { ruleId, after, limit } = wanted;
  const isActive = wanted.state === 'firing' || wanted.state === 'pending';
  const source = ruleId !== undefined ? alarms.ofRule(ruleId) : isActive ? alarms.active() : alarms;
  const from = after === undefined ? undefined : orderedAt(alarms, after);
  let total = 0;
  const isWanted = alarmFilter(wanted, book);
  function* matching(): Generator<AlarmRecord> {
    for (const alarm of source) {
      if (wanted.state !== undefined && alarm.state.state !== wanted.state) continue;
      if (!isWanted(alarm, alarm.state.state === 'firing' ? (levelOf(alarm.state) ?? 0) : undefined)) continue;
      total++;
      if (from === undefined || compare(alarm, from) > 0) yield alarm;
    }
  }
  const found = firstSorted(matching(), compare, limit);
  const isMore = found.total > found.first.length;
  return { alarms: found.first, total, next: isMore ? formatPlace(found.first.at(-1)!) : undefined };
}

/** undefined: no place that a page gave. */
export function parsePlace(text: string): AlarmPlace | undefined {
  const match = /^(firing|pending|ok)_(-?\d{1,16}(?:\.\d+)?)_([0-9a-f-]{36})_([0-9a-f]{16})$/.exec(text);
  if (match === null) return undefined;
  const [, state, since, ruleId, hash] = match;
  return { state: state as StateName, sinceMs: Number(since), ruleId: ruleId!, hash: hash! };
}

function formatPlace({ ruleId, series, state }: AlarmRecord): string {
  const sinceMs = state.state === 'ok' ? 0 : state.sinceMs;
  return `${state.state}_${sinceMs}_${ruleId}_${hashOf(series)}`;
}

/** A series may be gone since: its page then goes on at the rule's first series of that state and time. */
function orderedAt(alarms: AlarmsView, { state, sinceMs, ruleId, hash }: AlarmPlace): Ordered {
  const found = Iterator.from(alarms.ofRule(ruleId)).find(({ series }) => hashOf(series) === hash);
  return { ruleId, state: { state, sinceMs }, series: found?.series ?? { name: '', tags: {} } };
}

function compare(one: Ordered, other: Ordered): number {
  const byState = ranks[one.state.state] - ranks[other.state.state] || sinceOf(one) - sinceOf(other);
  if (byState !== 0) return byState;
  if (one.ruleId !== other.ruleId) return one.ruleId < other.ruleId ? -1 : 1;
  const [key, otherKey] = [subjectKey(one.series), subjectKey(other.series)];
  return key < otherKey ? -1 : key > otherKey ? 1 : 0;
}

const sinceOf = ({ state }: Ordered): number => (state.state === 'ok' ? 0 : (state.sinceMs ?? 0));

function hashOf(series: Subject): string {
  return createHash('sha256').update(subjectKey(series)).digest('hex').slice(0, 16);
}
