import type { FeedItem } from './feed.ts';
import type { LiveStore } from './live-store.ts';

const placeOf = ({ topic, partition, offset }: FeedItem): string => `${topic}-${partition}-${offset}`;

/** An item as the console shows it; `live` knows which rule a failed message was of. */
export function shownFeedItem(item: FeedItem, live: LiveStore) {
  const common = { kind: item.kind, place: placeOf(item), at_ms: item.atMs };
  if (item.kind === 'transition') {
    const { ruleId, series, from, to, cause, alarmId, endedAlarmId, x, timeMs, sinceMs } = item;
    return {
      ...common,
      rule_id: ruleId,
      metric_name: series.name,
      ...(Object.keys(series.tags).length > 0 && { tags: series.tags }),
      from,
      to,
      cause,
      alarm_id: alarmId ?? endedAlarmId,
      value: x ?? null,
      time_ms: timeMs,
      since_ms: sinceMs,
    };
  }
  if (item.kind === 'rule') {
    const { ruleId, metricName, edit, fields } = item;
    return { ...common, rule_id: ruleId, metric_name: metricName, edit, fields };
  }
  const { notificationId, webhookId, outcome, reason } = item;
  const notification = live.deliveries.sending(notificationId)?.notification;
  return {
    ...common,
    rule_id: notification?.ruleId,
    metric_name: notification?.series.name,
    ...(Object.keys(notification?.series.tags ?? {}).length > 0 && { tags: notification?.series.tags }),
    alarm_id: notification?.alarmId,
    notification_id: notificationId,
    webhook_id: webhookId,
    outcome,
    reason,
  };
}
