import { ok, type AlarmState, type SamplePlace } from '../alarm/alarm-state.ts';
import type { Subject } from '../metric/subject.ts';

/** One rule on one subject: its state, and the sample that this state is a function of. */
export interface Alarm {
  readonly ruleId: string;
  readonly subject: AlarmSubject;
  state: AlarmState;
  /** Whether `alarms` has a record of it. */
  isWritten: boolean;
  /** -1 before any state was written, and while no sample of the subject was ever seen. */
  offset: number;
  /** How many states were written at this sample before the last one. */
  revision: number;
  /** How many messages its rule had sent when what is deferred was. */
  deferredAfter: number;
  /** How many notifications a clock has made due at this sample. */
  clockDues: number;
  /** The same, as soon as it is written; undefined when nothing was made due since. */
  duesByClock: number | undefined;
  /** What was compared when the state was last written; undefined when it was none for a value. */
  x: number | undefined;
  /** How many notifications its rule had sent when the state was last written. */
  sentCount: number;
  /** When it was first seen to be ok, by performance.now(); undefined before. */
  seenOkMs: number | undefined;
  /** When its last message was sent, by the monotonic clock. */
  messagedAtMs: number;
  /** When it ended, if no sample has ended it. */
  endedMs: number | undefined;
}

/** The alarm of a rule on a subject, made when it is not there. */
export function alarmOf(subject: AlarmSubject, ruleId: string): Alarm {
  subject.alarms ??= new Map();
  let alarm = subject.alarms.get(ruleId);
  if (alarm === undefined) subject.alarms.set(ruleId, (alarm = newAlarm(ruleId, subject)));
  return alarm;
}

/** Whether the topic `alarms` holds a record of one of the subject's alarms. */
export function hasRecords({ alarms }: AlarmSubject): boolean {
  return alarms?.values().some(({ isWritten }) => isWritten) === true;
}

function newAlarm(ruleId: string, subject: AlarmSubject): Alarm {
  return {
    ruleId,
    subject,
    state: ok,
    isWritten: false,
    offset: -1,
    revision: 0,
    deferredAfter: 0,
    clockDues: 0,
    duesByClock: undefined,
    x: undefined,
    sentCount: 0,
    seenOkMs: undefined,
    messagedAtMs: -Infinity,
    endedMs: undefined,
  };
}

/** What alarms are about, as far as the partition has been read: a series, or a group of series. */
export interface AlarmSubject extends Subject {
  /** subjectKey. */
  readonly key: string;
  /** By rule id; undefined before there is one. */
  alarms: Map<string, Alarm> | undefined;
  /** T: the largest timestamp seen; -Infinity before the first sample. */
  readonly timeMs: number;
  /** The newest sample in log order; undefined before the first. */
  readonly last: SamplePlace | undefined;
  /** The newest value; undefined when it is not known. */
  readonly lastValue: number | undefined;
  /** When its newest sample was read, by the monotonic clock; -Infinity when that was not by this process. */
  readonly heardAtMs: number;
  /** When it began to be waited for, in milliseconds since the epoch, if no sample of it was ever seen; else -Infinity. */
  readonly awaitedMs: number;
  /** Silent for so long that it owes nothing, until it speaks again. */
  readonly isForgotten: boolean;
  /** Its next sample must be evaluated, whatever its value. */
  judgeAll(): void;
  forget(): void;
}
