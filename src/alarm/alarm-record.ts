/**
 * A record of the `alarms` topic: an alarm's state, and the sample that it is a function of. Public JSON:
 *
 *   key    21433034-8078-4f1a-bb8d-1ac996db395d ["received-packages","host","a"]
 *          21433034-8078-4f1a-bb8d-1ac996db395d {"metric":"received-packages","group":{"host":"a"}}
 *   value  {"rule_id": …, "rule_version": {"partition": 1, "offset": 7}, "metric_name": …, "tags": {…}, "state": "firing",
 *           "since_ms": …, "alarm_id": …, "cause": "breach", "notified": true, "owed": true,
 *           "deferred": {"kind": "fired", "offset": 1230, "timestamp_ms": …, "x": 508, "time_ms": …}, "deferred_after": 3,
 *           "levels": [{"state": "firing", "since_ms": …, "clear_since_ms": …, "notified": true}, {"state": "ok"}], "level": 1, "notified_level": 1,
 *           "recent": [true, false, true], "clear_since_ms": …, "silent_since_ms": …, "messaged_ms": …, "ended_ms": …, "clock_dues": 1, "to_send": [{…}], "decided_at": 1240, "last_sent_ms": …, "last_sent_offset": 1220, "sent_count": 3,
 *           "rule_time_ms": …, "x": 508, "value": 508, "time_ms": …, "partition": 3, "offset": 1234, "timestamp_ms": …, "revision": 1}
 *
 * Of two records of a key the one with the larger offset wins, then the one with the larger revision, then the later.
 * `last_sent_ms` (L), `last_sent_offset`, `sent_count` and `rule_time_ms` (M) are what the rule remembers across its series: of
 * its records the one that has counted most knows best, whatever sample it is of, since what a clock decides is written at a
 * sample of long ago.
 *
 * `to_send` stands in a record that is written ahead: a clock has decided that these notifications are appended, and the record
 * after it, of the same state, says that they were. Whoever restores it appends them first. `decided_at` is the first offset of
 * `metrics` that was not evaluated before the decision.
 *
 * Of a group there is `"group": {"host": "a", "zone": null}`, too; `tags` are those of its tags that its members have. Its offset is -1
 * while no sample of it was ever seen.
 *
 * `owed` is what versions before 0.3 read and write instead of `deferred`.
 */
import { tagsProblems } from '../metric/metric-limits.ts';
import { noTags, tagsOf, type Tags } from '../metric/sample.ts';
import { groupSubject, subjectKey, type Group, type Subject } from '../metric/subject.ts';
import {
  causes,
  ok,
  type AlarmState,
  type Cause,
  type Deferred,
  type LevelState,
  type RuleVersion,
  type SamplePlace,
} from './alarm-state.ts';
import { levelOf, notifiedLevels } from './level-states.ts';
import { deferredKinds, notificationKinds, type Due } from './due.ts';
import { orProblem, RecordProblem, recordJson, RecordReader } from './record-reader.ts';

export interface AlarmRecord {
  readonly ruleId: string;
  readonly ruleVersion: RuleVersion;
  /** What the alarm is about: a series, or a group of series. */
  readonly series: Subject;
  readonly state: AlarmState;
  readonly ruleMemory: RuleMemory;
  /** What is about to be appended by decision of a clock. */
  readonly toSend?: readonly Due[] | undefined;
  /** Of such a decision: the offset of the first sample that was not evaluated before it. */
  readonly decidedAt?: number | undefined;
  /** How many messages the rule had sent when what is deferred was; 0 without anything deferred. */
  readonly deferredAfter: number;
  /** The sample's value, where it is known. */
  readonly value?: number | undefined;
  /** How many notifications a clock has made due since the sample. */
  readonly clockDues: number;
  /** When an alarm ended that no sample has ended: its rule was edited, or its subject sent no data. */
  readonly endedMs?: number | undefined;
  /** What was compared when the alarm last came to another state; undefined when that was for want of data. */
  readonly x: number | undefined;
  /** T, at the sample. */
  readonly timeMs: number;
  readonly sample: SamplePlace;
  /** 0 for what the sample itself made of the alarm; more for what came after it and before the next one, such as a silence. */
  readonly revision: number;
}

/** What a rule remembers across its series, for its cooldown. */
export interface RuleMemory {
  /** L: what M was when the rule last sent a message; undefined before the first. */
  readonly lastSentMs: number | undefined;
  /** The sample at which it was sent; undefined when a clock decided. */
  readonly lastSentOffset: number | undefined;
  /** How many messages the rule has sent. */
  readonly sentCount: number;
  /** M, as far as it is known: the largest T of the rule's series. */
  readonly ruleTimeMs: number | undefined;
}

/**
 * Whether a record of an alarm that was read later than another one also holds instead of it. When a metric has moved to another
 * partition, as when partitions were added, offsets say nothing and the later sample holds.
 */
export function supersedes(later: Order, earlier: Order): boolean {
  if (later.sample.partition !== earlier.sample.partition)
    return later.sample.timestampMs >= earlier.sample.timestampMs;
  const ahead = later.sample.offset - earlier.sample.offset;
  return ahead > 0 || (ahead === 0 && later.revision >= earlier.revision);
}

type Order = Pick<AlarmRecord, 'revision' | 'sample'>;

/** The key of an alarm's records: its rule and its subject, given as subjectKey. */
export function alarmRecordKey(ruleId: string, subject: string): string {
  return `${ruleId} ${subject}`;
}

/** The rule's id and the series' key that a key of alarmRecordKey is made of; undefined when it is none. */
export function parseAlarmRecordKey(key: string): { readonly ruleId: string; readonly seriesKey: string } | undefined {
  const blank = key.indexOf(' ');
  return blank <= 0 ? undefined : { ruleId: key.slice(0, blank), seriesKey: key.slice(blank + 1) };
}

export function formatAlarmRecord(record: AlarmRecord): string {
  const { series, state, sample, ruleMemory } = record;
  const firing = state.state === 'firing' ? state : undefined;
  // One object of one shape, of which JSON leaves out what is undefined: made by spreading, it would take three times as long.
  return JSON.stringify({
    rule_id: record.ruleId,
    rule_version: { partition: record.ruleVersion.partition, offset: record.ruleVersion.offset },
    metric_name: series.name,
    tags: Object.keys(series.tags).length > 0 ? series.tags : undefined,
    group: series.group,
    state: state.state,
    since_ms: state.state === 'ok' ? undefined : state.sinceMs,
    alarm_id: firing?.alarmId,
    cause: firing?.cause,
    notified: firing?.notified,
    owed: firing === undefined ? undefined : firing.deferred !== undefined,
    deferred: firing?.deferred === undefined ? undefined : formatDeferred(firing.deferred),
    deferred_after: firing?.deferred === undefined ? undefined : record.deferredAfter,
    levels: state.state === 'ok' ? undefined : state.levels?.map(formatLevel),
    level: firing && levelOf(firing),
    notified_level: firing && notifiedLevels(firing).at(-1),
    recent: state.state === 'ok' ? undefined : state.recent,
    clear_since_ms: firing?.clearSinceMs,
    silent_since_ms: firing?.silentSinceMs,
    messaged_ms: firing?.messagedMs,
    ended_ms: record.endedMs,
    clock_dues: record.clockDues > 0 ? record.clockDues : undefined,
    to_send: record.toSend?.map(formatDue),
    decided_at: record.decidedAt,
    last_sent_ms: ruleMemory.lastSentMs,
    last_sent_offset: ruleMemory.lastSentOffset,
    sent_count: ruleMemory.sentCount > 0 ? ruleMemory.sentCount : undefined,
    rule_time_ms: ruleMemory.ruleTimeMs,
    x: record.x,
    value: record.value,
    time_ms: record.timeMs,
    partition: sample.partition,
    offset: sample.offset,
    timestamp_ms: sample.timestampMs,
    revision: record.revision > 0 ? record.revision : undefined,
  });
}

function formatLevel({ state, sinceMs, clearSinceMs, notified }: LevelState): object {
  return { state, since_ms: sinceMs, clear_since_ms: clearSinceMs, notified };
}

function formatDeferred({ kind, sample, ordinal, x, timeMs }: Deferred): object {
  return {
    kind,
    offset: sample.offset,
    timestamp_ms: sample.timestampMs,
    ordinal: ordinal > 0 ? ordinal : undefined,
    x,
    time_ms: timeMs,
  };
}

/** Of what its alarm fires for, the record's state may already say something else. */
function formatDue(due: Due): object {
  return {
    kind: due.kind,
    alarm_id: due.alarmId,
    cause: due.cause,
    level: due.level,
    for_levels: due.forLevels,
    since_ms: due.sinceMs,
    time_ms: due.timeMs,
    x: due.x,
    offset: due.sample.offset,
    timestamp_ms: due.sample.timestampMs,
    ordinal: due.ordinal > 0 ? due.ordinal : undefined,
    message: due.message,
    deferred: due.deferred,
    past: due.isPast,
  };
}

/** Reads a record of the `alarms` topic that is not a tombstone, or says what is wrong with it. */
export function parseAlarmRecord(value: Uint8Array | string): AlarmRecord | { readonly problem: string } {
  return orProblem(() => {
    const reader = new RecordReader(recordJson(value));
    const number = (field: string): number | undefined => reader.optional(field, (name) => reader.number(name));
    const place = (field: string): number | undefined => reader.optional(field, (name) => reader.place(name));
    const sample = readSample(reader);
    const x = number('x');
    const timeMs = reader.number('time_ms');
    return {
      ruleId: reader.text('rule_id'),
      ruleVersion: readPlace(reader.object('rule_version')),
      series: readSubject(reader),
      state: readState(reader, { sample, x, timeMs }),
      ruleMemory: {
        lastSentMs: number('last_sent_ms'),
        lastSentOffset: place('last_sent_offset'),
        sentCount: place('sent_count') ?? 0,
        ruleTimeMs: number('rule_time_ms'),
      },
      toSend: reader.optional('to_send', (field) => reader.objects(field).map((due) => readDue(due, sample.partition))),
      decidedAt: place('decided_at'),
      endedMs: number('ended_ms'),
      deferredAfter: place('deferred_after') ?? 0,
      value: number('value'),
      clockDues: place('clock_dues') ?? 0,
      x,
      timeMs,
      sample,
      revision: place('revision') ?? 0,
    };
  });
}

/** The key that a record belongs under. */
export function keyOfAlarmRecord(record: AlarmRecord): string {
  return alarmRecordKey(record.ruleId, subjectKey(record.series));
}

const states = ['ok', 'pending', 'firing'] as const satisfies readonly AlarmState['state'][];

type At = Pick<AlarmRecord, 'sample' | 'x' | 'timeMs'>;

function readState(reader: RecordReader, at: At): AlarmState {
  const state = reader.oneOf('state', states);
  if (state === 'ok') return ok;
  const sinceMs = reader.number('since_ms');
  const recent = reader.optional('recent', (field) => reader.flags(field));
  const levels = reader.optional('levels', (field) => reader.objects(field).map(readLevel));
  if (state === 'pending') return { state, sinceMs, recent, levels };
  const cause = reader.oneOf('cause', causes);
  return {
    state,
    sinceMs,
    alarmId: reader.text('alarm_id'),
    cause,
    notified: reader.flag('notified'),
    deferred: readDeferred(reader, cause, at),
    recent,
    levels,
    clearSinceMs: reader.optional('clear_since_ms', (field) => reader.number(field)),
    silentSinceMs: reader.optional('silent_since_ms', (field) => reader.number(field)),
    messagedMs: reader.optional('messaged_ms', (field) => reader.number(field)),
  };
}

function readLevel(reader: RecordReader): LevelState {
  const number = (field: string): number | undefined => reader.optional(field, (name) => reader.number(name));
  const isNotified = reader.optional('notified', (field) => reader.flag(field)) === true;
  const state = reader.oneOf('state', states);
  const [sinceMs, clearSinceMs] = [number('since_ms'), number('clear_since_ms')];
  return { state, sinceMs, clearSinceMs, notified: isNotified ? true : undefined };
}

/** Versions before 0.3 wrote only whether something was deferred: then the record's own sample stands for what made it due. */
function readDeferred(reader: RecordReader, cause: Cause, { sample, x, timeMs }: At): Deferred | undefined {
  if (!reader.has('deferred')) {
    if (!reader.flag('owed')) return undefined;
    return { kind: cause === 'breach' ? 'fired' : 'no_data', sample, ordinal: 0, x, timeMs };
  }
  const deferred = reader.object('deferred');
  return { kind: deferred.oneOf('kind', deferredKinds), ...readCause(deferred, sample.partition) };
}

function readDue(reader: RecordReader, partition: number): Due {
  return {
    kind: reader.oneOf('kind', notificationKinds),
    alarmId: reader.text('alarm_id'),
    cause: reader.oneOf('cause', causes),
    level: reader.optional('level', (field) => reader.place(field)),
    forLevels: reader.optional('for_levels', (field) => reader.places(field)),
    sinceMs: reader.number('since_ms'),
    ...readCause(reader, partition),
    message: reader.flag('message'),
    deferred: reader.flag('deferred'),
    isPast: reader.flag('past'),
  };
}

/** What made a notification due. */
function readCause(reader: RecordReader, partition: number): Omit<Deferred, 'kind'> {
  return {
    sample: { partition, offset: readOffset(reader), timestampMs: reader.number('timestamp_ms') },
    ordinal: reader.optional('ordinal', (field) => reader.place(field)) ?? 0,
    x: reader.optional('x', (field) => reader.number(field)),
    timeMs: reader.number('time_ms'),
  };
}

export function readSample(reader: RecordReader): SamplePlace {
  const [partition, offset] = [reader.place('partition'), readOffset(reader)];
  return { partition, offset, timestampMs: reader.number('timestamp_ms') };
}

/** -1 where no sample of the subject was ever seen. */
function readOffset(reader: RecordReader): number {
  return reader.number('offset') === -1 ? -1 : reader.place('offset');
}

export function readSubject(reader: RecordReader): Subject {
  const name = reader.text('metric_name');
  if (reader.has('group')) return groupSubject(name, readGroup(reader.raw('group')));
  return { name, tags: reader.has('tags') ? readTags(reader.raw('tags')) : noTags };
}

export function readTags(tags: unknown): Tags {
  const [wrong] = tagsProblems(tags);
  if (wrong) throw new RecordProblem(`tags ${wrong.message}`);
  return tagsOf(Object.entries(tags as Tags));
}

function readGroup(value: unknown): Group {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RecordProblem('group must be an object');
  const wrong = Object.values(value).find((tag) => typeof tag !== 'string' && tag !== null);
  if (wrong !== undefined) throw new RecordProblem('group must have texts or null');
  return value as Group;
}

export function readPlace(reader: RecordReader): { partition: number; offset: number } {
  return { partition: reader.place('partition'), offset: reader.place('offset') };
}
