/**
 * What a generic webhook is posted. Version 1; fields may be added to it, and none is removed or changes its meaning:
 *
 *   {
 *     "version": 1,
 *     "type": "notifications",
 *     "id": "…",                          as in the headers: the same for each repeat of the same request
 *     "possible_repeat": true,            only when it may have been delivered before
 *     "notifications": [                  in order, at least one
 *       {
 *         "id": "…",                      unique, and the same in each repeat: what was processed once can be skipped
 *         "kind": "fired",                fired, raised, reminder, no_data or resolved
 *         "summary": "received-packages is 508 which exceeds the rule threshold (500)",
 *         "alarm": {"id": "…", "cause": "breach", "since": "2026-11-30T12:00:00.000Z", "link": "https://…/#/alarms/…"},
 *         "rule": {"id": "…", "metric_name": "…", "threshold": 500, …},       its public fields, no webhook and no secret
 *         "metric_name": "received-packages",
 *         "tags": {"host": "web-1"},
 *         "value": 508,                   what was compared; null for no_data
 *         "threshold": 500,               null of a rule without one, which watches for missing data alone
 *         "level": 2, "severity": "critical",       of a rule with levels that fires by its value: the level, the least severe being 1
 *         "time": "2026-11-30T12:00:00.000Z",       of the sample, or when data was missing
 *         "evaluated": "2026-11-30T12:00:00.010Z",
 *         "deferred": false               whether a cooldown held it back
 *       }
 *     ]
 *   }
 *
 * A probe of a target that was paused has the type "ping" and no notifications. A test that a person sends has the type "test" and one
 * notification that is made up. What the system says of itself to its operators has the type "system":
 * {"version": 1, "type": "system", "id": "…", "status": "failed" or "recovered", "title": "…", "lines": ["…"], "time": "…"}
 */
import type { Notification } from '../../alarm/notification.ts';
import { assert } from '../../base/assert.ts';
import type { Packed, SendingFacts, SystemMessage } from '../receiver.ts';
import { severityAt } from '../../rule/rule-level.ts';
import { sentenceOf, thresholdOf, type ShownTexts } from '../sentence.ts';

export const bodyVersion = 1;
export const notificationsDefault = 100;
const bodyCharactersMax = 262_144;

interface WebhookBody {
  readonly version: 1;
  readonly type: 'notifications' | 'test';
  readonly possible_repeat?: true;
  readonly notifications: readonly object[];
}

/** As many notifications as the limits allow; plainly, the first alone, so that one that is refused holds back no other. */
export function packWebhook(
  due: readonly Notification[],
  facts: SendingFacts,
  form: 'full' | 'plain',
  notificationsMax: number = notificationsDefault,
): Packed & { readonly body: WebhookBody } {
  assert(due.length > 0, 'a request carries at least one notification');
  const items: object[] = [];
  const carried: Notification[] = [];
  let characters = 0;
  for (const notification of due.slice(0, form === 'plain' ? 1 : notificationsMax)) {
    const item = itemOf(notification, facts);
    // Of the notification alone: links and times of sending must not change what a repeat carries.
    characters += JSON.stringify(itemOf(notification, {})).length;
    if (items.length > 0 && characters > bodyCharactersMax) break;
    items.push(item);
    carried.push(notification);
  }
  const body: WebhookBody = {
    version: bodyVersion,
    type: facts.isTest === true ? 'test' : 'notifications',
    ...(facts.possibleRepeat === true && { possible_repeat: true }),
    notifications: items,
  };
  return { body, carried, shown: carried.length };
}

/** What the system says of itself. */
export function webhookSystemMessage({ isGood, title, lines, timeMs }: SystemMessage): object {
  const status = isGood ? 'recovered' : 'failed';
  return { version: bodyVersion, type: 'system', status, title, lines, time: timeText(timeMs) };
}

/** JSON shows any text. */
const asWritten: ShownTexts = { metric: (text) => text, tag: (text) => text };

function itemOf(notification: Notification, { consoleUrl, judgedMs }: SendingFacts): object {
  const { series, rule, level, alarmId, members } = notification;
  const evaluatedMs = judgedMs?.(notification);
  return {
    id: notification.id,
    kind: notification.kind,
    summary: sentenceOf(notification, asWritten),
    alarm: {
      id: alarmId,
      cause: notification.cause,
      since: timeText(notification.sinceMs),
      ...(consoleUrl !== undefined && { link: `${consoleUrl}/#/alarms/${encodeURIComponent(alarmId)}` }),
    },
    rule,
    metric_name: series.name,
    tags: series.tags,
    ...(series.group !== undefined && { group: series.group }),
    ...(members !== undefined && {
      members: members.first,
      members_total: members.total,
      ...(members.divisor !== undefined && { divisor: members.divisor }),
    }),
    value: notification.x ?? null,
    threshold: thresholdOf(notification) ?? null,
    ...(level !== undefined && { level, severity: severityAt(rule, level) }),
    time: timeText(notification.timeMs),
    ...(evaluatedMs !== undefined && { evaluated: timeText(evaluatedMs) }),
    deferred: notification.deferred,
  };
}

/** ISO 8601; null for what no date can say. */
function timeText(timeMs: number): string | null {
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : null;
}
