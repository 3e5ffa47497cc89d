/**
 * One message due to a webhook because of an alarm: a record of the `notifications` topic, under the webhook's numeric id as
 * key. It says everything that the message needs, and no secret: whoever sends it looks the webhook up by the rule's id.
 */
import type { Series } from '../metric/series.ts';
import { operators } from '../rule/comparison.ts';
import { fieldNames, hasKind, publicRule, ruleDefaults, type PublicRule } from '../rule/rule-fields.ts';
import type { Rule } from '../rule/rule.ts';
import { readPlace, readSeries } from './alarm-record.ts';
import type { Cause, RuleVersion, SamplePlace } from './alarm-state.ts';
import type { Due, NotificationKind } from './due.ts';
import { orProblem, RecordProblem, recordJson, RecordReader } from './record-reader.ts';

export interface Notification {
  readonly id: string;
  readonly kind: NotificationKind;
  readonly alarmId: string;
  readonly ruleId: string;
  readonly ruleVersion: RuleVersion;
  /** The public fields of the rule's version. */
  readonly rule: PublicRule;
  readonly series: Series;
  /** What was compared; undefined when the kind is `no_data`. */
  readonly x: number | undefined;
  readonly cause: Cause;
  /** T. */
  readonly timeMs: number;
  readonly sinceMs: number;
  readonly sample: SamplePlace;
  /** Whether it makes good for one that the cooldown withheld. */
  readonly owed: boolean;
}

/**
 * What a step said is due, with the public fields of the rule's version that it was evaluated by. `id`: its own for each named
 * receiver, see `notificationId`.
 */
export function notificationOf(
  due: Due,
  { rule, partition, offset }: { readonly rule: Rule; readonly partition: number; readonly offset: number },
  series: Series,
  id = due.id,
): Notification {
  return {
    id,
    kind: due.kind,
    alarmId: due.alarmId,
    ruleId: rule.id,
    ruleVersion: { partition, offset },
    rule: publicRule(rule),
    series,
    x: due.x,
    cause: due.cause,
    timeMs: due.timeMs,
    sinceMs: due.sinceMs,
    sample: due.sample,
    owed: due.owed,
  };
}

/**
 * When it could be judged at the earliest, which delays are measured from: when its sample was taken; of a silence when the next
 * sample was due, for the sample that it names is the last one before.
 */
export function judgeableMs({ kind, timeMs, sample }: Notification): number {
  return kind === 'no_data' ? timeMs : sample.timestampMs;
}

export function formatNotification(notification: Notification): string {
  const { rule, series, sample, ruleVersion } = notification;
  // JSON leaves out what is undefined.
  return JSON.stringify({
    id: notification.id,
    kind: notification.kind,
    alarm_id: notification.alarmId,
    rule_id: notification.ruleId,
    rule_version: { partition: ruleVersion.partition, offset: ruleVersion.offset },
    rule,
    metric_name: series.name,
    tags: Object.keys(series.tags).length > 0 ? series.tags : undefined,
    x: notification.x,
    ...fieldsOfVersion01(notification),
    cause: notification.cause,
    time_ms: notification.timeMs,
    since_ms: notification.sinceMs,
    partition: sample.partition,
    offset: sample.offset,
    timestamp_ms: sample.timestampMs,
    owed: notification.owed,
  });
}

/** Notifiers of version 0.1 read these and not `rule`: in a rolling upgrade one of them may own the partition. */
function fieldsOfVersion01({ rule, cause }: Notification) {
  return {
    operator: rule.operator ?? ruleDefaults.operator,
    threshold: rule.threshold,
    resolve_threshold: rule.resolve_threshold === rule.threshold ? undefined : rule.resolve_threshold,
    window_duration_seconds: rule.window_duration_seconds,
    no_data_seconds: cause === 'no_data' ? rule.no_data_seconds : undefined,
    description: rule.description,
  };
}

/** Reads a record of the `notifications` topic, or says what is wrong with it. */
export function parseNotification(value: Uint8Array | string): Notification | { readonly problem: string } {
  return orProblem(() => {
    const reader = new RecordReader(recordJson(value));
    const ruleId = reader.text('rule_id');
    const series = readSeries(reader);
    return {
      id: reader.text('id'),
      kind: reader.oneOf('kind', ['fired', 'resolved', 'no_data']),
      alarmId: reader.text('alarm_id'),
      ruleId,
      ruleVersion: readPlace(reader.object('rule_version')),
      rule: reader.has('rule')
        ? readRule(ruleId, reader.raw('rule'))
        : readRuleOfVersion01(ruleId, series.name, reader),
      series,
      x: reader.optional('x', (field) => reader.number(field)),
      cause: reader.oneOf('cause', ['breach', 'no_data']),
      timeMs: reader.number('time_ms'),
      sinceMs: reader.number('since_ms'),
      sample: { ...readPlace(reader), timestampMs: reader.number('timestamp_ms') },
      owed: reader.flag('owed'),
    };
  });
}

function readRule(id: string, json: unknown): PublicRule {
  const reader = new RecordReader(json, 'rule.');
  for (const field of fieldNames) {
    if (reader.has(field) && !hasKind(field, reader.raw(field)))
      throw new RecordProblem(`rule.${field} is not as a rule has it`);
  }
  reader.text('metric_name');
  return publicRule({ ...(json as object), id });
}

/** In 0.1 the fields that a message needs stood beside each other. */
function readRuleOfVersion01(id: string, metricName: string, reader: RecordReader): PublicRule {
  const number = (field: string): number | undefined => reader.optional(field, (name) => reader.number(name));
  const windowSeconds = number('window_duration_seconds');
  const fields = {
    metric_name: metricName,
    operator: reader.oneOf('operator', operators),
    threshold: reader.number('threshold'),
    resolve_threshold: number('resolve_threshold'),
    type: windowSeconds === undefined ? undefined : 'window_average',
    window_duration_seconds: windowSeconds,
    no_data_seconds: number('no_data_seconds'),
    description: reader.optional('description', (field) => reader.text(field)),
  } as const;
  return publicRule({ ...fields, id } as Partial<Rule> & Pick<Rule, 'id'>);
}
