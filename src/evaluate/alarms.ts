import { notificationId } from '../alarm/identity.ts';
import type { Due } from '../alarm/due.ts';
import type { Series } from '../metric/series.ts';
import { receiverKey } from '../receiver/receiver-config.ts';
import { isDeepStrictEqual } from 'node:util';
import { alarmRecordKey, type AlarmRecord } from '../alarm/alarm-record.ts';
import { ok, type SamplePlace } from '../alarm/alarm-state.ts';
import { notificationOf } from '../alarm/notification.ts';
import { step, type AlarmEvent } from '../alarm/step.ts';
import { assert } from '../base/assert.ts';
import type { RuleBook } from '../rule/rule-book.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import type { Effects, EffectsSink } from './effects.ts';
import type { Alarm, SeriesState } from './series-state.ts';

/** What a rule remembers across its series: when it last sent, and how many times it has. */
interface Sent {
  readonly lastMs: number | undefined;
  readonly count: number;
}

const neverSent: Sent = { lastMs: undefined, count: 0 };
/** A state that was still on its way when its alarm was deleted would bring it back to life; after so long none is. */
const deletedAfterMs = 3_600_000;

/**
 * The alarms of a partition: the steps they take, and what is to be written of them. Gathers until it is drained.
 *
 *   events ──> step ──> notifications due
 *                └────> state, with the sample it is of ──> standing, or finished and in an hour deleted
 */
export class Alarms {
  readonly #book: RuleBook;
  readonly #effects: EffectsSink;
  readonly #sent = new Map<string, Sent>();
  /** Those that are not ok. */
  readonly #standing = new Set<Alarm>();
  /** Those that have a record and are ok: it holds nothing that matters, save perhaps what the rule remembers. */
  readonly #finished = new Set<Alarm>();

  constructor(book: RuleBook, effects: EffectsSink) {
    this.#book = book;
    this.#effects = effects;
  }

  /** Takes what was gathered since the last call. */
  drain(): Effects {
    return this.#effects.drain();
  }

  /** Judges what happened to an alarm at one moment, in order; at most one state comes of it. */
  take(rule: RuleEntry, alarm: Alarm, events: readonly AlarmEvent[]): void {
    const { series } = alarm;
    const { ruleId } = rule.condition;
    const subject = { condition: rule.condition, seriesKey: series.key };
    let changed = false;
    for (const event of events) {
      const sent = this.#sent.get(ruleId) ?? neverSent;
      const result = step(subject, alarm.state, event, sent.lastMs);
      for (const due of result.due) this.#notify(due, rule, series);
      if (!result.changed) continue;
      changed = true;
      alarm.state = result.next;
      alarm.x = event.kind === 'sample' ? event.x : undefined;
      const hasSent = result.due.some(({ kind }) => kind !== 'resolved');
      if (hasSent) this.#sent.set(ruleId, { lastMs: result.lastSentMs, count: sent.count + 1 });
    }
    if (changed) this.#write(alarm);
  }

  /** One notification to each place that the rule names. */
  #notify(due: Due, rule: RuleEntry, series: Series): void {
    if (rule.webhook !== undefined) this.#effects.addNotification(rule.webhook.id, notificationOf(due, rule, series));
    for (const name of rule.rule.notify ?? []) {
      const key = receiverKey(name);
      const id = notificationId(due.alarmId, due.kind, due.sample, key);
      this.#effects.addNotification(key, notificationOf(due, rule, series, id));
    }
  }

  /** Ends an alarm whose rule is no longer its own, without a notification. */
  end(alarm: Alarm): void {
    alarm.silenceJudgedMs = -Infinity;
    // It stays as long as it has a record: one that begins anew at the same sample must count on.
    if (alarm.offset < 0) alarm.series.alarms?.delete(alarm.ruleId);
    if (alarm.state.state === 'ok') return;
    alarm.state = ok;
    alarm.x = undefined;
    this.#write(alarm);
  }

  /** What a rule remembered goes with it: its id does not come back. */
  forgetRule(ruleId: string): void {
    this.#sent.delete(ruleId);
  }

  /** Takes the record of an alarm that holds. */
  restore(record: AlarmRecord, series: SeriesState): void {
    const alarm = series.alarm(record.ruleId);
    alarm.state = record.state;
    alarm.offset = record.sample.offset;
    alarm.revision = record.revision;
    alarm.x = record.x;
    const known = this.#sent.get(record.ruleId);
    if (known === undefined || known.count <= record.sentCount)
      this.#sent.set(record.ruleId, { lastMs: record.lastSentMs, count: record.sentCount });
    this.#sort(alarm, record.sentCount);
  }

  /**
   * Writes of each alarm that is not ok what it is at its series' newest sample. A new owner reads of the samples only the
   * last minutes before its start: the T of a series that seldom speaks it knows from here.
   */
  touch(): void {
    for (const alarm of this.#standing) if ((alarm.series.last?.offset ?? -1) > alarm.offset) this.#write(alarm);
  }

  /**
   * A record that stands in the log as the one that holds, though all up to its sample was judged here and came to something
   * else: a former owner judged by rules that have changed since. What the alarm is here holds from that sample on.
   */
  overrule({ ruleId, sample, revision, state }: AlarmRecord, series: SeriesState): void {
    const alarm = series.alarm(ruleId);
    const ahead = alarm.offset - sample.offset || alarm.revision - revision;
    if (ahead > 0 || isDeepStrictEqual(alarm.state, state)) return;
    alarm.offset = sample.offset;
    alarm.revision = revision + 1;
    this.#append(alarm, sample);
  }

  /**
   * Deletes the records of alarms that have been ok for an hour, all before `committed` being done, and whose rule is gone or
   * remembers all that it has to in another record.
   */
  deleteFinished(committed: number, nowMs: number): void {
    for (const alarm of this.#finished) {
      alarm.seenOkMs ??= nowMs;
      if (nowMs - alarm.seenOkMs < deletedAfterMs || alarm.offset >= committed) continue;
      const { ruleId, series, sentCount } = alarm;
      const isRuleThere = this.#book.get(ruleId) !== undefined;
      if (isRuleThere && sentCount > 0 && sentCount === this.#sent.get(ruleId)?.count) continue;
      this.#finished.delete(alarm);
      alarm.offset = -1;
      if (!isRuleThere) series.alarms?.delete(ruleId);
      this.#effects.deleteState(alarmRecordKey(ruleId, series.key));
    }
  }

  #write(alarm: Alarm): void {
    const { last } = alarm.series;
    assert(last, 'an alarm has its state because of a sample');
    alarm.revision = alarm.offset === last.offset ? alarm.revision + 1 : 0;
    alarm.offset = last.offset;
    this.#append(alarm, last);
  }

  #append(alarm: Alarm, sample: SamplePlace): void {
    const { series, ruleId, revision } = alarm;
    const rule = this.#book.get(ruleId);
    const sent = this.#sent.get(ruleId) ?? neverSent;
    this.#sort(alarm, sent.count);
    this.#effects.addState(series.key, {
      ruleId,
      ruleVersion: { partition: rule?.partition ?? 0, offset: rule?.offset ?? 0 },
      series: { name: series.name, tags: series.tags },
      state: alarm.state,
      lastSentMs: sent.lastMs,
      sentCount: sent.count,
      x: alarm.x,
      timeMs: series.timeMs,
      sample,
      revision,
    });
  }

  #sort(alarm: Alarm, sentCount: number): void {
    alarm.sentCount = sentCount;
    alarm.seenOkMs = undefined;
    const isOk = alarm.state.state === 'ok';
    (isOk ? this.#standing : this.#finished).delete(alarm);
    (isOk ? this.#finished : this.#standing).add(alarm);
  }
}
