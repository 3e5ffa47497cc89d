import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { notificationFor } from '../../test/support/notification.ts';
import type { DeliveryEnd, DeliveryOutcome } from '../notice/delivery-record.ts';
import { SentNotifications } from '../notice/sent-notifications.ts';
import { ReceiverBook } from '../receiver/receiver-book.ts';
import { receiverKey } from '../receiver/receiver-config.ts';
import { destinationOf } from '../receiver/receiver.ts';
import { openReceivers } from '../receiver/receivers.ts';
import { RuleBook } from '../rule/rule-book.ts';
import type { Waiting } from './delivery-writer.ts';
import { fateOf, nextStep, rememberedMs, type Fate, type RuleQueue, type World } from './fate.ts';
import { Destinations } from './destinations.ts';
import { Parking } from './parking.ts';
import { ready, type SenderState, type SentMessage } from './sender-state.ts';
import type { Rule } from '../rule/rule.ts';

const nowMs = 1_800_000_000_000;
const ruleId = '21433034-8078-4f1a-bb8d-1ac996db395d';
const [key, otherKey] = ['123456789012345678', '123456789012345679'];
const urlOf = (id: string): string => `https://discord.com/api/webhooks/${id}/${'t'.repeat(68)}`;
const open = openReceivers({ version: '0', nowMs: () => nowMs });
after(() => open.close());
const nameOf = (id: string): string => open.receivers.discord.nameOf({ id, token: 't'.repeat(68) });
const destination = destinationOf(open.receivers.discord, { id: key, token: 't'.repeat(68) });

/** A world in the hands of a test. */
class TestWorld implements World {
  nowMs = nowMs;
  readonly rules = new RuleBook();
  readonly sent = new SentNotifications();
  readonly parking = new Parking();
  readonly receivers = new ReceiverBook();
  readonly destinations = new Destinations(open.receivers, this.receivers);
  #offset = 0;

  /** null: it is deleted; undefined: it has no Discord webhook. */
  setRule(webhookId: string | null | undefined, notify?: readonly string[], levels?: Rule['levels']): void {
    const discord_webhook_url = typeof webhookId === 'string' ? urlOf(webhookId) : undefined;
    const rule = {
      id: ruleId,
      metric_name: 'cpu',
      ...(levels === undefined ? { threshold: 1 } : { levels }),
      discord_webhook_url,
      notify,
    };
    const value = webhookId === null ? null : JSON.stringify(rule);
    this.rules.apply({ key: ruleId, value, partition: 0, offset: this.#offset++ });
  }

  end(outcome: DeliveryOutcome, more: Partial<DeliveryEnd> = {}): void {
    this.sent.apply({
      kind: 'outcome',
      notificationId: 'n1',
      webhookId: key,
      outcome,
      messageId: 'm1',
      attemptId: undefined,
      reason: undefined,
      webhook: undefined,
      offset: undefined,
      possibleRepeat: false,
      atMs: this.nowMs,
      ...more,
    });
  }
}

const waitingFor = (id: string, ruleOffset = 0, offset = 7): Waiting => ({
  notification: notificationFor(ruleId, 5, { id, ruleVersion: { partition: 0, offset: ruleOffset } }),
  key,
  offset,
  appendedMs: nowMs,
  holds: true,
});

/** How the world may stand when a notification is looked at. */
const states = {
  deliverable: (world: TestWorld) => world.setRule(key),
  /** The rule's version that it was evaluated by is not here yet. */
  ruleOnItsWay: () => {},
  ruleMoved: (world: TestWorld) => world.setRule(otherKey),
  targetParked: (world: TestWorld) => {
    world.setRule(key);
    world.parking.park(key, nameOf(key), '404', nowMs);
  },
  /** Another of its message has an outcome, and its own was lost in a crash. */
  proven: (world: TestWorld) => {
    world.setRule(key);
    for (const notificationId of ['n1', 'n2'])
      world.sent.apply({
        kind: 'attempt',
        notificationId,
        webhookId: key,
        attemptId: 'a1',
        attempt: 1,
        atMs: nowMs,
        deadlineMs: nowMs,
      });
    world.end('delivered', { notificationId: 'n2', attemptId: 'a1' });
  },
  finished: (world: TestWorld) => {
    world.setRule(key);
    world.end('delivered');
  },
} as const satisfies Record<string, (world: TestWorld) => void>;

/** What may happen then. */
const events = {
  nothing: () => {},
  ruleSet: (world: TestWorld) => world.setRule(key),
  ruleGetsOtherWebhook: (world: TestWorld) => world.setRule(otherKey),
  ruleDeleted: (world: TestWorld) => world.setRule(null),
  targetParked: (world: TestWorld) => void world.parking.park(key, nameOf(key), '404', nowMs),
  targetFreed: (world: TestWorld) => {
    for (const { webhook } of world.parking.states()) world.parking.free(key, webhook);
  },
  tenSecondsPass: (world: TestWorld) => void (world.nowMs += 10_000),
  aDayPasses: (world: TestWorld) => void (world.nowMs += rememberedMs + 1),
  anotherOwnerDelivers: (world: TestWorld) => world.end('delivered'),
  anotherOwnerParks: (world: TestWorld) => world.end('parked', { webhook: 'wh_1', offset: 7 }),
  anotherOwnerReroutes: (world: TestWorld) => world.end('rerouted', { offset: 7 }),
} as const satisfies Record<string, (world: TestWorld) => void>;

type Expected = Exclude<Fate['kind'], 'end'> | DeliveryOutcome;
type Table = Record<keyof typeof states, Record<keyof typeof events, Expected>>;

const ended = {
  anotherOwnerDelivers: 'finished',
  anotherOwnerReroutes: 'finished',
} as const;
const allTheSame = (fate: Expected): Record<keyof typeof events, Expected> =>
  Object.fromEntries(Object.keys(events).map((event) => [event, fate])) as Record<keyof typeof events, Expected>;

const table: Table = {
  deliverable: {
    ...ended,
    nothing: 'send',
    ruleSet: 'send',
    ruleGetsOtherWebhook: 'reroute',
    ruleDeleted: 'wait',
    targetParked: 'parked',
    targetFreed: 'send',
    tenSecondsPass: 'send',
    aDayPasses: 'expired',
    anotherOwnerParks: 'send',
  },
  ruleOnItsWay: {
    ...ended,
    nothing: 'wait',
    ruleSet: 'send',
    ruleGetsOtherWebhook: 'reroute',
    ruleDeleted: 'wait',
    targetParked: 'wait',
    targetFreed: 'wait',
    tenSecondsPass: 'dead',
    aDayPasses: 'expired',
    anotherOwnerParks: 'wait',
  },
  ruleMoved: {
    ...ended,
    nothing: 'reroute',
    ruleSet: 'send',
    ruleGetsOtherWebhook: 'reroute',
    ruleDeleted: 'wait',
    targetParked: 'reroute',
    targetFreed: 'reroute',
    tenSecondsPass: 'reroute',
    aDayPasses: 'expired',
    anotherOwnerParks: 'reroute',
  },
  targetParked: {
    ...ended,
    nothing: 'parked',
    ruleSet: 'parked',
    ruleGetsOtherWebhook: 'reroute',
    ruleDeleted: 'wait',
    targetParked: 'parked',
    targetFreed: 'send',
    tenSecondsPass: 'parked',
    aDayPasses: 'expired',
    anotherOwnerParks: 'parked',
  },
  proven: { ...allTheSame('delivered'), ...ended },
  finished: allTheSame('finished'),
};

for (const [state, row] of Object.entries(table)) {
  for (const [event, expected] of Object.entries(row)) {
    test(`${state}, then ${event}: ${expected}`, () => {
      const world = new TestWorld();
      states[state as keyof typeof states](world);
      events[event as keyof typeof events](world);
      const fate = fateOf(waitingFor('n1'), world);
      assert.equal(fate.kind === 'end' ? fate.outcome : fate.kind, expected);
      if (expected === 'dead' || expected === 'expired' || expected === 'parked' || expected === 'reroute')
        assert.match('reason' in fate ? (fate.reason ?? '') : '', /\w/, 'it says why');
    });
  }
}

const sentMessage: SentMessage = {
  attempt: { id: 'a1', atMs: nowMs, batch: [waitingFor('n1'), waitingFor('n2')] },
  shown: 1,
  destination,
};
const repeat = { ids: new Set(['n1', 'n2']), lost: sentMessage };

/** What the sender's state makes of one that was sent first, one of the same message, and one that was not sent. */
const senders: Record<SenderState['kind'], { state: SenderState; expected: readonly [Expected, Expected, Expected] }> =
  {
    ready: { state: ready, expected: ['send', 'send', 'send'] },
    refused: { state: { kind: 'refused', attempts: 1, parts: [['n1', 'n2']] }, expected: ['send', 'send', 'send'] },
    unconfirmed: { state: { kind: 'unconfirmed', attempts: 1, repeat }, expected: ['send', 'send', 'send'] },
    unconfirmed_refused: {
      state: { kind: 'unconfirmed_refused', attempts: 1, repeat, parts: [['n1', 'n2']] },
      expected: ['send', 'send', 'send'],
    },
    confirmed: {
      state: { kind: 'confirmed', attempts: 1, repeat, parts: [], messageId: 'm1' },
      expected: ['delivered', 'merged', 'send'],
    },
    accepted: {
      state: {
        kind: 'accepted',
        sent: sentMessage,
        messageId: 'm1',
        repeat: undefined,
        parts: [],
        duplicateOf: undefined,
      },
      expected: ['delivered', 'merged', 'send'],
    },
    rejected: {
      state: { kind: 'rejected', sent: sentMessage, reason: '400', repeat: undefined, parts: [] },
      expected: ['dead', 'dead', 'send'],
    },
  };

for (const [kind, { state, expected }] of Object.entries(senders)) {
  test(`a sender that is ${kind} makes of what it sent: ${expected.join(', ')}`, () => {
    const world = new TestWorld();
    world.setRule(key);
    const others = [...sentMessage.attempt.batch, waitingFor('n3')];
    const fates = others.map((waiting) => fateOf(waiting, Object.assign(world, { sender: state })));
    assert.deepEqual(
      fates.map((fate) => (fate.kind === 'end' ? fate.outcome : fate.kind)),
      expected,
    );
  });
}

/** What waits of one rule. */
const queueOf = (waiting: readonly Waiting[], turn = 0): RuleQueue => ({
  turn,
  [Symbol.iterator]: () => waiting[Symbol.iterator](),
});

/** The world, with a sender whose target is in this state. */
const sending = (world: TestWorld, state: SenderState, waitMs = 0): Parameters<typeof nextStep>[1] =>
  Object.assign(world, { targets: new Map([[nameOf(key), { state, waitMs, turn: 0 }]]) });

test('what goes to the same target goes together, from the first on; of a repeat exactly its own', () => {
  const world = new TestWorld();
  world.setRule(key);
  const queue = ['n1', 'n2', 'n3', 'n4'].map((id) => waitingFor(id, id === 'n3' ? 99 : 0));
  const idsOf = (sender: SenderState): string[] | string => {
    const step = nextStep([queueOf(queue)], sending(world, sender));
    return step.kind === 'send' ? step.batch.map(({ notification }) => notification.id) : step.kind;
  };
  assert.deepEqual(idsOf(ready), ['n1', 'n2'], 'the third waits for its rule');
  const ids = new Set(['n2', 'n4']);
  assert.deepEqual(idsOf({ kind: 'unconfirmed', attempts: 1, repeat: { ids, lost: undefined } }), ['n2', 'n4']);
  const unknown = new Set(['n9']);
  assert.equal(idsOf({ kind: 'unconfirmed', attempts: 1, repeat: { ids: unknown, lost: undefined } }), 'gone');
});

test('what ends alike ends together: a message whole, and all that waits for a parked target', () => {
  const world = new TestWorld();
  world.setRule(key);
  const queue = ['n1', 'n2', 'n3'].map((id) => waitingFor(id));
  const endedBy = (sender: SenderState): string[] => {
    const step = nextStep([queueOf(queue)], sending(world, sender));
    assert.equal(step.kind, 'end');
    return step.kind === 'end'
      ? step.ends.map(({ waiting, fate }) => `${waiting.notification.id} ${fate.outcome}`)
      : [];
  };
  assert.deepEqual(endedBy(senders.accepted.state), ['n1 delivered', 'n2 merged']);
  world.parking.park(key, nameOf(key), '404', nowMs);
  assert.deepEqual(endedBy(ready), ['n1 parked', 'n2 parked', 'n3 parked']);
});

/** A world with a rule to the channel and one to a thread of the same webhook, and what waits of each. */
function twoTargets(): {
  world: TestWorld;
  ofChannel: RuleQueue;
  ofThread: RuleQueue;
  thread: string;
  channel: string;
} {
  const world = new TestWorld();
  world.setRule(key);
  const threadId = '500000000000000001';
  const threadRule = '31433034-8078-4f1a-bb8d-1ac996db395d';
  const fields = { metric_name: 'cpu', threshold: 1, discord_webhook_url: `${urlOf(key)}?thread_id=${threadId}` };
  const value = JSON.stringify({ id: threadRule, ...fields });
  world.rules.apply({ key: threadRule, value, partition: 0, offset: 50 });
  const inThread = ['t1', 't2'].map((id): Waiting => {
    const notification = notificationFor(threadRule, 5, { id, ruleVersion: { partition: 0, offset: 50 } });
    return { ...waitingFor(id), notification };
  });
  const channel = nameOf(key);
  return {
    world,
    ofChannel: queueOf(['n1', 'n2'].map((id) => waitingFor(id))),
    ofThread: queueOf(inThread),
    channel,
    thread: `${channel}/${threadId}`,
  };
}

test('a target that is parked, fails or is being repeated holds up no other of its key', () => {
  const { world, ofChannel, ofThread, channel, thread } = twoTargets();
  const stepWith = (known: readonly (readonly [string, SenderState, number])[]): string => {
    const targets = new Map(known.map(([name, state, waitMs]) => [name, { state, waitMs, turn: 0 }]));
    const step = nextStep([ofThread, ofChannel], Object.assign(world, { targets }));
    if (step.kind === 'wait') return `wait ${step.waitMs}`;
    if (step.kind === 'end')
      return step.ends.map(({ waiting, fate }) => `${waiting.notification.id} ${fate.outcome}`).join();
    return step.kind === 'send'
      ? `${step.target}: ${step.batch.map(({ notification }) => notification.id).join()}`
      : step.kind;
  };
  const repeated: SenderState = { kind: 'unconfirmed', attempts: 1, repeat: { ids: new Set(['t1']), lost: undefined } };
  assert.equal(stepWith([]), `${thread}: t1,t2`, 'whichever is first');
  assert.equal(stepWith([[thread, ready, 9_000]]), `${channel}: n1,n2`, 'the thread backs off');
  assert.equal(stepWith([[thread, repeated, 9_000]]), `${channel}: n1,n2`, 'its repeat waits');
  assert.equal(stepWith([[thread, repeated, 0]]), `${thread}: t1`, 'alone, and before what came after it');
  assert.equal(
    stepWith([
      [thread, ready, 9_000],
      [channel, ready, 3_000],
    ]),
    'wait 3000',
    'until the first may be asked',
  );
  world.parking.park(key, thread, '404', nowMs);
  assert.equal(stepWith([]), 't1 parked,t2 parked');
});

test('rules of one target take turns: one alarm stands beside thousands of another rule', () => {
  const { world, ofChannel } = twoTargets();
  const many = Array.from({ length: 3_000 }, (_, index) => waitingFor(`m${index}`));
  const otherRule = '41433034-8078-4f1a-bb8d-1ac996db395d';
  const value = JSON.stringify({ id: otherRule, metric_name: 'cpu', threshold: 1, discord_webhook_url: urlOf(key) });
  world.rules.apply({ key: otherRule, value, partition: 0, offset: 51 });
  const one: Waiting = {
    ...waitingFor('o1'),
    notification: notificationFor(otherRule, 5, { id: 'o1' }),
    offset: 9_000,
  };
  const idsWith = (...queues: RuleQueue[]): string[] => {
    const step = nextStep(queues, sending(world, ready));
    return step.kind === 'send' ? step.batch.map(({ notification }) => notification.id) : [step.kind];
  };
  assert.deepEqual(idsWith(queueOf(many, 4), queueOf([one])).slice(0, 3), ['o1', 'm0', 'm1']);
  assert.deepEqual(idsWith(queueOf(many), queueOf([one], 4)).slice(0, 3), ['m0', 'o1', 'm1']);
  assert.ok(idsWith(queueOf(many), queueOf([one])).length <= 2_500);
  assert.deepEqual(idsWith(ofChannel), ['n1', 'n2']);
});

test('what is due to a named receiver is sent to what the receiver is now, and ends when the receiver was deleted', () => {
  const world = new TestWorld();
  world.setRule(otherKey, ['ops']);
  const waiting: Waiting = { ...waitingFor('n1'), key: receiverKey('ops') };
  const kindOf = (): string => {
    const fate = fateOf(waiting, world);
    if (fate.kind === 'send') return `${fate.kind} ${fate.destination.name}`;
    return fate.kind === 'end' ? `${fate.outcome}: ${fate.reason}` : fate.kind;
  };
  const setReceiver = (path: string | null): void => {
    const config = { kind: 'webhook', address: `https://hooks.example.com/${path}`, secret: 'sixteen-characters' };
    const value = path === null ? null : JSON.stringify(config);
    world.receivers.apply({ key: 'ops', value, partition: 0, offset: offset++ });
  };
  let offset = 0;
  assert.equal(kindOf(), 'wait', 'the receiver may be on its way');
  setReceiver('first');
  const first = kindOf();
  assert.match(first, /^send wh_[0-9a-f]{12}$/);
  world.parking.park(waiting.key, first.replace('send ', ''), '410', nowMs);
  assert.equal(kindOf(), 'parked: 410');
  setReceiver('second');
  assert.match(kindOf(), /^send wh_[0-9a-f]{12}$/, 'another address is another target');
  setReceiver(null);
  assert.equal(kindOf(), 'wait');
  world.nowMs += 10_000;
  assert.equal(kindOf(), 'dead: its receiver was deleted before it could be delivered');
});

test('when a rule names another target, what waits goes there, unless that target was named before', () => {
  const made = notificationFor(ruleId, 5, { id: 'n1', rule: { notify: ['ops'] } });
  const fate = (toKey: string, webhookId: string | undefined, notify?: readonly string[]): string => {
    const world = new TestWorld();
    world.setRule(webhookId, notify);
    const found = fateOf({ ...waitingFor('n1'), notification: made, key: toKey }, world);
    if (found.kind === 'reroute') return `to ${found.toKey}`;
    return found.kind === 'end' ? `${found.outcome}: ${found.reason}` : found.kind;
  };
  assert.equal(fate(key, otherKey, ['ops']), `to ${otherKey}`);
  assert.equal(fate(key, undefined, ['ops', 'dev']), `to ${receiverKey('dev')}`);
  assert.equal(fate(key, undefined, ['ops']), 'dead: its rule names no Discord webhook any more');
  assert.equal(fate(receiverKey('ops'), key, ['dev']), `to ${receiverKey('dev')}`);
  assert.equal(fate(receiverKey('ops'), key), 'dead: its rule names this receiver no longer');
});

test('a receiver that one of the rule’s levels names is named by the rule', () => {
  const levels = [{ threshold: 1 }, { threshold: 2, notify: ['oncall'] }];
  const made = notificationFor(ruleId, 5, { id: 'n1', level: 2, rule: { notify: ['ops'], levels } });
  const fate = (notify: readonly string[]): string => {
    const world = new TestWorld();
    world.setRule(undefined, ['ops'], [{ threshold: 1 }, { threshold: 2, notify }]);
    const found = fateOf({ ...waitingFor('n1'), notification: made, key: receiverKey('oncall') }, world);
    return found.kind === 'reroute' ? `to ${found.toKey}` : found.kind;
  };
  assert.equal(fate(['oncall']), 'wait', 'for the receiver, which is not known yet');
  assert.equal(fate(['night']), `to ${receiverKey('night')}`);
});
