/**
 * One message due to a webhook because of an alarm: a record of the `notifications` topic, under the webhook's numeric id as
 * key. It says everything that the message needs, and no secret: whoever sends it looks the webhook up by the rule's id.
 */
import type { Series } from '../metric/series.ts';
import type { Condition } from '../rule/condition.ts';
import { operators, type Operator } from '../rule/comparison.ts';
import { readPlace, readSeries } from './alarm-record.ts';
import type { Cause, RuleVersion, SamplePlace } from './alarm-state.ts';
import type { Due, NotificationKind } from './due.ts';
import { orProblem, recordJson, RecordReader } from './record-reader.ts';

export interface Notification {
  readonly id: string;
  readonly kind: NotificationKind;
  readonly alarmId: string;
  readonly ruleId: string;
  readonly ruleVersion: RuleVersion;
  readonly series: Series;
  /** What was compared; undefined when the kind is `no_data`. */
  readonly x: number | undefined;
  readonly operator: Operator;
  readonly threshold: number;
  /** Only when it is another than the threshold. */
  readonly resolveThreshold: number | undefined;
  /** Only for a mean over a window. */
  readonly windowSeconds: number | undefined;
  /** Only when the alarm fires, or fired, for want of data: how long a silence is one. */
  readonly noDataSeconds: number | undefined;
  readonly cause: Cause;
  /** The rule's own. */
  readonly description: string | undefined;
  /** T. */
  readonly timeMs: number;
  readonly sinceMs: number;
  readonly sample: SamplePlace;
  /** Whether it makes good for one that the cooldown withheld. */
  readonly owed: boolean;
}

/** What a step said is due, with what the message needs of the rule's version that it was judged by. */
export function notificationOf(
  due: Due,
  rule: { readonly condition: Condition; readonly partition: number; readonly offset: number },
  series: Series,
): Notification {
  const { condition } = rule;
  const isNoData = due.cause === 'no_data';
  return {
    id: due.id,
    kind: due.kind,
    alarmId: due.alarmId,
    ruleId: condition.ruleId,
    ruleVersion: { partition: rule.partition, offset: rule.offset },
    series,
    x: due.x,
    operator: condition.operator,
    threshold: condition.threshold,
    resolveThreshold: condition.resolveThreshold === condition.threshold ? undefined : condition.resolveThreshold,
    windowSeconds: condition.windowMs > 0 ? condition.windowMs / 1_000 : undefined,
    // A rule may have lost its no_data_seconds while the alarm was firing for it.
    noDataSeconds: isNoData && condition.noDataMs !== undefined ? condition.noDataMs / 1_000 : undefined,
    cause: due.cause,
    description: condition.description,
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
  const { series, sample, ruleVersion } = notification;
  // JSON leaves out what is undefined.
  return JSON.stringify({
    id: notification.id,
    kind: notification.kind,
    alarm_id: notification.alarmId,
    rule_id: notification.ruleId,
    rule_version: { partition: ruleVersion.partition, offset: ruleVersion.offset },
    metric_name: series.name,
    tags: Object.keys(series.tags).length > 0 ? series.tags : undefined,
    x: notification.x,
    operator: notification.operator,
    threshold: notification.threshold,
    resolve_threshold: notification.resolveThreshold,
    window_duration_seconds: notification.windowSeconds,
    no_data_seconds: notification.noDataSeconds,
    cause: notification.cause,
    description: notification.description,
    time_ms: notification.timeMs,
    since_ms: notification.sinceMs,
    partition: sample.partition,
    offset: sample.offset,
    timestamp_ms: sample.timestampMs,
    owed: notification.owed,
  });
}

/** Reads a record of the `notifications` topic, or says what is wrong with it. */
export function parseNotification(value: Uint8Array | string): Notification | { readonly problem: string } {
  return orProblem(() => {
    const reader = new RecordReader(recordJson(value));
    const number = (field: string) => reader.number(field);
    return {
      id: reader.text('id'),
      kind: reader.oneOf('kind', ['fired', 'resolved', 'no_data']),
      alarmId: reader.text('alarm_id'),
      ruleId: reader.text('rule_id'),
      ruleVersion: readPlace(reader.object('rule_version')),
      series: readSeries(reader),
      x: reader.optional('x', number),
      operator: reader.oneOf('operator', operators),
      threshold: reader.number('threshold'),
      resolveThreshold: reader.optional('resolve_threshold', number),
      windowSeconds: reader.optional('window_duration_seconds', number),
      noDataSeconds: reader.optional('no_data_seconds', number),
      cause: reader.oneOf('cause', ['breach', 'no_data']),
      description: reader.optional('description', (field) => reader.text(field)),
      timeMs: reader.number('time_ms'),
      sinceMs: reader.number('since_ms'),
      sample: { ...readPlace(reader), timestampMs: reader.number('timestamp_ms') },
      owed: reader.flag('owed'),
    };
  });
}
