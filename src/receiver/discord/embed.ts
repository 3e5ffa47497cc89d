import { assert } from '../../base/assert.ts';
import type { MessageKind } from '../../alarm/due.ts';
import type { Notification } from '../../alarm/notification.ts';
import type { SendingFacts } from '../receiver.ts';
import { discordLimits } from './limits.ts';
import { isRuleId } from '../../rule/rule-id.ts';
import { codePoints, cut, duration, moment, untrusted } from './text.ts';
import { sentenceOf, valueText } from '../sentence.ts';

export interface Embed {
  readonly title: string;
  readonly description: string;
  readonly color: number;
  readonly fields: readonly EmbedField[];
  readonly footer?: { readonly text: string };
}

interface EmbedField {
  readonly name: string;
  readonly value: string;
}

/** A metric's name has at most 255 bytes, so that this cuts none; a record of somebody else's may. */
const nameCodePointsMax = 257;
export const possibleRepeatText = 'possible repeat';
/** A message sent later than this after its sample says when that was. */
const lateAfterMs = 60_000;
/** An alarm judged later than this after its sample was measured says so. */
const judgedLateAfterMs = 30_000;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

interface Look {
  readonly title: string;
  readonly color: number;
  /** It tells that an alarm is over, and disturbs nobody. */
  readonly isEnd?: true;
}

const red = 0xff_00_00;
export const looks: Record<MessageKind, Look> = {
  fired: { title: 'Alarm triggered', color: red },
  no_data: { title: 'Alarm triggered', color: 0xff_a5_00 },
  reminder: { title: 'Alarm still firing', color: red },
  resolved: { title: 'Alarm resolved', color: 0x2e_cc_71, isEnd: true },
};
const tagCodePointsMax = 200;
const oneLineMax = 257;

/**
 * One notification as an embed. Its title, description, color and first four fields are always the same; the rest is there
 * only when it says something. All of Discord's limits are kept.
 */
export function embedOf(notification: Notification, facts: SendingFacts = {}): Embed {
  const { ruleId, series, rule } = notification;
  const footer = footerText(notification, facts);
  const embed: Embed = {
    title: looks[notification.kind].title,
    description: cut(
      sentenceOf(notification, untrusted(notification.series.name, nameCodePointsMax)),
      discordLimits.description,
    ),
    color: looks[notification.kind].color,
    fields: [
      { name: 'Rule id', value: isRuleId(ruleId) ? ruleId : untrusted(ruleId, oneLineMax) },
      { name: 'Metric name', value: untrusted(series.name, oneLineMax) },
      { name: 'Metric value', value: valueText(notification) },
      { name: 'Rule threshold', value: String(rule.threshold) },
      ...furtherFields(notification, facts),
    ],
    ...(footer !== '' && { footer: { text: footer } }),
  };
  assert(embedCodePoints(embed) <= discordLimits.embedsTotal, 'one embed alone fits into a message');
  return embed;
}

/** What an embed counts towards the limit of all embeds of a message. */
export function embedCodePoints(embed: Embed): number {
  const texts = [
    embed.title,
    embed.description,
    embed.footer?.text ?? '',
    ...embed.fields.flatMap((field) => [field.name, field.value]),
  ];
  return texts.reduce((total, text) => total + codePoints(text), 0);
}

function furtherFields(notification: Notification, facts: SendingFacts): EmbedField[] {
  const { kind, timeMs, sinceMs, series, rule } = notification;
  const hasLasted = sinceMs < timeMs;
  const { no_data_seconds: noDataSeconds, description } = rule;
  const fields: (readonly [string, string | undefined])[] = [
    ['Tags', tagsText(Object.entries(series.tags))],
    ['Firing since', (kind === 'fired' || kind === 'reminder') && hasLasted ? momentText(sinceMs) : undefined],
    [
      'Last data',
      kind === 'no_data' && noDataSeconds !== undefined ? momentText(timeMs - noDataSeconds * 1_000) : undefined,
    ],
    ['Duration', looks[kind].isEnd && hasLasted ? duration(timeMs - sinceMs) : undefined],
    [
      'Description',
      description === undefined || description === '' ? undefined : untrusted(description, discordLimits.fieldValue),
    ],
    ['Time', isLate(notification, facts) || isJudgedLate(notification, facts) ? momentText(timeMs) : undefined],
    ['Alarm', linkText(notification.alarmId, facts.consoleUrl)],
  ];
  return fields.flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
}

function footerText(notification: Notification, facts: SendingFacts): string {
  return [
    ...(facts.possibleRepeat ? [possibleRepeatText] : []),
    ...(notification.deferred ? ['delayed by cooldown'] : []),
    ...(isJudgedLate(notification, facts) ? ['detected late'] : []),
    ...(isLate(notification, facts) ? ['sent late'] : []),
  ].join(', ');
}

function isLate(notification: Notification, facts: SendingFacts): boolean {
  return facts.nowMs !== undefined && !notification.isPast && facts.nowMs - notification.timeMs > lateAfterMs;
}

/** Silence is always noticed after its last sample. */
function isJudgedLate(notification: Notification, { judgedMs }: SendingFacts): boolean {
  const atMs = judgedMs?.(notification);
  const { kind, deferred, sample } = notification;
  if (atMs === undefined || kind === 'no_data' || deferred) return false;
  return atMs - sample.timestampMs > judgedLateAfterMs;
}

/** An address that Discord makes a link of by itself. Embeds with a `url` of their own would hide each other. */
function linkText(alarmId: string, consoleUrl: string | undefined): string | undefined {
  return consoleUrl === undefined || !uuid.test(alarmId) ? undefined : `${consoleUrl}/#/alarms/${alarmId}`;
}

function momentText(timeMs: number): string | undefined {
  const full = moment(timeMs);
  return full === undefined ? undefined : `${full} (${moment(timeMs, 'R')})`;
}

/** A line a tag, as many as fit, and how many more there are. */
function tagsText(tags: readonly (readonly [string, string])[]): string | undefined {
  if (tags.length === 0) return undefined;
  const lines = tags.map(
    ([key, value]) => `${untrusted(key, tagCodePointsMax)} = ${untrusted(value, tagCodePointsMax)}`,
  );
  const room = discordLimits.fieldValue - 'and 16 more'.length - 1;
  let shown = 0;
  for (let length = 0; shown < lines.length; shown += 1) {
    length += codePoints(lines[shown] as string) + 1;
    if (length > room) break;
  }
  const more = lines.length - shown;
  return [...lines.slice(0, shown), ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}
