import { assert } from '../../base/assert.ts';
import type { Notification } from '../../alarm/notification.ts';
import { codePoints, cut, untrusted } from './text.ts';
import { embedCodePoints, embedOf, possibleRepeatText, looks, type Embed } from './embed.ts';
import type { Packed, SendingFacts } from '../receiver.ts';
import { valueText } from '../sentence.ts';
import { discordLimits } from './limits.ts';

/** The body of a request to a webhook. It never pings anybody. */
interface MessageBody {
  readonly content?: string;
  readonly embeds?: readonly Embed[];
  readonly allowed_mentions: { readonly parse: readonly [] };
  /** Bits of Discord's message flags. */
  readonly flags?: number;
}

export interface Message extends Packed {
  readonly body: MessageBody;
}

/** Shown without a sound or a push. */
const suppressNotifications = 4_096;
const noMentions = { parse: [] } as const;

/** So many of a storm are shown each as an embed; after them, what is due beyond ten is merged into lists. */
const stormShownMax = 20;
const stormBeyond = 10;

/** The next message for what is due. */
export function packDiscord(due: readonly Notification[], facts: SendingFacts, form: 'full' | 'plain'): Message {
  if (facts.isTest) return testMessage(due, facts);
  if (form === 'plain') return { ...plainMessage(due, facts), storm: facts.storm };
  // Whatever an attempt carried, as a list or not, its repeat carries.
  if (facts.possibleRepeat) return { ...packStorm(due, facts), storm: facts.storm };
  const storm = due.length > stormBeyond ? (facts.storm ?? 0) : undefined;
  const isListed = storm !== undefined && storm >= stormShownMax;
  return { ...(isListed ? packStorm(due, facts) : packMessage(due, facts)), storm };
}

const testPreamble = 'This is a test, nothing has happened. An alarm looks like this:';

function testMessage(due: readonly Notification[], facts: SendingFacts): Message {
  const { body, ...packed } = packMessage(due, facts);
  return { ...packed, body: { content: testPreamble, ...body } };
}

/**
 * Packs notifications from the first on, at least one, into one message: until there are ten embeds, or 6,000 code points.
 * A message that only says that alarms have ended makes no sound.
 */
export function packMessage(notifications: readonly Notification[], facts: SendingFacts = {}): Message {
  assert(notifications.length > 0, 'a message carries at least one notification');
  const embeds = embedsThatFit(notifications, facts, {
    embeds: discordLimits.embeds,
    codePoints: discordLimits.embedsTotal,
  });
  const taken = embeds.length;
  return { body: bodyOf(embeds, notifications.slice(0, taken)), taken, shown: taken };
}

/**
 * As packMessage, for a storm: what does not fit as an embed is listed by the line in a last one. So a hundred alarms are a
 * few messages, and each of them is named.
 */
export function packStorm(notifications: readonly Notification[], facts: SendingFacts = {}): Message {
  const whole = packMessage(notifications, facts);
  if (whole.taken === notifications.length) return whole;
  const embeds = embedsThatFit(notifications, facts, {
    embeds: discordLimits.embeds - 1,
    codePoints: stormEmbedsCodePoints,
  });
  const rest = notifications.slice(embeds.length);
  const lines: string[] = [];
  const total = embeds.reduce((sum, _, index) => sum + widestCodePoints(notifications[index]!, facts), 0);
  // The room for a title is more than ours and the remark of a repeat need together.
  const room = Math.min(discordLimits.description, discordLimits.embedsTotal - total - discordLimits.title);
  let length = 0;
  for (const notification of rest) {
    const line = lineOf(notification);
    length += codePoints(line) + 1;
    if (length > room) break;
    lines.push(line);
  }
  const list: Embed = {
    title: `${lines.length} more`,
    description: lines.join('\n'),
    color: embeds[0]?.color ?? 0,
    fields: [],
    ...(facts.possibleRepeat && { footer: { text: possibleRepeatText } }),
  };
  const taken = embeds.length + lines.length;
  if (taken <= whole.taken) return whole;
  return { body: bodyOf([...embeds, list], notifications.slice(0, taken)), taken, shown: embeds.length };
}

/**
 * The least that can be said, for a body that Discord refused: a line a notification, without embeds. Carries all
 * notifications of one packMessage.
 */
export function plainMessage(notifications: readonly Notification[], facts: SendingFacts = {}): Message {
  assert(notifications.length > 0, 'a message carries at least one notification');
  const remark = `(${possibleRepeatText})`;
  const lines: string[] = [];
  let length = codePoints(remark) + 1;
  for (const notification of notifications) {
    const line = lineOf(notification);
    length += codePoints(line) + 1;
    if (length > discordLimits.content) break;
    lines.push(line);
  }
  const content = [...(facts.possibleRepeat ? [remark] : []), ...lines].join('\n');
  return { body: { content, allowed_mentions: noMentions }, taken: lines.length, shown: lines.length };
}

/** Room for the embeds before a list: two thirds of the message are the list's. */
const stormEmbedsCodePoints = 2_000;
/** Ten lines, and the remark before them, fit into the content of one message: each is shorter than 190 code points. */
const lineNameCodePointsMax = 40;

function lineOf(notification: Notification): string {
  const name = untrusted(notification.series.name, lineNameCodePointsMax);
  return `${looks[notification.kind].title}: ${name}, value ${valueText(notification)}, threshold ${notification.rule.threshold}, rule ${cut(untrustedId(notification.ruleId), 38)}`;
}

function untrustedId(ruleId: string): string {
  return /^[0-9a-f-]{1,36}$/.test(ruleId) ? ruleId : untrusted(ruleId, 38);
}

function embedsThatFit(
  notifications: readonly Notification[],
  facts: SendingFacts,
  room: { readonly embeds: number; readonly codePoints: number },
): Embed[] {
  const embeds: Embed[] = [];
  let total = 0;
  for (const notification of notifications.slice(0, room.embeds)) {
    total += widestCodePoints(notification, facts);
    if (total > room.codePoints && embeds.length > 0) break;
    embeds.push(embedOf(notification, facts));
  }
  return embeds;
}

function bodyOf(embeds: readonly Embed[], notifications: readonly Notification[]): MessageBody {
  const isQuiet = notifications.every(({ kind }) => looks[kind].isEnd);
  return { embeds, allowed_mentions: noMentions, ...(isQuiet && { flags: suppressNotifications }) };
}

/** What the embed counts when it is sent late, as a repeat: it never counts more. */
function widestCodePoints(notification: Notification, facts: SendingFacts): number {
  return embedCodePoints(embedOf(notification, { ...facts, possibleRepeat: true, nowMs: Infinity }));
}
