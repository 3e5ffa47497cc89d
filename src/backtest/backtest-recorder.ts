import type { AlarmRecord } from '../alarm/alarm-record.ts';
import type { AlarmState } from '../alarm/alarm-state.ts';
import type { Notice, Notification } from '../alarm/notification.ts';
import type { Effects, EffectsSink } from '../evaluate/effects.ts';
import { tagsIfAny, type Tags } from '../metric/sample.ts';
import type { Group } from '../metric/subject.ts';
import type { DueNotificationView, FiringView, PastTransitionView } from '../wire/backtest.ts';

/** One firing of one alarm, as far as the range tells of it. */
export interface PastFiring {
  readonly alarmId: string;
  readonly tags: Tags;
  /** Of a group of series. */
  readonly group: Group | undefined;
  readonly cause: 'breach' | 'no_data';
  readonly sinceMs: number;
  /** When it fired: after `for_seconds`, later than since. */
  readonly firedMs: number;
  /** undefined when it still fires at the end. */
  endedMs: number | undefined;
  /** What fired it; undefined for want of data. */
  readonly x: number | undefined;
  readonly offset: number;
  notified: boolean;
}

export interface PastTransition {
  readonly seriesKey: string;
  readonly record: AlarmRecord;
}

const noEffects: Effects = { ahead: [], notifications: [], states: [] };
/** Of each kind the newest are kept; all are counted. */
export const keptMax = 10_000;

/** What the evaluator says in a backtest: counted, and the newest of it kept. */
export class BacktestRecorder implements EffectsSink {
  readonly transitions = new Newest<PastTransition>();
  readonly notifications = new Newest<Notification>();
  readonly firings = new Newest<PastFiring>();
  readonly counts = { fired: 0, noData: 0, ended: 0, pending: 0, sent: 0, resolvedSent: 0, deferred: 0 };
  longestMs = 0;
  /** By series: what each alarm is. */
  readonly #standing = new Map<string, { state: AlarmState; firing: PastFiring | undefined }>();
  readonly #seriesFired = new Set<string>();

  get seriesFired(): number {
    return this.#seriesFired.size;
  }

  addNotification(_webhookId: string, notification: Notification | Notice): void {
    if (!notification.message) return;
    this.notifications.add(notification);
    if (notification.kind === 'resolved') this.counts.resolvedSent++;
    else this.counts.sent++;
  }

  /** What it says of the alarm, the state that follows says, too. */
  addAhead(): void {}

  addState(seriesKey: string, record: AlarmRecord): void {
    const before = this.#standing.get(seriesKey);
    const { state } = record;
    // A rule that repeats writes down that it has sent, though its alarm is what it was.
    if (before !== undefined && isSame(before.state, state)) return;
    this.transitions.add({ seriesKey, record });
    let firing = before?.firing;
    const isOther = state.state !== 'firing' || firing === undefined || firing.alarmId !== state.alarmId;
    if (firing !== undefined && isOther) {
      this.#end(firing, record.endedMs ?? record.timeMs);
      firing = undefined;
    }
    if (state.state === 'firing') {
      firing ??= this.#begin(seriesKey, record, state);
      if (isDeferred(state) && (before === undefined || !isDeferred(before.state))) this.counts.deferred++;
      firing.notified ||= state.notified;
    } else if (state.state === 'pending') this.counts.pending++;
    this.#standing.set(seriesKey, { state, firing });
  }

  /** A backtest writes nothing, so nothing is to be deleted. */
  deleteState(): void {}

  drain(): Effects {
    return noEffects;
  }

  /** What still fires has lasted until this time at the least. */
  finish(endMs: number): { firingNow: number } {
    let firingNow = 0;
    for (const { firing } of this.#standing.values()) {
      if (firing === undefined) continue;
      firingNow++;
      this.longestMs = Math.max(this.longestMs, endMs - firing.sinceMs);
    }
    return { firingNow };
  }

  #begin(seriesKey: string, record: AlarmRecord, state: Extract<AlarmState, { state: 'firing' }>): PastFiring {
    const firing: PastFiring = {
      alarmId: state.alarmId,
      tags: record.series.tags,
      group: record.series.group,
      cause: state.cause,
      sinceMs: state.sinceMs,
      firedMs: state.cause === 'no_data' ? state.sinceMs : record.timeMs,
      endedMs: undefined,
      x: record.x,
      offset: record.sample.offset,
      notified: state.notified,
    };
    this.counts.fired++;
    if (state.cause === 'no_data') this.counts.noData++;
    this.#seriesFired.add(seriesKey);
    this.firings.add(firing);
    return firing;
  }

  #end(firing: PastFiring, endedMs: number): void {
    firing.endedMs = endedMs;
    this.counts.ended++;
    this.longestMs = Math.max(this.longestMs, endedMs - firing.sinceMs);
  }
}

function isDeferred(state: AlarmState): boolean {
  return state.state === 'firing' && state.deferred !== undefined;
}

function isSame(one: AlarmState, other: AlarmState): boolean {
  if (one.state !== 'firing' || other.state !== 'firing') return one.state === other.state;
  return one.alarmId === other.alarmId && isDeferred(one) === isDeferred(other) && one.notified === other.notified;
}

/** The newest of many, in order. */
export class Newest<Item> {
  #items: Item[] = [];
  total = 0;

  add(item: Item): void {
    this.total++;
    this.#items.push(item);
    if (this.#items.length > 2 * keptMax) this.#items = this.#items.slice(-keptMax);
  }

  /** At most so many, oldest first. */
  newest(limit: number): readonly Item[] {
    return this.#items.slice(-Math.min(limit, keptMax));
  }
}

export function shownFiring(firing: PastFiring): FiringView {
  return {
    alarm_id: firing.alarmId,
    tags: tagsIfAny(firing.tags),
    group: firing.group,
    cause: firing.cause,
    since_ms: firing.sinceMs,
    fired_ms: firing.firedMs,
    ended_ms: firing.endedMs ?? null,
    value: firing.x ?? null,
    offset: firing.offset,
    notified: firing.notified,
  };
}

export function shownTransition({ series, state, x, timeMs, sample }: AlarmRecord): PastTransitionView {
  const firing = state.state === 'firing' ? state : undefined;
  return {
    tags: tagsIfAny(series.tags),
    group: series.group,
    state: state.state,
    since_ms: state.state === 'ok' ? undefined : state.sinceMs,
    alarm_id: firing?.alarmId,
    cause: firing?.cause,
    notified: firing?.notified,
    deferred: firing === undefined ? undefined : isDeferred(firing),
    value: x ?? null,
    time_ms: timeMs,
    partition: sample.partition,
    offset: sample.offset,
    timestamp_ms: sample.timestampMs,
  };
}

export function shownNotification(notification: Notification): DueNotificationView {
  return {
    id: notification.id,
    kind: notification.kind,
    alarm_id: notification.alarmId,
    tags: tagsIfAny(notification.series.tags),
    group: notification.series.group,
    value: notification.x ?? null,
    time_ms: notification.timeMs,
    offset: notification.sample.offset,
    deferred: notification.deferred,
  };
}
