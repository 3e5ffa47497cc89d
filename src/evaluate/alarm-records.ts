import type { AlarmRecord } from '../alarm/alarm-record.ts';
import type { SamplePlace } from '../alarm/alarm-state.ts';
import type { Due } from '../alarm/due.ts';
import { assert } from '../base/assert.ts';
import type { RulesInForce } from '../rule/rule-book.ts';
import type { Alarm } from './alarm.ts';
import type { AlarmRegister } from './alarm-register.ts';
import type { EffectsSink } from './effects.ts';
import { subjectOf } from './notifications.ts';
import type { RuleMemories } from './rule-memories.ts';

interface Parts {
  readonly book: RulesInForce;
  readonly effects: EffectsSink;
  readonly memories: RuleMemories;
  readonly register: AlarmRegister;
}

/** The records of alarms that are to be appended: each of a sample, and of the same sample each with a larger revision. */
export class AlarmRecords {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What an alarm is at the newest sample of its subject. */
  write(alarm: Alarm): void {
    this.#append(alarm, this.#nextRevision(alarm));
  }

  /** The same, with what is about to be appended of it by decision of a clock. `position`: the first sample not evaluated yet. */
  writeAhead(alarm: Alarm, dues: readonly Due[], position: number): void {
    this.#nextRevision(alarm);
    const record = { ...this.#recordOf(alarm), toSend: dues, decidedAt: position };
    this.#parts.effects.addAhead(alarm.subject.key, record);
  }

  /** What an alarm is, at an earlier sample. */
  overwrite(alarm: Alarm, sample: SamplePlace, revision: number): void {
    alarm.offset = sample.offset;
    alarm.revision = revision;
    this.#append(alarm, sample);
  }

  /** An alarm has a record, which counts so many messages of its rule. */
  sort(alarm: Alarm, sentCount: number): void {
    alarm.sentCount = sentCount;
    alarm.seenOkMs = undefined;
    this.#parts.register.put(alarm);
  }

  #nextRevision(alarm: Alarm): SamplePlace {
    const { last } = alarm.subject;
    assert(last, 'an alarm has its state because of a sample');
    const isSame = alarm.offset === last.offset;
    alarm.revision = isSame ? alarm.revision + 1 : 0;
    alarm.clockDues = alarm.duesByClock ?? (isSame ? alarm.clockDues : 0);
    alarm.duesByClock = undefined;
    alarm.offset = last.offset;
    return last;
  }

  #append(alarm: Alarm, sample: SamplePlace): void {
    const record = this.#recordOf(alarm, sample);
    alarm.isWritten = true;
    this.sort(alarm, record.ruleMemory.sentCount);
    this.#parts.effects.addState(alarm.subject.key, record);
  }

  #recordOf(alarm: Alarm, sample = alarm.subject.last!): AlarmRecord {
    const { subject, ruleId, revision } = alarm;
    const timeMs = Number.isFinite(subject.timeMs) ? subject.timeMs : sample.timestampMs;
    const rule = this.#parts.book.get(ruleId);
    return {
      ruleId,
      ruleVersion: { partition: rule?.partition ?? 0, offset: rule?.offset ?? 0 },
      series: subjectOf(subject),
      state: alarm.state,
      ruleMemory: this.#parts.memories.toKeep(ruleId),
      clockDues: alarm.clockDues,
      endedMs: alarm.endedMs,
      deferredAfter: alarm.deferredAfter,
      value: sample.offset === subject.last?.offset ? subject.lastValue : undefined,
      x: alarm.x,
      timeMs,
      sample,
      revision,
    };
  }
}
