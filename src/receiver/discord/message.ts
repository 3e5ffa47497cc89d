import { assert } from '../../base/assert.ts';
import type { Notification } from '../../alarm/notification.ts';
import { codePoints, cut, moment, untrusted, visible } from './text.ts';
import { contentOf } from './content.ts';
import { lineOf, ruleEmbedCodePointsMax, ruleEmbedOf, ruleLineOf } from './summary.ts';
import { embedCodePoints, embedOf, possibleRepeatText, green, looks, severityColors, type Embed } from './embed.ts';
import type { Packed, SendingFacts, SystemMessage } from '../receiver.ts';
import { discordLimits } from './limits.ts';
import { severityAt } from '../../rule/rule-level.ts';

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
/** Of one line that the system says of itself: its command may be long. */
const systemLineMax = 600;

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

/** What the system says of itself. Its lines hold what brokers and other machines have said. */
export function discordSystemMessage({ isGood, title, lines, timeMs }: SystemMessage): MessageBody {
  const sentAt = moment(timeMs);
  const said = lines.map((line) => untrusted(line, systemLineMax));
  const embed: Embed = {
    title: cut(visible(title), discordLimits.title),
    description: cut([...said, ...(sentAt === undefined ? [] : [sentAt])].join('\n'), discordLimits.description),
    color: isGood ? green : severityColors.critical,
    fields: [],
  };
  return { embeds: [embed], allowed_mentions: noMentions };
}

const testPreamble = 'This is a test, nothing has happened. An alarm looks like this:';

function testMessage(due: readonly Notification[], facts: SendingFacts): Message {
  const { body, ...packed } = packMessage(due, facts);
  const content = body.content === undefined ? testPreamble : `${testPreamble}\n${body.content}`;
  return { ...packed, body: { ...body, content } };
}

/**
 * Packs notifications from the first on, at least one, into one message: until there are ten embeds, or 6,000 code points.
 * A message that only says that alarms have ended makes no sound, unless a rule is critical.
 */
export function packMessage(notifications: readonly Notification[], facts: SendingFacts = {}): Message {
  assert(notifications.length > 0, 'a message carries at least one notification');
  const embeds = embedsThatFit(notifications, facts, {
    embeds: discordLimits.embeds,
    codePoints: discordLimits.embedsTotal,
  });
  const carried = notifications.slice(0, embeds.length);
  return { body: bodyOf(embeds, carried), carried, shown: embeds.length };
}

/** More of one rule than this, beyond those that are shown one by one, are summarized. */
const namedOfRuleMax = 10;
/** Rules whose summaries are embeds of their own; of further ones each is a line. */
const ruleEmbedsMax = 3;

/**
 * As packMessage, for a storm: what does not fit as an embed is listed by the line in a last one. When that is not enough, either,
 * what is due of one rule is one embed or one line together: forty thousand alarms of a rule leave room for another rule's.
 */
export function packStorm(notifications: readonly Notification[], facts: SendingFacts = {}): Message {
  const shownMax = facts.shown ?? discordLimits.embeds;
  const whole = packMessage(notifications, facts);
  if (whole.carried.length === notifications.length && shownMax >= notifications.length) return whole;
  const listed = packParts(notifications, facts, {
    shownMax: Math.min(shownMax, discordLimits.embeds - 1),
    isEachNamed: true,
  });
  if (listed.carried.length === notifications.length) return listed;
  const embeds = discordLimits.embeds - 1 - ruleEmbedsMax;
  const summarized = packParts(notifications, facts, { shownMax: Math.min(shownMax, embeds), isEachNamed: false });
  return summarized.carried.length <= whole.carried.length ? whole : summarized;
}

/** Some embeds, then what else is carried of each rule: as lines or embeds. A rule that there is no room for is left out. */
function packParts(
  notifications: readonly Notification[],
  facts: SendingFacts,
  { shownMax, isEachNamed }: { readonly shownMax: number; readonly isEachNamed: boolean },
): Message {
  const shown = embedsThatFit(notifications, facts, { embeds: shownMax, codePoints: stormEmbedsCodePoints });
  const carried = notifications.slice(0, shown.length);
  const rest = notifications.slice(shown.length);
  const byRule = [...Map.groupBy(rest, ({ ruleId }) => ruleId).values()];
  const many = isEachNamed ? [] : byRule.filter(({ length }) => length > namedOfRuleMax).slice(0, ruleEmbedsMax);
  const embeds = many.map((some) => ruleEmbedOf(some, facts));
  carried.push(...many.flat());
  const total = carried.slice(0, shown.length).reduce((sum, one) => sum + widestCodePoints(one, facts), 0);
  // The room for a title is more than ours and the remark of a repeat need together.
  const left = discordLimits.embedsTotal - total - many.length * ruleEmbedCodePointsMax - discordLimits.title;
  const room = Math.min(discordLimits.description, left);
  const parts = isEachNamed ? rest.map((one) => [one]) : byRule.filter((some) => !many.includes(some));
  const lines: string[] = [];
  let length = 0;
  for (const some of parts) {
    const line = some.length === 1 ? lineOf(some[0]!) : ruleLineOf(some);
    length += codePoints(line) + 1;
    if (length > room) break;
    lines.push(line);
    carried.push(...some);
  }
  const listedCount = carried.length - shown.length - many.flat().length;
  const list: Embed = {
    title: `${listedCount} more`,
    description: lines.join('\n'),
    color: shown[0]?.color ?? 0,
    fields: [],
    ...(facts.possibleRepeat && { footer: { text: possibleRepeatText } }),
  };
  const all = [...shown, ...embeds, ...(lines.length > 0 ? [list] : [])];
  return { body: bodyOf(all, carried), carried, shown: shown.length };
}

/**
 * The least that can be said, for a body that Discord refused: a line a notification as far as there is room, without embeds.
 * Carries all that it is given.
 */
export function plainMessage(notifications: readonly Notification[], facts: SendingFacts = {}): Message {
  assert(notifications.length > 0, 'a message carries at least one notification');
  const remark = `(${possibleRepeatText})`;
  const lines: string[] = [];
  let length = codePoints(remark) + 1;
  for (const [at, notification] of notifications.entries()) {
    const line = lineOf(notification);
    length += codePoints(line) + 1;
    const isLast = at === notifications.length - 1;
    if (length > discordLimits.content - (isLast ? 0 : plainRestCodePoints)) break;
    lines.push(line);
  }
  const rest = notifications.length - lines.length;
  const more = rest > 0 ? [`and ${rest} more`] : [];
  const content = [...(facts.possibleRepeat ? [remark] : []), ...lines, ...more].join('\n');
  return { body: { content, allowed_mentions: noMentions }, carried: notifications, shown: lines.length };
}

/** Room for how many more there are. */
const plainRestCodePoints = 20;
/** Room for the embeds before a list: two thirds of the message are the list's. */
const stormEmbedsCodePoints = 2_000;

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
  const isQuiet = notifications.every(
    ({ kind, rule, level }) => looks[kind].isEnd && severityAt(rule, level) !== 'critical',
  );
  const content = contentOf(notifications);
  return {
    ...(content !== undefined && { content }),
    embeds,
    allowed_mentions: noMentions,
    ...(isQuiet && { flags: suppressNotifications }),
  };
}

/** What the embed counts when it is sent late, as a repeat: it never counts more. */
function widestCodePoints(notification: Notification, facts: SendingFacts): number {
  return embedCodePoints(embedOf(notification, { ...facts, possibleRepeat: true, nowMs: Infinity }));
}
