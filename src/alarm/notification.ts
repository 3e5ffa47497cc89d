/**
 * One message due to a webhook because of an alarm: a record of the `notifications` topic, under the webhook's numeric id as
 * key. It says everything that the message needs, and no secret: whoever sends it looks the webhook up by the rule's id.
 */
import type { Tags } from '../metric/sample.ts';
import type { Subject } from '../metric/subject.ts';
import { operators } from '../rule/comparison.ts';
import { fieldNames, hasKind, publicRule, ruleDefaults, type PublicRule } from '../rule/rule-fields.ts';
import { thresholdAt } from '../rule/rule-level.ts';
import type { Rule } from '../rule/rule.ts';
import { readPlace, readSample, readSubject, readTags } from './alarm-record.ts';
import { causes, type Cause, type RuleVersion, type SamplePlace } from './alarm-state.ts';
import { messageKinds, notificationKinds, type Due, type MessageKind, type NotificationKind } from './due.ts';
import { isOfSilence } from './of-silence.ts';
import { orProblem, RecordProblem, recordJson, RecordReader } from './record-reader.ts';

/** Members of a group, as of when the notification was appended. */
export interface Members {
  readonly first: readonly { readonly tags: Tags; readonly value: number }[];
  readonly total: number;
  /** Of a ratio, what its value was divided by. */
  readonly divisor?: number;
}

interface NotificationFields {
  readonly id: string;
  readonly alarmId: string;
  readonly ruleId: string;
  readonly ruleVersion: RuleVersion;
  /** The public fields of the rule's version. */
  readonly rule: PublicRule;
  /** What the alarm is about: a series, or a group of series. */
  readonly series: Subject;
  /** Of a group, the members that make its value, the worst first; the first of them, and how many there are. */
  readonly members?: Members;
  /** What was compared; for `no_data` the last value received, if the alarm fired before. */
  readonly x: number | undefined;
  readonly cause: Cause;
  /** The alarm's level; undefined without levels, or without data. */
  readonly level?: number;
  /** T. */
  readonly timeMs: number;
  readonly sinceMs: number;
  readonly sample: SamplePlace;
  /** Whether the cooldown held it back. */
  readonly deferred: boolean;
  /** Whether `x` and `timeMs` are of the sample that made it due, long before it was sent. */
  readonly isPast: boolean;
}

/** A notification that a message is sent of. */
export interface Notification extends NotificationFields {
  readonly kind: MessageKind;
  readonly message: true;
}

/** A notification without a message: it says that the alarm has ended or changed. */
export interface Notice extends NotificationFields {
  readonly kind: NotificationKind;
  readonly message: false;
}

/** What is due, with the public fields of the rule's version that it was evaluated by. `id`: see `notificationId`. */
export function notificationOf(
  id: string,
  due: Due,
  { rule, partition, offset }: { readonly rule: Rule; readonly partition: number; readonly offset: number },
  series: Subject,
): Notification | Notice {
  const fields = {
    id,
    alarmId: due.alarmId,
    ruleId: rule.id,
    ruleVersion: { partition, offset },
    rule: publicRule(rule),
    series,
    x: due.x,
    cause: due.cause,
    ...(due.level !== undefined && { level: due.level }),
    timeMs: due.timeMs,
    sinceMs: due.sinceMs,
    sample: due.sample,
    deferred: due.deferred,
    isPast: due.isPast,
  };
  return withMessage(fields, due.kind, due.message);
}

function withMessage(fields: NotificationFields, kind: NotificationKind, message: boolean): Notification | Notice {
  const messageKind = message ? messageKinds.find((one) => one === kind) : undefined;
  return messageKind === undefined
    ? { ...fields, kind, message: false }
    : { ...fields, kind: messageKind, message: true };
}

/**
 * When it could be judged at the earliest, which delays are measured from: when its sample was taken; of a silence when the next
 * sample was due, for the sample that it names is the last one before.
 */
export function judgeableMs(notification: NotificationFields & { readonly kind: NotificationKind }): number {
  return isOfSilence(notification) ? notification.timeMs : notification.sample.timestampMs;
}

export function formatNotification(notification: Notification | Notice): string {
  const { rule, series, members, sample, ruleVersion } = notification;
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
    group: series.group,
    members: members?.first.map(({ tags, value }) => ({ tags, value })),
    members_total: members?.total,
    divisor: members?.divisor,
    x: notification.x,
    ...fieldsOfOldVersions(notification),
    cause: notification.cause,
    level: notification.level,
    time_ms: notification.timeMs,
    since_ms: notification.sinceMs,
    partition: sample.partition,
    offset: sample.offset,
    timestamp_ms: sample.timestampMs,
    message: notification.message ? undefined : false,
    deferred: notification.deferred ? true : undefined,
    past: notification.isPast ? true : undefined,
  });
}

/**
 * What notifiers of versions 0.1 and 0.2 read and later ones do not: in a rolling upgrade one of them may own the partition. Without
 * `owed` they skip a notification, as they must one without a message.
 */
function fieldsOfOldVersions({ rule, cause, level, message, deferred }: Notification | Notice) {
  return {
    owed: message ? deferred : undefined,
    operator: rule.operator ?? ruleDefaults.operator,
    threshold: thresholdAt(rule, level),
    resolve_threshold: rule.resolve_threshold === rule.threshold ? undefined : rule.resolve_threshold,
    window_duration_seconds: rule.window_duration_seconds,
    no_data_seconds: cause === 'no_data' ? rule.no_data_seconds : undefined,
    description: rule.description,
  };
}

/** Reads a record of the `notifications` topic, or says what is wrong with it. */
export function parseNotification(value: Uint8Array | string): Notification | Notice | { readonly problem: string } {
  return orProblem(() => {
    const reader = new RecordReader(recordJson(value));
    const ruleId = reader.text('rule_id');
    const series = readSubject(reader);
    const fields = {
      id: reader.text('id'),
      alarmId: reader.text('alarm_id'),
      ruleId,
      ruleVersion: readPlace(reader.object('rule_version')),
      rule: reader.has('rule')
        ? readRule(ruleId, reader.raw('rule'))
        : readRuleOfVersion01(ruleId, series.name, reader),
      series,
      ...(reader.has('members') && { members: readMembers(reader) }),
      x: reader.optional('x', (field) => reader.number(field)),
      cause: reader.oneOf('cause', causes),
      ...(reader.has('level') && { level: reader.place('level') }),
      timeMs: reader.number('time_ms'),
      sinceMs: reader.number('since_ms'),
      sample: readSample(reader),
      deferred: reader.optional(reader.has('deferred') ? 'deferred' : 'owed', (field) => reader.flag(field)) ?? false,
      isPast: reader.optional('past', (field) => reader.flag(field)) ?? false,
    };
    const message = reader.optional('message', (field) => reader.flag(field)) ?? true;
    return withMessage(fields, reader.oneOf('kind', notificationKinds), message);
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

function readMembers(reader: RecordReader): Members {
  const first = reader.objects('members').map((member) => ({
    tags: readTags(member.raw('tags')),
    value: member.number('value'),
  }));
  const divisor = reader.optional('divisor', (field) => reader.number(field));
  return { first, total: reader.place('members_total'), ...(divisor !== undefined && { divisor }) };
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
