import { randomUUID } from 'node:crypto';
import type { Notification } from '../../src/alarm/notification.ts';

/** A notification as the evaluator would append it because of a rule, the compared value being `x`. */
export function notificationFor(ruleId: string, x: number, more: Partial<Notification> = {}): Notification {
  const nowMs = Date.now();
  return {
    id: randomUUID(),
    kind: 'fired',
    alarmId: randomUUID(),
    ruleId,
    ruleVersion: { partition: 0, offset: 0 },
    series: { name: 'cpu', tags: {} },
    x,
    operator: '>',
    threshold: 90,
    resolveThreshold: undefined,
    windowSeconds: undefined,
    noDataSeconds: undefined,
    cause: 'breach',
    description: undefined,
    timeMs: nowMs,
    sinceMs: nowMs,
    sample: { partition: 0, offset: x, timestampMs: nowMs },
    owed: false,
    ...more,
  };
}
