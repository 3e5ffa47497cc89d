/**
 * What happens to a notification, decided in this place and no other:
 *
 *   send      its target is known and takes requests
 *   wait      the change of its rule is on the way to this process
 *   reroute   its rule has another target now: it is appended again under that target's key
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
import { concernsOf, ready, reservedBy, type SenderState, type SentMessage } from './sender-state.ts';
import { receiversAt, receiversOf } from '../rule/rule-level.ts';

/** All that the fate of a notification depends on. */
export interface World {
  readonly nowMs: number;
  readonly rules: Pick<RuleBook, 'get'>;
  readonly sent: Pick<SentNotifications, 'isFinished' | 'provenOutcome'>;
  readonly parking: Pick<Parking, 'stateOf'>;
  readonly destinations: Pick<Destinations, 'ofWebhook' | 'ofReceiver'>;
  /** How sending stands to the target that the notification is of; undefined while it is read from the log. */
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
/** Rules and receivers are in force everywhere within a second; one that is unknown for longer than this was deleted. */
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
  const isNamed = receiver === undefined ? rule.webhook?.id === key : receiversOf(rule.rule).includes(receiver);
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
  const before = receiversOf(notification.rule);
  const added = receiversAt(rule, notification.level === undefined ? [] : [notification.level]).find(
    (name) => !before.includes(name),
  );
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
  return { kind: 'end', outcome: 'dead', reason: sender.reason, webhook: sender.sent.destination.name };
}

/** The first ones of a message are shown one by one, the rest was merged into its list. */
export function deliveredFate(waiting: Waiting, sent: SentMessage, messageId: string | undefined): End | undefined {
  const at = placeIn(sent, waiting);
  if (at === -1) return undefined;
  const outcome = at < sent.shown ? 'delivered' : 'merged';
  return { kind: 'end', outcome, messageId, attemptId: sent.attempt.id, webhook: sent.destination.name };
}

function placeIn({ attempt }: SentMessage, { notification }: Waiting): number {
  return attempt.batch.findIndex((one) => one.notification.id === notification.id);
}

/** The outcome as it is written. */
export function endingOf(waiting: Waiting, { outcome, messageId, attemptId, reason, webhook }: End): Ending {
  return { waiting, outcome, messageId, attemptId, reason, webhook };
}

/** What a sender does next. `target`: the one whose state the step is of. */
export type Step =
  | {
      readonly kind: 'send';
      readonly target: string;
      readonly batch: readonly Waiting[];
      readonly destination: Destination;
    }
  /** Nothing can be done for so long, unless something changes. */
  | { readonly kind: 'wait'; readonly waitMs: number }
  | { readonly kind: 'reroute'; readonly waiting: Waiting; readonly toKey: string; readonly reason: string }
  | {
      readonly kind: 'end';
      readonly target: string | undefined;
      readonly ends: readonly { readonly waiting: Waiting; readonly fate: End }[];
    }
  | { readonly kind: 'drop'; readonly batch: readonly Waiting[] }
  /** Nothing is left of what the state of the target is about. */
  | { readonly kind: 'gone'; readonly target: string };

/** How sending to one target stands. */
export interface TargetSending {
  readonly state: SenderState;
  /** How long nothing may be sent to it; 0: it may. */
  readonly waitMs: number;
  /** When it was sent to last, as a count of messages: the one whose turn was longest ago is next. */
  readonly turn: number;
}

/** What waits of one rule, in the order of offsets. A rule has one target under a key. */
export interface RuleQueue extends Iterable<Waiting> {
  readonly turn: number;
}

type SenderWorld = World & { readonly targets: ReadonlyMap<string, TargetSending> };
type Candidate = Step & { readonly kind: 'send' };

/** More are not looked at for one message: all that one rule has in memory, and some of others. */
const batchMax = 2_500;
/** How long a sender waits before it asks again for a rule whose change is on the way. */
const ruleAskedEveryMs = 250;

/**
 * The next step for what waits under one key: what answers mean comes first, then whoever may be sent to and whose turn was
 * longest ago. A target that is paused, fails or waits for its rule holds up no other.
 */
export function nextStep(queues: readonly RuleQueue[], world: SenderWorld): Step {
  const reserved = new Map(
    [...world.targets].flatMap(([name, { state }]) => reservedBy(state).map((id) => [id, name])),
  );
  const found = new Map<string, Waiting>();
  if (reserved.size > 0)
    for (const waiting of all(queues))
      if (reserved.has(waiting.notification.id)) found.set(waiting.notification.id, waiting);
  const candidates: Candidate[] = [];
  let waitMs = Infinity;
  for (const [target, { state }] of world.targets) {
    if (state.kind === 'ready') continue;
    const own = concernsOf(state).flatMap((id) => found.get(id) ?? []);
    const step = stepOf(own, { ...world, sender: state }, target);
    if (step.kind === 'send') candidates.push(step);
    else if (step.kind === 'wait') waitMs = ruleAskedEveryMs;
    else return step;
  }
  const byTarget = new Map<string, { readonly destination: Destination; readonly queues: Waiting[][] }>();
  for (const queue of queues.toSorted((one, other) => one.turn - other.turn)) {
    const waiting = [...queue];
    // What came after one that is being repeated does not overtake it.
    const [first] = waiting;
    if (first === undefined || waiting.some(({ notification }) => reserved.has(notification.id))) continue;
    const fate = fateOf(first, world);
    if (fate.kind === 'wait') waitMs = ruleAskedEveryMs;
    else if (fate.kind === 'send') {
      const { destination } = fate;
      const known = byTarget.get(destination.name) ?? { destination, queues: [] };
      known.queues.push(waiting);
      byTarget.set(destination.name, known);
    } else if (fate.kind === 'end') {
      // What ends alike ends together: all that waits for paused targets.
      const others = [...all(queues)].filter(({ notification }) => !reserved.has(notification.id));
      return { kind: 'end', target: undefined, ends: alike(others, fate, world) };
    } else return stepOf([first], world, '');
  }
  for (const [target, { destination, queues: own }] of byTarget)
    if ((world.targets.get(target)?.state ?? ready).kind === 'ready')
      candidates.push({ kind: 'send', target, destination, batch: togetherWith(destination, inTurns(own), world) });
  const pauses = candidates.map(({ destination }) => world.targets.get(destination.name)?.waitMs ?? 0);
  const may = candidates.filter((_, at) => pauses[at] === 0);
  const turnOf = ({ target }: Candidate): number => world.targets.get(target)?.turn ?? 0;
  const [next] = may.sort((one, other) => turnOf(one) - turnOf(other));
  return next ?? { kind: 'wait', waitMs: Math.min(waitMs, ...pauses) };
}

function* all(queues: readonly RuleQueue[]): Generator<Waiting> {
  for (const queue of queues) yield* queue;
}

/** The next step for what the state of a target is about, or for one alone. */
function stepOf(own: readonly Waiting[], world: World, target: string): Step {
  const [first] = own;
  if (first === undefined) return { kind: 'gone', target };
  const fate = fateOf(first, world);
  switch (fate.kind) {
    case 'wait':
      return { kind: 'wait', waitMs: ruleAskedEveryMs };
    case 'finished':
      return { kind: 'drop', batch: [first] };
    case 'reroute':
      return { ...fate, waiting: first };
    case 'end':
      return { kind: 'end', target, ends: alike(own, fate, world) };
    case 'send': {
      const { destination } = fate;
      return { kind: 'send', target, destination, batch: togetherWith(destination, own, world) };
    }
    default:
      return unreachable(fate);
  }
}

/** One of each rule after the other, the rule whose turn was longest ago first. Of a rule in the order of offsets. */
function inTurns(queues: readonly (readonly Waiting[])[]): Waiting[] {
  const ordered: Waiting[] = [];
  for (let nth = 0; ordered.length < batchMax; nth++) {
    const round = queues.flatMap((queue) => queue[nth] ?? []);
    if (round.length === 0) return ordered;
    ordered.push(...round);
  }
  return ordered;
}

/** Those that go to the same target. Behind one of a rule that does not go there, none of that rule does. */
function togetherWith(destination: Destination, waiting: readonly Waiting[], world: World): Waiting[] {
  const stopped = new Set<string>();
  return waiting.slice(0, batchMax).filter((one) => {
    const { ruleId } = one.notification;
    const fate = stopped.has(ruleId) ? undefined : fateOf(one, world);
    const isTogether = fate?.kind === 'send' && isSameDestination(fate.destination, destination);
    if (!isTogether) stopped.add(ruleId);
    return isTogether;
  });
}

function alike(
  waiting: readonly Waiting[],
  fate: End,
  world: World,
): { readonly waiting: Waiting; readonly fate: End }[] {
  return waiting.flatMap((one) => {
    const its = fateOf(one, world);
    return its.kind === 'end' && isAlike(its, fate) ? [{ waiting: one, fate: its }] : [];
  });
}

function isAlike(one: End, other: End): boolean {
  if (one.outcome === 'parked' && other.outcome === 'parked') return true;
  return one.attemptId === other.attemptId && one.webhook === other.webhook && one.reason === other.reason;
}
