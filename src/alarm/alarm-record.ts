/**
 * A record of the `alarms` topic: an alarm's state, and the sample that it is a function of. Public JSON:
 *
 *   key    21433034-8078-4f1a-bb8d-1ac996db395d ["received-packages","host","a"]
 *   value  {"rule_id": …, "rule_version": {"partition": 1, "offset": 7}, "metric_name": …, "tags": {…}, "state": "firing",
 *           "since_ms": …, "alarm_id": …, "cause": "breach", "notified": true, "owed": false, "last_sent_ms": …,
 *           "sent_count": 3, "x": 508, "time_ms": …, "partition": 3, "offset": 1234, "timestamp_ms": …, "revision": 1}
 *
 * Of two records of a key the one with the larger offset wins, then the one with the larger revision, then the later.
 * `last_sent_ms` and `sent_count` are what the rule remembers across its series: of its records the one that has counted
 * most knows best, whatever sample it is of, since a silence is noticed at a sample of long ago.
 */
import { tagsProblems } from '../metric/metric-limits.ts';
import { noTags, tagsOf, type Tags } from '../metric/sample.ts';
import { seriesKey, type Series } from '../metric/series.ts';
import { ok, type AlarmState, type RuleVersion, type SamplePlace } from './alarm-state.ts';
import { orProblem, RecordProblem, recordJson, RecordReader } from './record-reader.ts';

export interface AlarmRecord {
  readonly ruleId: string;
  readonly ruleVersion: RuleVersion;
  readonly series: Series;
  readonly state: AlarmState;
  /** The event time of the rule's last sent notification; undefined before the first. */
  readonly lastSentMs: number | undefined;
  /** How many times the rule has sent. */
  readonly sentCount: number;
  /** What was compared when the alarm last came to another state; undefined when that was for want of data. */
  readonly x: number | undefined;
  /** T, at the sample. */
  readonly timeMs: number;
  readonly sample: SamplePlace;
  /** 0 for what the sample itself made of the alarm; more for what came after it and before the next one, such as a silence. */
  readonly revision: number;
}

/** Whether a record of an alarm that stands later in the log than another one also holds instead of it. */
export function supersedes(later: Order, earlier: Order): boolean {
  const ahead = later.sample.offset - earlier.sample.offset;
  return ahead > 0 || (ahead === 0 && later.revision >= earlier.revision);
}

type Order = Pick<AlarmRecord, 'revision'> & { readonly sample: Pick<SamplePlace, 'offset'> };

/** The key of an alarm's records: its rule and its series, given as seriesKey. */
export function alarmRecordKey(ruleId: string, series: string): string {
  return `${ruleId} ${series}`;
}

/** The rule's id and the series' key that a key of alarmRecordKey is made of; undefined when it is none. */
export function parseAlarmRecordKey(key: string): { readonly ruleId: string; readonly seriesKey: string } | undefined {
  const blank = key.indexOf(' ');
  return blank <= 0 ? undefined : { ruleId: key.slice(0, blank), seriesKey: key.slice(blank + 1) };
}

export function formatAlarmRecord(record: AlarmRecord): string {
  const { series, state, sample } = record;
  const firing = state.state === 'firing' ? state : undefined;
  // One object of one shape, of which JSON leaves out what is undefined: made by spreading, it would take three times as long.
  return JSON.stringify({
    rule_id: record.ruleId,
    rule_version: { partition: record.ruleVersion.partition, offset: record.ruleVersion.offset },
    metric_name: series.name,
    tags: Object.keys(series.tags).length > 0 ? series.tags : undefined,
    state: state.state,
    since_ms: state.state === 'ok' ? undefined : state.sinceMs,
    alarm_id: firing?.alarmId,
    cause: firing?.cause,
    notified: firing?.notified,
    owed: firing?.owed,
    last_sent_ms: record.lastSentMs,
    sent_count: record.sentCount > 0 ? record.sentCount : undefined,
    x: record.x,
    time_ms: record.timeMs,
    partition: sample.partition,
    offset: sample.offset,
    timestamp_ms: sample.timestampMs,
    revision: record.revision > 0 ? record.revision : undefined,
  });
}

/** Reads a record of the `alarms` topic that is not a tombstone, or says what is wrong with it. */
export function parseAlarmRecord(value: Uint8Array | string): AlarmRecord | { readonly problem: string } {
  return orProblem(() => {
    const reader = new RecordReader(recordJson(value));
    return {
      ruleId: reader.text('rule_id'),
      ruleVersion: readPlace(reader.object('rule_version')),
      series: readSeries(reader),
      state: readState(reader),
      lastSentMs: reader.optional('last_sent_ms', (field) => reader.number(field)),
      sentCount: reader.optional('sent_count', (field) => reader.place(field)) ?? 0,
      x: reader.optional('x', (field) => reader.number(field)),
      timeMs: reader.number('time_ms'),
      sample: { ...readPlace(reader), timestampMs: reader.number('timestamp_ms') },
      revision: reader.optional('revision', (field) => reader.place(field)) ?? 0,
    };
  });
}

/** The key that a record belongs under. */
export function keyOfAlarmRecord(record: AlarmRecord): string {
  return alarmRecordKey(record.ruleId, seriesKey(record.series.name, record.series.tags));
}

function readState(reader: RecordReader): AlarmState {
  const state = reader.oneOf('state', ['ok', 'pending', 'firing']);
  if (state === 'ok') return ok;
  const sinceMs = reader.number('since_ms');
  if (state === 'pending') return { state, sinceMs };
  return {
    state,
    sinceMs,
    alarmId: reader.text('alarm_id'),
    cause: reader.oneOf('cause', ['breach', 'no_data']),
    notified: reader.flag('notified'),
    owed: reader.flag('owed'),
  };
}

export function readSeries(reader: RecordReader): Series {
  const name = reader.text('metric_name');
  if (!reader.has('tags')) return { name, tags: noTags };
  const tags = reader.raw('tags');
  const [wrong] = tagsProblems(tags);
  if (wrong) throw new RecordProblem(`tags ${wrong.message}`);
  return { name, tags: tagsOf(Object.entries(tags as Tags)) };
}

export function readPlace(reader: RecordReader): { partition: number; offset: number } {
  return { partition: reader.place('partition'), offset: reader.place('offset') };
}
