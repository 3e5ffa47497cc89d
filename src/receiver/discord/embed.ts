import { assert } from '../../base/assert.ts';
import type { MessageKind } from '../../alarm/due.ts';
import type { Notification } from '../../alarm/notification.ts';
import { isOfSilence } from '../../alarm/of-silence.ts';
import type { Severity } from '../../rule/severity.ts';
import type { Group } from '../../metric/subject.ts';
import type { SendingFacts } from '../receiver.ts';
import { discordLimits } from './limits.ts';
import { isRuleId } from '../../rule/rule-id.ts';
import { codePoints, cut, duration, moment, untrusted } from './text.ts';
import { severityAt } from '../../rule/rule-level.ts';
import { sentenceOf, thresholdOf, valueText } from '../sentence.ts';

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
  /** It tells that an alarm is over. */
  readonly isEnd?: true;
}

export const looks: Record<MessageKind, Look> = {
  fired: { title: 'Alarm triggered' },
  raised: { title: 'Alarm raised' },
  no_data: { title: 'Alarm triggered' },
  reminder: { title: 'Alarm still firing' },
  resolved: { title: 'Alarm resolved', isEnd: true },
};

export const green = 0x2e_cc_71;
export const severityColors: Record<Severity, number> = {
  info: 3_447_003,
  warning: 16_753_920,
  critical: 16_711_680,
};

/** What has ended is green; a rule without a severity is as bad as any. */
export function colorOf({ kind, rule, level }: Notification): number {
  return looks[kind].isEnd ? green : severityColors[severityAt(rule, level) ?? 'critical'];
}
const tagCodePointsMax = 200;
/** Beside a description, tags and a runbook at their longest, all is to fit into one embed. */
const labelsCodePointsMax = 512;
/** Ten lines of members are to fit into an embed with all else at its longest. */
const memberLineMax = 50;
const memberTagMax = 40;
const sentenceTagMax = 40;
const oneLineMax = 257;

/**
 * One notification as an embed. Its title, description, color and first four fields are always the same; the rest is there
 * only when it says something. All of Discord's limits are kept.
 */
export function embedOf(notification: Notification, facts: SendingFacts = {}): Embed {
  const { ruleId, series } = notification;
  const footer = footerText(notification, facts);
  const embed: Embed = {
    title: looks[notification.kind].title,
    description: cut(
      sentenceOf(notification, {
        metric: (text) => untrusted(text, nameCodePointsMax),
        tag: (text) => untrusted(text, sentenceTagMax),
      }),
      discordLimits.description,
    ),
    color: colorOf(notification),
    fields: [
      { name: 'Rule id', value: isRuleId(ruleId) ? ruleId : untrusted(ruleId, oneLineMax) },
      { name: 'Metric name', value: untrusted(series.name, oneLineMax) },
      { name: 'Metric value', value: valueText(notification) },
      { name: 'Rule threshold', value: String(thresholdOf(notification) ?? 'none') },
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
  const { kind, timeMs, sinceMs, series, rule, level } = notification;
  const hasLasted = sinceMs < timeMs;
  const { no_data_seconds: noDataSeconds = rule.resolve_without_data_seconds, description, labels = {} } = rule;
  const fields: (readonly [string, string | undefined])[] = [
    [
      'Description',
      description === undefined || description === '' ? undefined : untrusted(description, discordLimits.fieldValue),
    ],
    ['Runbook', runbookText(rule.runbook_url)],
    ['Rule name', rule.name === undefined ? undefined : untrusted(rule.name, oneLineMax)],
    ['Severity', severityAt(rule, level)],
    series.group === undefined
      ? ['Tags', pairsText(Object.entries(series.tags), discordLimits.fieldValue)]
      : ['Group', pairsText(groupPairs(series.group), discordLimits.fieldValue)],
    ['Series', membersText(notification)],
    ['Labels', pairsText(Object.entries(labels), labelsCodePointsMax)],
    [
      'Firing since',
      (kind === 'fired' || kind === 'raised' || kind === 'reminder') && hasLasted ? momentText(sinceMs) : undefined,
    ],
    [
      // Of a metric never seen: its rule has waited since its last change.
      notification.sample.offset < 0 ? 'Waiting since' : 'Last data',
      isOfSilence(notification) && noDataSeconds !== undefined ? momentText(timeMs - noDataSeconds * 1_000) : undefined,
    ],
    ['Duration', looks[kind].isEnd && hasLasted ? duration(timeMs - sinceMs) : undefined],
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
  const { deferred, sample } = notification;
  if (atMs === undefined || isOfSilence(notification) || deferred) return false;
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

function groupPairs(group: Group): readonly (readonly [string, string])[] {
  return Object.entries(group).map(([key, value]) => [key, value ?? '(none)']);
}

/** The members of a group that make its value, the worst first, a line each, and how many more there are. */
function membersText({ members }: Notification): string | undefined {
  if (members === undefined || members.first.length === 0) return undefined;
  const lines = members.first.map(({ tags, value }) => {
    const names = Object.entries(tags).map(
      ([key, tag]) => `${untrusted(key, memberTagMax)} = ${untrusted(tag, memberTagMax)}`,
    );
    return cut(`${names.join(', ') || 'without tags'}: ${value}`, memberLineMax);
  });
  const more = members.total - members.first.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

/** An address that Discord makes a link of by itself; as text where it is too long, or was none when somebody else wrote it. */
function runbookText(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  // No sign that Markdown may take for its own stays in it.
  const address = url?.href.replaceAll(/[`*|~<>()[\]\\@]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  const isLink = url?.protocol === 'https:' && url.username === '' && address!.length <= discordLimits.fieldValue;
  return isLink ? address : untrusted(text, discordLimits.fieldValue);
}

/** A line a pair, as many as fit, and how many more there are. */
function pairsText(pairs: readonly (readonly [string, string])[], max: number): string | undefined {
  if (pairs.length === 0) return undefined;
  const lines = pairs.map(
    ([key, value]) => `${untrusted(key, tagCodePointsMax)} = ${untrusted(value, tagCodePointsMax)}`,
  );
  const room = max - 'and 16 more'.length - 1;
  let shown = 0;
  for (let length = 0; shown < lines.length; shown += 1) {
    length += codePoints(lines[shown] as string) + 1;
    if (length > room) break;
  }
  const more = lines.length - shown;
  return [...lines.slice(0, shown), ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}
