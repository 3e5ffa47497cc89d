/**
 * Many notifications in little room: a line for one, a line or an embed for all that a message carries of one rule beyond those
 * that it shows one by one. Each line says what tells its series from the others: the tags.
 */
import type { MessageKind } from '../../alarm/due.ts';
import type { Notification } from '../../alarm/notification.ts';
import { ruleDefaults } from '../../rule/rule-fields.ts';
import { isRuleId } from '../../rule/rule-id.ts';
import type { SendingFacts } from '../receiver.ts';
import { thresholdAt } from '../../rule/rule-level.ts';
import { thresholdOf, valueText } from '../sentence.ts';
import { colorOf, looks, type Embed } from './embed.ts';
import { discordLimits } from './limits.ts';
import { codePoints, cut, untrusted } from './text.ts';

/** Ten lines, and the remark before them, fit into the content of one message. */
const lineCodePointsMax = 190;
const nameCodePointsMax = 40;
const tagCodePointsMax = 40;
/** Of the tags of a line, however long the rest is. */
const tagsCodePointsMin = 14;
/** What an embed for a rule counts at most, its link included. */
export const ruleEmbedCodePointsMax = 1_000;
const ruleEmbedLinesCodePoints = 500;

/** One notification in a line. */
export function lineOf(notification: Notification): string {
  const { series, kind, ruleId } = notification;
  const beginning = `${looks[kind].title}: ${untrusted(series.name, nameCodePointsMax)}`;
  const own = thresholdOf(notification);
  const threshold = own === undefined ? '' : `, threshold ${own}`;
  const end = `, value ${valueText(notification)}${threshold}, rule ${cut(safeId(ruleId), 38)}`;
  const room = Math.max(tagsCodePointsMin, lineCodePointsMax - 3 - codePoints(beginning) - codePoints(end));
  const tags = tagsText(notification, room);
  return `${beginning}${tags === '' ? '' : ` (${tags})`}${end}`;
}

/** Several notifications of one rule in a line: `cpu > 90: 7 more series (host = a; host = b; …)`. */
export function ruleLineOf(notifications: readonly Notification[]): string {
  const title = titleOf(notifications);
  const room = lineCodePointsMax - codePoints(title) - 3;
  const names = fitting(notifications, room, '; ', tagsText);
  return names === '' ? title : `${title} (${names})`;
}

/** Many notifications of one rule as an embed: how many there are, and which the first of them are. */
export function ruleEmbedOf(
  notifications: readonly Notification[],
  { consoleUrl, possibleRepeat }: SendingFacts,
): Embed {
  const { ruleId } = notifications[0]!;
  const names = fitting(notifications, ruleEmbedLinesCodePoints, '\n', namedValue);
  const link = consoleUrl === undefined || !isRuleId(ruleId) ? undefined : `${consoleUrl}/#/rules/${ruleId}`;
  const isShort = link !== undefined && codePoints(link) <= 300;
  return {
    title: cut(titleOf(notifications), discordLimits.title),
    description: names === '' ? 'Their series have no tags.' : names,
    color: colorOf(notifications[0]!),
    fields: isShort ? [{ name: 'Rule', value: link }] : [],
    ...(possibleRepeat && { footer: { text: 'possible repeat' } }),
  };
}

/** What is said of the kinds of a rule's notifications, after their number. */
const kindWords: Record<MessageKind, string> = {
  fired: 'fired',
  raised: 'raised',
  no_data: 'no data',
  reminder: 'still firing',
  resolved: 'resolved',
};

/** E.g. `cpu > 90: 39,812 more series`, or `cpu > 90: 40 more notifications (30 fired, 10 resolved)`. */
function titleOf(notifications: readonly Notification[]): string {
  const [{ series, rule }] = notifications as [Notification];
  const { operator = ruleDefaults.operator } = rule;
  const threshold = thresholdAt(rule);
  const kinds = Map.groupBy(notifications, ({ kind }) => kind);
  const hasEachOnce = new Set(notifications.map(({ series: { name, tags } }) => JSON.stringify([name, tags])));
  const isEachOnce = hasEachOnce.size === notifications.length;
  const what = `${grouped(notifications.length)} more ${isEachOnce ? 'series' : 'notifications'}`;
  const counts = [...kinds].map(([kind, { length }]) => `${grouped(length)} ${kindWords[kind]}`);
  const [only] = kinds.size === 1 ? kinds.keys() : [];
  const which = only === undefined ? ` (${counts.join(', ')})` : only === 'fired' ? '' : ` ${kindWords[only]}`;
  const condition = threshold === undefined ? '' : ` ${operator} ${threshold}`;
  return `${untrusted(series.name, nameCodePointsMax)}${condition}: ${what}${which}`;
}

function namedValue(notification: Notification, room: number): string {
  const value = valueText(notification);
  const tags = tagsText(notification, room - codePoints(value) - 2);
  return tags === '' ? '' : `${tags}: ${value}`;
}

/** As many as fit, and an ellipsis when there are more. */
function fitting(
  notifications: readonly Notification[],
  room: number,
  between: string,
  textOf: (notification: Notification, room: number) => string,
): string {
  const texts: string[] = [];
  let left = room - codePoints(between) - 1;
  for (const notification of notifications) {
    const text = textOf(notification, lineCodePointsMax);
    left -= codePoints(text) + between.length;
    if (left < 0) return texts.length === 0 ? '' : [...texts, '…'].join(between);
    if (text !== '') texts.push(text);
  }
  return texts.join(between);
}

/** The tags of a series in at most so much room: those that fit whole, and an ellipsis for the others. */
function tagsText({ series }: Notification, room: number): string {
  const texts: string[] = [];
  let left = room - 3;
  for (const [key, value] of Object.entries(series.tags)) {
    const text = `${untrusted(key, tagCodePointsMax)} = ${untrusted(value, tagCodePointsMax)}`;
    left -= codePoints(text) + 2;
    if (left < -2) return [...texts, '…'].join(', ');
    texts.push(text);
  }
  return texts.join(', ');
}

function safeId(ruleId: string): string {
  return /^[0-9a-f-]{1,36}$/.test(ruleId) ? ruleId : untrusted(ruleId, 38);
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
