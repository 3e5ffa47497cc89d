import { randomUUID } from 'node:crypto';
import type { Notification } from '../../src/alarm/notification.ts';
import type { PublicRule } from '../../src/rule/rule-fields.ts';

type More = Partial<Omit<Notification, 'rule'>> & { readonly rule?: Partial<PublicRule> };

/** A notification as the evaluator would append it because of a rule, the compared value being `x`. */
export function notificationFor(ruleId: string, x: number, { rule, ...more }: More = {}): Notification {
  const nowMs = Date.now();
  const series = more.series ?? { name: 'cpu', tags: {} };
  return {
    id: randomUUID(),
    kind: 'fired',
    alarmId: randomUUID(),
    ruleId,
    ruleVersion: { partition: 0, offset: 0 },
    rule: { id: ruleId, metric_name: series.name, threshold: 90, ...rule },
    series,
    x,
    cause: 'breach',
    timeMs: nowMs,
    sinceMs: nowMs,
    sample: { partition: 0, offset: x, timestampMs: nowMs },
    message: true,
    deferred: false,
    isPast: false,
    ...more,
  };
}
