import { alarmRecordKey, type AlarmRecord } from '../alarm/alarm-record.ts';
import {
  isSameState,
  ok,
  sendable,
  type AlarmState,
  type Deferred,
  type Firing,
  type SamplePlace,
} from '../alarm/alarm-state.ts';
import { isCooldownOver, isCooldownOverByClock } from '../alarm/cooldown.ts';
import { waitsForCooldown, type Due } from '../alarm/due.ts';
import type { AlarmEvent, SampleEvent } from '../alarm/alarm-event.ts';
import { send, step } from '../alarm/step.ts';
import type { Step } from '../alarm/step-result.ts';
import { assert } from '../base/assert.ts';
import type { RulesInForce } from '../rule/rule-book.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { appendNotifications } from './notifications.ts';
import { AlarmRecords } from './alarm-records.ts';
import { AlarmRegister } from './alarm-register.ts';
import type { Effects, EffectsSink } from './effects.ts';
import type { ClockReading } from './partition-clock.ts';
import { RuleMemories, type KeptMemory, type RuleSeries } from './rule-memories.ts';
import { alarmOf, type Alarm, type AlarmSubject } from './alarm.ts';

/**
 * The alarms of a partition: the steps they take, what their rules' cooldowns hold back, and what is to be written of both.
 * Gathers until it is drained.
 *
 *   events ──> step ──> appended at once (resolved, ended)
 *                └────> state ──> deferred ──cooldown over──> sent, oldest first, all of the rule together
 *
 * What a sample decides is written as notifications, then states: read again after a crash, the sample decides the same. What a
 * clock decides is written ahead, since no clock says the same twice: a state that names what is about to be sent, then the
 * notification, then the state without that.
 */
export class Alarms {
  readonly #book: RulesInForce;
  readonly #effects: EffectsSink;
  readonly #series: RuleSeries;
  readonly #memories: RuleMemories;
  readonly #register: AlarmRegister;
  readonly #records: AlarmRecords;
  /** Restored with notifications that a former owner was about to append. */
  readonly #unfinished = new Map<Alarm, readonly Due[]>();
  /** What a clock has changed, not written yet. */
  readonly #changedByClock = new Map<Alarm, Due[]>();
  /** By the monotonic clock, as of the last reading. */
  monotonicMs = 0;
  /** The offset of the first sample that is not evaluated yet. */
  position = 0;
  /** When the process, or its claim, began, or woke from a pause. */
  beganMs = -Infinity;

  constructor(book: RulesInForce, effects: EffectsSink, series: RuleSeries) {
    this.#book = book;
    this.#effects = effects;
    this.#series = series;
    this.#memories = new RuleMemories(series);
    this.#register = new AlarmRegister(book);
    this.#records = new AlarmRecords({ book, effects, memories: this.#memories, register: this.#register });
  }

  /** Takes what was gathered since the last call. */
  drain(): Effects {
    return this.#effects.drain();
  }

  // What samples decide.

  /** What rules remember of what they sent. */
  get memories(): RuleMemories {
    return this.#memories;
  }

  /**
   * A sample of a series that the rule matches: takes the alarm through what happened to it, then sends what the cooldown allows. `alarm`
   * and `events` are left out where the sample was evaluated before.
   */
  take(rule: RuleEntry, sample: SamplePlace, alarm?: Alarm, events: readonly AlarmEvent[] = []): void {
    let changed = false;
    let isUrgent = false;
    let own: SampleEvent | undefined;
    if (alarm !== undefined) {
      for (const event of events) {
        const result = this.#step(rule, alarm, event);
        changed ||= result.changed;
        isUrgent = result.isUrgent === true;
        if (event.kind === 'sample') own = event;
      }
    }
    const sent = this.#memories.isWaiting(rule.condition.ruleId)
      ? this.#sendAtSample(rule, sample, { alarm, event: own, isUrgent })
      : undefined;
    // One that has sent was written with what it sent.
    if (changed && alarm !== undefined && sent?.has(alarm) !== true) this.#records.write(alarm);
  }

  #sendAtSample(rule: RuleEntry, sample: SamplePlace, own: OwnAlarm): ReadonlySet<Alarm> | undefined {
    const { ruleId, cooldownMs } = rule.condition;
    const memory = this.#memories.of(ruleId);
    const isOver = isCooldownOver(rule.condition, this.#memories.ruleTimeMs(rule, memory), memory.lastSentMs);
    // It was over at this sample if the rule has sent at it: a crash came between, and what was deferred then is sent now.
    const isAgain = !isOver && memory.lastSentOffset === sample.offset;
    if (!isOver && !isAgain && !own.isUrgent) return undefined;
    const waiting = inOrder(memory.waiting).filter(
      (alarm) => isOver || alarm === own.alarm || (isAgain && alarm.deferredAfter < memory.sentCount),
    );
    if (waiting.length === 0) return undefined;
    // Without a cooldown rule time is not followed: the own series' T stands for it.
    const ruleTimeMs = cooldownMs === 0 ? waiting[0]!.subject.timeMs : this.#memories.exactRuleTimeMs(rule, memory);
    for (const alarm of waiting) {
      const present = alarm === own.alarm ? own.event : undefined;
      const isDelayed = deferredOf(alarm).sample.offset !== sample.offset;
      const due = this.#send(alarm, {
        own: present,
        isDelayed,
        sentMs: present?.timeMs ?? ruleTimeMs,
        ruleTimeMs,
        // What was urgent alone ended no cooldown: evaluated again after a crash, the sample sends nothing else.
        offset: isOver || isAgain ? sample.offset : undefined,
      });
      appendNotifications(this.#effects, rule, alarm.subject, [due]);
      this.#records.write(alarm);
    }
    if (cooldownMs > 0) this.#series.evaluateFrom(rule, ruleTimeMs + cooldownMs);
    return new Set(waiting);
  }

  // What clocks decide.

  /** Takes an alarm through what a clock has found; `finishClock` sends and writes what follows. */
  takeByClock(rule: RuleEntry, alarm: Alarm, event: AlarmEvent): void {
    const immediate: Due[] = [];
    const before = this.clockDuesOf(alarm);
    if (!this.#step(rule, alarm, event, immediate).changed) return;
    if (alarm.state.state === 'firing') alarm.duesByClock = before + 1;
    this.#changedByClock.set(alarm, [...(this.#changedByClock.get(alarm) ?? []), ...immediate]);
  }

  /** The alarms that are to be reminded of now, by the clock. */
  remindersDue(reading: ClockReading): readonly Alarm[] {
    return this.#register.remindersDue(reading, this.beganMs);
  }

  /**
   * Sends what cooldowns no longer hold back, and writes what the clock has changed. Before the head of the log samples decide when a
   * cooldown is over, save for what this very reading has made due: they may be read again, and must then find what was deferred.
   */
  finishClock(reading: ClockReading): void {
    const dueNow = new Set([...this.#changedByClock.keys()].map(({ ruleId }) => ruleId));
    const written = new Set<Alarm>();
    for (const ruleId of this.#memories.waitingRules()) {
      const rule = this.#book.get(ruleId);
      if (rule === undefined || (!reading.isAtHead && !dueNow.has(ruleId))) continue;
      const memory = this.#memories.of(ruleId);
      const { condition } = rule;
      const passedMs = reading.monotonicMs - Math.max(memory.sentAtMs, this.beganMs);
      const isOver = isCooldownOver(condition, this.#memories.ruleTimeMs(rule, memory), memory.lastSentMs);
      if (isOver || (reading.isAtHead && isCooldownOverByClock(condition, passedMs)))
        for (const alarm of this.#sendByClock(rule, memory, reading.clockMs)) written.add(alarm);
    }
    for (const [alarm, immediate] of this.#changedByClock)
      if (!written.has(alarm)) this.#writeAhead(this.#book.get(alarm.ruleId), alarm, immediate);
    this.#changedByClock.clear();
  }

  /** Sends all that a rule has deferred, by decision of a clock. Returns what it has written. */
  #sendByClock(rule: RuleEntry, memory: KeptMemory, clockMs: number): readonly Alarm[] {
    const { cooldownMs } = rule.condition;
    const waiting = inOrder(memory.waiting);
    const ruleTimeMs = cooldownMs === 0 ? waiting[0]!.subject.timeMs : this.#memories.exactRuleTimeMs(rule, memory);
    for (const alarm of waiting) {
      const isDelayed = alarm.duesByClock === undefined;
      const sentMs = Math.max(alarm.subject.timeMs, clockMs);
      const due = this.#send(alarm, { own: undefined, isDelayed, sentMs, ruleTimeMs, offset: undefined });
      this.#writeAhead(rule, alarm, [...(this.#changedByClock.get(alarm) ?? []), due]);
    }
    if (cooldownMs > 0) this.#series.evaluateFrom(rule, ruleTimeMs + cooldownMs);
    return waiting;
  }

  /** Writes what is about to be sent of an alarm, sends it, and writes that it was sent. */
  #writeAhead(rule: RuleEntry | undefined, alarm: Alarm, dues: readonly Due[]): void {
    if (dues.length === 0 || rule === undefined) return this.#records.write(alarm);
    this.#records.writeAhead(alarm, dues, this.position);
    appendNotifications(this.#effects, rule, alarm.subject, dues);
    this.#records.write(alarm);
  }

  // Edits, restores.

  /** Ends an alarm whose rule is no longer its own, without a message. `atMs` is when that was. */
  end(alarm: Alarm, rule: RuleEntry | undefined, atMs: number): void {
    // It stays as long as it has a record: one that begins again at the same sample must count on.
    if (!alarm.isWritten) alarm.subject.alarms?.delete(alarm.ruleId);
    if (alarm.state.state === 'ok') return;
    const { last } = alarm.subject;
    assert(last, 'an alarm has its state because of a sample');
    if (rule !== undefined) this.#step(rule, alarm, { kind: 'stopped', timeMs: atMs, sample: last });
    this.#setState(alarm, ok);
    alarm.x = undefined;
    alarm.endedMs = atMs;
    this.#records.write(alarm);
  }

  /** The rule of an alarm may be another version than before. */
  followRule(alarm: Alarm): void {
    if (alarm.isWritten) this.#register.put(alarm);
  }

  /** Takes the record of an alarm that holds. */
  restore(record: AlarmRecord, subject: AlarmSubject): void {
    const alarm = alarmOf(subject, record.ruleId);
    alarm.isWritten = true;
    alarm.offset = record.sample.offset;
    alarm.revision = record.revision;
    alarm.clockDues = record.clockDues;
    alarm.x = record.x;
    this.#setState(alarm, record.state);
    alarm.deferredAfter = record.deferredAfter;
    this.#memories.restore(record.ruleId, record.ruleMemory);
    if (record.toSend !== undefined) this.#unfinished.set(alarm, record.toSend);
    this.#records.sort(alarm, record.ruleMemory.sentCount);
  }

  /**
   * Sends what a former owner was about to send by decision of a clock; and what it would have sent of the same rules next, since
   * all that a rule has deferred is sent together.
   */
  finishRestored(clockMs: number): void {
    const unfinished = [...this.#unfinished].sort(
      ([one, [first]], [other, [second]]) =>
        (one.ruleId < other.ruleId ? -1 : 1) * Number(one.ruleId !== other.ruleId) ||
        first!.sample.offset - second!.sample.offset,
    );
    for (const [alarm, dues] of unfinished) {
      const rule = this.#book.get(alarm.ruleId);
      if (rule !== undefined) appendNotifications(this.#effects, rule, alarm.subject, dues);
      this.#records.write(alarm);
      const memory = this.#memories.get(alarm.ruleId);
      const isOfRule = dues.some(({ kind }) => waitsForCooldown(kind));
      if (rule !== undefined && isOfRule && memory !== undefined && memory.waiting.size > 0)
        this.#sendByClock(rule, memory, clockMs);
    }
    this.#unfinished.clear();
  }

  /**
   * Writes of each alarm that is not ok what it is at its subject's newest sample. A new owner reads of the samples only the
   * last minutes before its start: the T of one that seldom sends it knows from here.
   */
  touch(): void {
    for (const alarm of this.#register.standing)
      if ((alarm.subject.last?.offset ?? -1) > alarm.offset) this.#records.write(alarm);
  }

  /**
   * A record that stands in the log as the one that holds, though all up to its sample was evaluated here with another result: a
   * former owner evaluated it by rules that have changed since. What the alarm is here holds from that sample on.
   */
  overrule({ ruleId, sample, revision, state, toSend }: AlarmRecord, subject: AlarmSubject): void {
    const alarm = alarmOf(subject, ruleId);
    const ahead = alarm.offset - sample.offset || alarm.revision - revision;
    if (ahead > 0 || (toSend === undefined && isSameState(alarm.state, state))) return;
    this.#records.overwrite(alarm, sample, revision + 1);
  }

  /**
   * Deletes the records of alarms that have been ok for an hour, all before `committed` being done, and whose rule is gone or
   * remembers all that it has to in another record.
   */
  deleteFinished(committed: number, nowMs: number): void {
    for (const alarm of this.#register.longFinished(committed, nowMs)) {
      const { ruleId, subject, sentCount } = alarm;
      const isRuleThere = this.#book.get(ruleId) !== undefined;
      if (isRuleThere && sentCount > 0 && sentCount === this.#memories.get(ruleId)?.sentCount) continue;
      this.#register.remove(alarm);
      alarm.offset = -1;
      alarm.isWritten = false;
      if (!isRuleThere) subject.alarms?.delete(ruleId);
      this.#effects.deleteState(alarmRecordKey(ruleId, subject.key));
    }
  }

  /** Drops the alarms of a subject, with their records, and says nothing of it: they belong to another partition. */
  drop(subject: AlarmSubject): void {
    for (const alarm of subject.alarms?.values() ?? []) {
      this.#setState(alarm, ok);
      this.#register.remove(alarm);
      if (alarm.isWritten) this.#effects.deleteState(alarmRecordKey(alarm.ruleId, subject.key));
    }
    subject.alarms?.clear();
  }

  /** How many notifications of an alarm a clock has made due at its series' newest sample. */
  clockDuesOf(alarm: Alarm): number {
    return alarm.offset === alarm.subject.last?.offset ? alarm.clockDues : 0;
  }

  /** What is to be appended at once is, or is added to `later`. */
  #step(rule: RuleEntry, alarm: Alarm, event: AlarmEvent, later?: Due[]): Step {
    const { subject } = alarm;
    const result = step({ condition: rule.condition, subjectKey: subject.key }, alarm.state, event);
    if (later === undefined) appendNotifications(this.#effects, rule, subject, result.due);
    else later.push(...result.due);
    if (!result.changed) return result;
    alarm.x = event.kind === 'sample' ? event.x : undefined;
    // No sample has ended an alarm that a silence has.
    alarm.endedMs = event.kind === 'no_data' && result.next.state === 'ok' ? event.timeMs : undefined;
    this.#setState(alarm, result.next);
    return result;
  }

  /** Sends what an alarm has deferred, and notes it for the rule. */
  #send(
    alarm: Alarm,
    at: Parameters<typeof send>[1] & { readonly ruleTimeMs: number; readonly offset: number | undefined },
  ): Due {
    const memory = this.#memories.of(alarm.ruleId);
    const { next, due } = send(alarm.state as Firing, at);
    if (at.own !== undefined) alarm.x = at.own.x;
    this.#setState(alarm, next);
    alarm.messagedAtMs = this.monotonicMs;
    memory.sentAtMs = this.monotonicMs;
    // Of a metric never seen there is no rule time: any sample is later.
    memory.lastSentMs = Math.max(at.ruleTimeMs, earliestMs);
    memory.lastSentOffset = at.offset;
    memory.sentCount++;
    return due;
  }

  #setState(alarm: Alarm, state: Alarm['state']): void {
    const { state: before } = alarm;
    alarm.state = state;
    if (deferredIn(state) !== deferredIn(before)) alarm.deferredAfter = this.#memories.of(alarm.ruleId).sentCount;
    if (sendable(state) !== sendable(before)) this.#memories.setWaiting(alarm, sendable(state) !== undefined);
  }
}

/** The alarm that a sample is about, and how it met the sample; undefined where that was evaluated before. */
interface OwnAlarm {
  readonly alarm: Alarm | undefined;
  readonly event: SampleEvent | undefined;
  /** What it has deferred is sent whatever the cooldown. */
  readonly isUrgent: boolean;
}

/** The earliest time that there is (ECMA-262, Date). */
const earliestMs = -8.64e15;

/** Oldest first: in the order of the samples that made them due. */
function inOrder(waiting: ReadonlySet<Alarm>): readonly Alarm[] {
  return [...waiting].sort((one, other) => deferredOf(one).sample.offset - deferredOf(other).sample.offset);
}

function deferredIn(state: AlarmState): Deferred | undefined {
  return state.state === 'firing' ? state.deferred : undefined;
}

function deferredOf({ state }: Alarm): Deferred {
  return (state as Firing).deferred!;
}
