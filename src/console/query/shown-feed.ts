import { tagsIfAny } from '../../metric/sample.ts';
import type { NewsItem, TimelineItem } from '../../wire/timeline.ts';
import type { FeedItem, FeedPlace } from '../live/feed.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { TimelineEvent } from './timeline.ts';

const placeOf = ({ topic, partition, offset }: FeedPlace): string => `${topic}-${partition}-${offset}`;

/** An event as the timeline shows it. `isAuthorShown`: whether its reader may see who made an edit. */
export function shownEvent(item: TimelineEvent, live: LiveStore, isAuthorShown: boolean): TimelineItem {
  if (item.kind === 'receiver') {
    const { name, edit, fields, atMs, author } = item;
    const common = { kind: 'receiver' as const, place: placeOf(item), at_ms: atMs, receiver: name, edit, fields };
    return isAuthorShown ? { ...common, author } : common;
  }
  const shown = shownFeedItem(item, live);
  if (item.kind !== 'rule' || shown.kind !== 'rule' || !isAuthorShown) return shown;
  return { ...shown, author: live.audit.authorOf(item.ruleId, item) };
}

/** An item as the console shows it; `live` knows which rule a failed message was of. */
export function shownFeedItem(item: FeedItem, live: LiveStore): NewsItem {
  const common = { place: placeOf(item), at_ms: item.atMs };
  if (item.kind === 'transition') {
    const { ruleId, series, from, to, cause, alarmId, endedAlarmId, x, timeMs, sinceMs } = item;
    return {
      kind: 'transition',
      ...common,
      rule_id: ruleId,
      metric_name: series.name,
      tags: tagsIfAny(series.tags),
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
    return { kind: 'rule', ...common, rule_id: ruleId, metric_name: metricName, edit, fields };
  }
  const { notificationId, webhookId, outcome, reason } = item;
  const notification = live.deliveries.sending(notificationId)?.notification;
  return {
    kind: 'delivery',
    ...common,
    rule_id: notification?.ruleId,
    metric_name: notification?.series.name,
    tags: notification === undefined ? undefined : tagsIfAny(notification.series.tags),
    alarm_id: notification?.alarmId,
    notification_id: notificationId,
    webhook_id: webhookId,
    outcome,
    reason,
  };
}
