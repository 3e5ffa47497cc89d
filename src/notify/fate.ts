/**
 * What happens to a notification, decided in this place and no other:
 *
 *   send      its target is known and takes requests
 *   wait      the change of its rule is on the way to this process
 *   reroute   its rule has another target now: it is appended anew under that one's key
 *   end       an outcome and the reason: it was accepted, will never be, is too old, or its target is paused
 *   finished  it has its final outcome already; nothing is written
 *
 * The partition asks when it reads a record, the sender when the notification's turn comes and after each answer.
 */
import { unreachable } from '../base/assert.ts';
import type { RuleBook } from '../rule/rule-book.ts';
import type { SentNotifications } from '../notice/sent-notifications.ts';
import { isSameDestination, type Destination } from '../receiver/receiver.ts';
import { receiverKey, receiverNameOf } from '../receiver/receiver-config.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import type { Destinations } from './destinations.ts';
import type { Ending, Waiting } from './delivery-writer.ts';
import type { Parking } from './parking.ts';
import type { SenderState, SentMessage } from './sender-state.ts';

/** All that the fate of a notification depends on. */
export interface World {
  readonly nowMs: number;
  readonly rules: Pick<RuleBook, 'get'>;
  readonly sent: Pick<SentNotifications, 'isFinished' | 'provenOutcome'>;
  readonly parking: Pick<Parking, 'stateOf'>;
  readonly destinations: Pick<Destinations, 'ofWebhook' | 'ofReceiver'>;
  /** Of the sender of its key; undefined while it is read from the log. */
  readonly sender?: SenderState;
}

export type Fate =
  | { readonly kind: 'send'; readonly destination: Destination }
  | { readonly kind: 'wait' }
  | { readonly kind: 'reroute'; readonly toKey: string; readonly reason: string }
  | End
  | { readonly kind: 'finished' };

export interface End extends Omit<Ending, 'waiting' | 'possibleRepeat'> {
  readonly kind: 'end';
}

/** Ids of the last 24 h are remembered, so that none is sent twice; older notifications are not sent at all. */
export const rememberedMs = 24 * 3_600_000;
/** Rules and receivers are in force everywhere within a second; what is unknown for longer than this was deleted. */
const changeAwaitedMs = 10_000;

export function fateOf(waiting: Waiting, world: World): Fate {
  const { notification, key, offset, appendedMs } = waiting;
  const answered = answeredFate(waiting, world.sender);
  if (answered !== undefined) return answered;
  if (world.sent.isFinished(notification.id, key, offset)) return { kind: 'finished' };
  const proven = world.sent.provenOutcome(notification.id, key);
  if (proven !== undefined) return { kind: 'end', ...proven };
  const ageMs = world.nowMs - appendedMs;
  if (ageMs > rememberedMs) return { kind: 'end', outcome: 'expired', reason: 'older than 24 h' };
  const rule = world.rules.get(notification.ruleId);
  const version = notification.ruleVersion;
  const isBehind = rule === undefined || (rule.partition === version.partition && rule.offset < version.offset);
  if (isBehind && ageMs < changeAwaitedMs) return { kind: 'wait' };
  if (rule === undefined)
    return { kind: 'end', outcome: 'dead', reason: 'its rule was deleted before it could be delivered' };
  const receiver = receiverNameOf(key);
  const isNamed = receiver === undefined ? rule.webhook?.id === key : rule.rule.notify?.includes(receiver) === true;
  if (!isNamed) return withoutTarget(waiting, rule);
  const { destinations, parking } = world;
  const destination =
    receiver === undefined ? destinations.ofWebhook(rule.webhook!) : destinations.ofReceiver(receiver);
  if (destination === undefined) {
    if (ageMs < changeAwaitedMs) return { kind: 'wait' };
    return { kind: 'end', outcome: 'dead', reason: 'its receiver was deleted before it could be delivered' };
  }
  const parked = parking.stateOf(key, destination.name);
  if (parked === undefined) return { kind: 'send', destination };
  return { kind: 'end', outcome: 'parked', reason: parked.reason, webhook: parked.webhook };
}

/** The rule names another target now: the notification goes there, unless the evaluator has sent that target one of its own. */
function withoutTarget({ notification, key }: Waiting, { rule, webhook }: RuleEntry): Fate {
  const isDiscord = receiverNameOf(key) === undefined;
  if (isDiscord && webhook !== undefined)
    return { kind: 'reroute', toKey: webhook.id, reason: 'its rule has another webhook now' };
  const added = rule.notify?.find((name) => notification.rule.notify?.includes(name) !== true);
  if (added !== undefined)
    return { kind: 'reroute', toKey: receiverKey(added), reason: 'its rule has another receiver now' };
  const what = isDiscord ? 'no Discord webhook any more' : 'this receiver no longer';
  return { kind: 'end', outcome: 'dead', reason: `its rule names ${what}` };
}

/** The fate of what the last answer was about. */
function answeredFate(waiting: Waiting, sender: SenderState | undefined): Fate | undefined {
  if (sender?.kind === 'accepted') return deliveredFate(waiting, sender.sent, sender.messageId);
  if (sender?.kind === 'confirmed') return deliveredFate(waiting, sender.repeat.lost, sender.messageId);
  if (sender?.kind !== 'rejected' || placeIn(sender.sent, waiting) === -1) return undefined;
  return { kind: 'end', outcome: 'dead', reason: sender.reason };
}

/** The first ones of a message are shown one by one, the rest was merged into its list. */
export function deliveredFate(waiting: Waiting, sent: SentMessage, messageId: string | undefined): End | undefined {
  const at = placeIn(sent, waiting);
  if (at === -1) return undefined;
  return { kind: 'end', outcome: at < sent.shown ? 'delivered' : 'merged', messageId, attemptId: sent.attempt.id };
}

function placeIn({ attempt }: SentMessage, { notification }: Waiting): number {
  return attempt.batch.findIndex((one) => one.notification.id === notification.id);
}

/** The outcome as it is written. */
export function endingOf(waiting: Waiting, { outcome, messageId, attemptId, reason, webhook }: End): Ending {
  return { waiting, outcome, messageId, attemptId, reason, webhook };
}

/** What a sender does next. */
export type Step =
  | { readonly kind: 'send'; readonly batch: readonly Waiting[]; readonly destination: Destination }
  | { readonly kind: 'wait' }
  | { readonly kind: 'reroute'; readonly waiting: Waiting; readonly toKey: string; readonly reason: string }
  | { readonly kind: 'end'; readonly ends: readonly { readonly waiting: Waiting; readonly fate: End }[] }
  | { readonly kind: 'drop'; readonly batch: readonly Waiting[] }
  /** Nothing is left of what the sender's state is about. */
  | { readonly kind: 'gone' };

/** More are not looked at for one message: a storm's list has room for fewer. */
const batchMax = 100;

/** The next step for what waits under one key, in the order of offsets. `world` has the sender's state. */
export function nextStep(queue: Iterable<Waiting>, world: World & { readonly sender: SenderState }): Step {
  const waiting = [...queue];
  const first = firstOf(waiting, world.sender);
  if (first === undefined) return { kind: 'gone' };
  const fate = fateOf(first, world);
  switch (fate.kind) {
    case 'wait':
      return fate;
    case 'finished':
      return { kind: 'drop', batch: [first] };
    case 'reroute':
      return { ...fate, waiting: first };
    case 'end':
      // What ends alike ends together: all of a message, all that waits for a paused target.
      return {
        kind: 'end',
        ends: ofMessage(waiting, world.sender).flatMap((one) => {
          const its = fateOf(one, world);
          return its.kind === 'end' && isAlike(its, fate) ? [{ waiting: one, fate: its }] : [];
        }),
      };
    case 'send':
      return { ...fate, batch: togetherWith(fate.destination, waiting, world) };
    default:
      return unreachable(fate);
  }
}

/** The first that is to be decided about: of an answered message or of a repeat exactly its own. */
function firstOf(waiting: readonly Waiting[], sender: SenderState): Waiting | undefined {
  if (sender.kind === 'accepted' || sender.kind === 'rejected')
    return waiting.find((one) => placeIn(sender.sent, one) !== -1);
  if (sender.kind === 'ready' || sender.kind === 'refused') return waiting[0];
  return waiting.find(({ notification }) => sender.repeat.ids.has(notification.id));
}

/** Those that an answered message carried; all, when there is none. */
function ofMessage(waiting: readonly Waiting[], sender: SenderState): readonly Waiting[] {
  const sent = sender.kind === 'confirmed' ? sender.repeat.lost : 'sent' in sender ? sender.sent : undefined;
  if (sent === undefined) return waiting;
  const ids = new Set(sent.attempt.batch.map(({ notification }) => notification.id));
  return waiting.filter(({ notification }) => ids.has(notification.id));
}

/** Those that go to the same target, from the first on; of a repeat exactly its own. */
function togetherWith(
  destination: Destination,
  waiting: readonly Waiting[],
  world: World & { readonly sender: SenderState },
): Waiting[] {
  const { sender } = world;
  const repeatIds = 'repeat' in sender ? sender.repeat?.ids : undefined;
  const batch: Waiting[] = [];
  for (const one of waiting) {
    if (batch.length === batchMax) break;
    if (repeatIds !== undefined && !repeatIds.has(one.notification.id)) continue;
    const fate = fateOf(one, world);
    if (fate.kind === 'send' && isSameDestination(fate.destination, destination)) batch.push(one);
    else if (repeatIds === undefined) break;
  }
  return batch;
}

function isAlike(one: End, other: End): boolean {
  return one.attemptId === other.attemptId && one.webhook === other.webhook && one.reason === other.reason;
}
