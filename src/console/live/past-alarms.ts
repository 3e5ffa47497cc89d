import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import type { Cause, RuleVersion, SamplePlace } from '../../alarm/alarm-state.ts';
import { isEnd } from '../../alarm/due.ts';
import type { Notice, Notification } from '../../alarm/notification.ts';
import type { Subject } from '../../metric/subject.ts';
import { deliveriesBackMs } from './deliveries-view.ts';
import type { Sending } from './sending.ts';
import { FireCounts } from './fire-counts.ts';
import { isFirst, type AlarmChange } from './transition.ts';

/** One firing, past or present, with its facts from the log. */
export interface PastAlarm {
  readonly alarmId: string;
  readonly ruleId: string;
  readonly series: Subject;
  ruleVersion: RuleVersion;
  cause: Cause;
  /** When the breach began, by the samples' times. */
  sinceMs: number;
  /** When it fired: the series time at its sample. */
  firedMs: number;
  /** undefined while it fires, or when unknown. */
  endedMs: number | undefined;
  isFiring: boolean;
  /** The value that fired it; undefined for no data. */
  x: number | undefined;
  sample: SamplePlace;
  /** Whether sample, value and version are those that it fired by: the records with them may no longer be kept. */
  isExact: boolean;
  /** Whether a message was due: otherwise the cooldown deferred it. */
  notified: boolean;
  /** The newest of its messages, in the order of the log. */
  readonly sendings: Sending[];
}

/** Firings kept per partition of `metrics`. */
const keptMax = 2_500;
/** Messages kept per alarm: a rule that notifies of every sample may send any number. */
const sendingsMax = 50;

/**
 * The alarms of the last days, from the states in `alarms` and from the messages about them, whichever is kept; and
 * how often each rule has fired. An alarm is identified by its id, so it counts once, however many records are about it.
 */
export class PastAlarms {
  readonly fires = new FireCounts();
  readonly #now: () => number;
  readonly #byPartition = new Map<number, Map<string, PastAlarm>>();
  #completeSinceMs: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#completeSinceMs = now() - deliveriesBackMs;
  }

  /** The time since which no alarm with a message is missing. */
  get completeSinceMs(): number {
    return this.#completeSinceMs;
  }

  get(alarmId: string): PastAlarm | undefined {
    for (const alarms of this.#byPartition.values()) {
      const found = alarms.get(alarmId);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  *[Symbol.iterator](): IterableIterator<PastAlarm> {
    for (const alarms of this.#byPartition.values()) yield* alarms.values();
  }

  /** A valid record of `alarms`, and the valid one before it. */
  stateChanged({ before, after }: AlarmChange): void {
    if (after.state.state === 'firing') this.#fires(after);
    if (before?.state.state !== 'firing') return;
    if (after.state.state === 'firing' && after.state.alarmId === before.state.alarmId) return;
    this.#ended(before, after.endedMs ?? after.timeMs);
  }

  /** An alarm's record was deleted. */
  stateRemoved(before: AlarmRecord, atMs: number): void {
    if (before.state.state === 'firing') this.#ended(before, atMs);
  }

  notificationSeen(sending: Sending, notification: Notification): void {
    const { alarmId, kind, sample, x, cause, sinceMs, timeMs, ruleVersion, deferred } = notification;
    const facts = { ruleVersion, cause, sinceMs, firedMs: timeMs, x, sample };
    // A deferred message, or one about a later sample, does not belong to the sample that fired.
    const isOfFirst = !isEnd(kind) && kind !== 'reminder' && kind !== 'raised' && !deferred;
    const alarm = this.#alarm(alarmId, notification.ruleId, { ...facts, series: notification.series, isFiring: false });
    if (isOfFirst && (!alarm.isExact || sample.offset < alarm.sample.offset))
      Object.assign(alarm, facts, { isExact: true });
    if (isEnd(kind)) alarm.endedMs ??= timeMs;
    alarm.notified = true;
    alarm.sendings.push(sending);
    if (alarm.sendings.length > sendingsMax) alarm.sendings.shift();
  }

  /** An alarm that had a message has resolved or changed without a further message. */
  noticeSeen({ alarmId, kind, timeMs }: Notice): void {
    const alarm = isEnd(kind) ? this.get(alarmId) : undefined;
    if (alarm !== undefined) alarm.endedMs ??= timeMs;
  }

  #fires(record: AlarmRecord): void {
    if (record.state.state !== 'firing') return;
    const { ruleVersion, sample, x, timeMs, series, ruleId } = record;
    const { alarmId, cause, sinceMs, notified } = record.state;
    const first = isFirst(record);
    const facts = { ruleVersion, cause, sinceMs, firedMs: first ? timeMs : sinceMs, x, sample };
    const alarm = this.#alarm(alarmId, ruleId, { ...facts, series, isFiring: true });
    if (first) Object.assign(alarm, facts, { isExact: true });
    // A firing alarm has no end; for a resolved one an older record adds nothing.
    alarm.isFiring = true;
    alarm.endedMs = undefined;
    alarm.notified ||= notified;
  }

  #ended({ state, sample }: AlarmRecord, timeMs: number): void {
    const alarm = state.state === 'firing' ? this.#byPartition.get(sample.partition)?.get(state.alarmId) : undefined;
    if (alarm === undefined) return;
    alarm.isFiring = false;
    alarm.endedMs = timeMs;
  }

  /** The alarm's entry, created when missing. */
  #alarm(
    alarmId: string,
    ruleId: string,
    facts: Omit<PastAlarm, 'alarmId' | 'ruleId' | 'isExact' | 'endedMs' | 'notified' | 'sendings'>,
  ): PastAlarm {
    const { partition } = facts.sample;
    const alarms = this.#byPartition.get(partition) ?? new Map<string, PastAlarm>();
    this.#byPartition.set(partition, alarms);
    const before = alarms.get(alarmId);
    if (before !== undefined) return before;
    const empty = { endedMs: undefined, isExact: false, notified: false, sendings: [] };
    const alarm: PastAlarm = { alarmId, ruleId, ...facts, ...empty };
    alarms.set(alarmId, alarm);
    if (alarms.size > keptMax) this.#forgetOldest(alarms);
    this.fires.add(ruleId, alarm.firedMs, this.#now());
    return alarm;
  }

  #forgetOldest(alarms: Map<string, PastAlarm>): void {
    const [oldest] = alarms.values();
    alarms.delete(oldest!.alarmId);
    // A device's clock may be far ahead.
    this.#completeSinceMs = Math.max(this.#completeSinceMs, Math.min(oldest!.firedMs, this.#now()));
  }
}
