import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { notificationFor } from '../../test/support/notification.ts';
import { destinationOf } from '../receiver/receiver.ts';
import { openReceivers } from '../receiver/receivers.ts';
import {
  attemptsOf,
  concernsOf,
  isPlain,
  mayRepeat,
  senderAfter,
  type SenderEvent,
  type SenderState,
  type SentMessage,
} from './sender-state.ts';

const key = '123456789012345678';
const open = openReceivers({ version: '0', nowMs: () => 0 });
after(() => open.close());
const destination = destinationOf(open.receivers.discord, { id: key, token: 't'.repeat(68) });
const messageOf = (...ids: string[]): SentMessage => ({
  attempt: {
    id: ids.join(),
    atMs: 0,
    batch: ids.map((id, offset) => ({
      notification: notificationFor('r', 1, { id }),
      key,
      offset,
      appendedMs: 0,
      holds: true,
    })),
  },
  shown: ids.length,
  destination,
});

const [lost, sent] = [messageOf('n1', 'n2'), messageOf('n1', 'n2')];
const repeat = { ids: new Set(['n1', 'n2']), lost };
const parts = [['n1', 'n2']];
const oneAlone = messageOf('n1');

const states = {
  ready: { kind: 'ready', attempts: 2 },
  refused: { kind: 'refused', attempts: 2, parts },
  unconfirmed: { kind: 'unconfirmed', attempts: 2, repeat },
  unconfirmed_refused: { kind: 'unconfirmed_refused', attempts: 2, repeat, parts },
  confirmed: { kind: 'confirmed', attempts: 2, repeat, parts: [], messageId: 'm1' },
  accepted: { kind: 'accepted', sent, messageId: 'm2', repeat: undefined, parts: [], duplicateOf: undefined },
  rejected: { kind: 'rejected', sent, reason: '400', repeat: undefined, parts: [] },
} as const satisfies { [Kind in SenderState['kind']]: SenderState & { kind: Kind } };

const events = {
  inherited: { kind: 'inherited', ids: new Set(['n1']), attempts: 5 },
  begun: { kind: 'begun' },
  accepted: { kind: 'accepted', sent, messageId: 'm2' },
  body_refused: { kind: 'body_refused', sent, reason: '400' },
  body_of_one_refused: { kind: 'body_refused', sent: oneAlone, reason: '400' },
  answer_lost: { kind: 'answer_lost', sent },
  not_accepted: { kind: 'not_accepted' },
  answered_late: { kind: 'answered_late', sent: lost, messageId: 'm1' },
  ended: { kind: 'ended', ids: new Set(['n1', 'n2']) },
  gone: { kind: 'gone' },
} as const satisfies Record<SenderEvent['kind'], SenderEvent> & Record<string, SenderEvent>;

/** The next state, and which attempt was the last. */
type Expected = readonly [next: SenderState['kind'], attempts: number];
type Table = Record<keyof typeof states, Record<keyof typeof events, Expected>>;

const always = {
  inherited: ['unconfirmed', 5],
  accepted: ['accepted', 1],
  ended: ['ready', 0],
  gone: ['ready', 0],
} as const;

const table: Table = {
  ready: {
    ...always,
    begun: ['ready', 3],
    body_refused: ['refused', 2],
    body_of_one_refused: ['refused', 2],
    answer_lost: ['unconfirmed', 2],
    not_accepted: ['ready', 2],
    answered_late: ['ready', 2],
  },
  refused: {
    ...always,
    begun: ['refused', 3],
    body_refused: ['refused', 2],
    body_of_one_refused: ['rejected', 1],
    answer_lost: ['unconfirmed_refused', 2],
    not_accepted: ['refused', 2],
    answered_late: ['refused', 2],
  },
  unconfirmed: {
    ...always,
    begun: ['unconfirmed', 3],
    body_refused: ['unconfirmed_refused', 2],
    body_of_one_refused: ['unconfirmed_refused', 2],
    answer_lost: ['unconfirmed', 2],
    not_accepted: ['unconfirmed', 2],
    answered_late: ['confirmed', 2],
  },
  unconfirmed_refused: {
    ...always,
    begun: ['unconfirmed_refused', 3],
    body_refused: ['unconfirmed_refused', 2],
    body_of_one_refused: ['rejected', 1],
    answer_lost: ['unconfirmed_refused', 2],
    not_accepted: ['unconfirmed_refused', 2],
    answered_late: ['confirmed', 2],
  },
  confirmed: {
    ...always,
    begun: ['confirmed', 3],
    body_refused: ['confirmed', 2],
    body_of_one_refused: ['confirmed', 2],
    answer_lost: ['unconfirmed', 2],
    not_accepted: ['confirmed', 2],
    answered_late: ['confirmed', 2],
  },
  accepted: {
    ...always,
    begun: ['accepted', 1],
    body_refused: ['accepted', 1],
    body_of_one_refused: ['accepted', 1],
    answer_lost: ['unconfirmed', 0],
    not_accepted: ['accepted', 1],
    answered_late: ['accepted', 1],
  },
  rejected: {
    ...always,
    begun: ['rejected', 1],
    body_refused: ['rejected', 1],
    body_of_one_refused: ['rejected', 1],
    answer_lost: ['unconfirmed', 0],
    not_accepted: ['rejected', 1],
    answered_late: ['rejected', 1],
  },
};

for (const [state, row] of Object.entries(table)) {
  for (const [event, expected] of Object.entries(row)) {
    test(`${state}, ${event}: ${expected[0]}`, () => {
      const next = senderAfter(states[state as keyof typeof states], events[event as keyof typeof events]);
      assert.deepEqual([next.kind, attemptsOf(next)], expected);
    });
  }
}

test('what is left of a repeat is a repeat still, and in full again unless its body was refused', () => {
  const ended: SenderEvent = { kind: 'ended', ids: new Set(['n1', 'n7']) };
  const next = senderAfter(states.unconfirmed, ended);
  assert.deepEqual(next, { kind: 'unconfirmed', attempts: 0, repeat: { ids: new Set(['n2']), lost } });
  assert.deepEqual([mayRepeat(next, 'n1'), mayRepeat(next, 'n2'), isPlain(next)], [false, true, false]);
  const refused = senderAfter(states.unconfirmed_refused, ended);
  assert.deepEqual(refused, { ...next, kind: 'unconfirmed_refused', parts: [['n2']] });
  assert.deepEqual([mayRepeat(refused, 'n1'), mayRepeat(refused, 'n2'), isPlain(refused)], [false, true, true]);
});

/** What goes out after another, by what is carried, when each body with one of `bad` in it is refused. */
function played(
  carried: SentMessage,
  bad: readonly string[],
): { readonly requests: string[]; readonly dead: string[] } {
  const [requests, dead]: [string[], string[]] = [[], []];
  let state: SenderState = states.ready;
  let next = carried;
  do {
    const ids = next.attempt.batch.map(({ notification }) => notification.id);
    requests.push(ids.join(' '));
    const isRefused = ids.some((id) => bad.includes(id));
    state = senderAfter(state, isRefused ? { ...events.body_refused, sent: next } : { ...events.accepted, sent: next });
    if (state.kind === 'rejected') dead.push(...ids);
    if (state.kind === 'rejected' || state.kind === 'accepted')
      state = senderAfter(state, { kind: 'ended', ids: new Set(ids) });
    next = messageOf(...concernsOf(state));
  } while (concernsOf(state).length > 0);
  assert.equal(state.kind, 'ready');
  return { requests, dead };
}

test('a body that is refused goes plainly, then each of its notifications alone: one that is bad costs only itself', () => {
  assert.deepEqual(played(messageOf('n1', 'n2', 'n3'), ['n2']), {
    requests: ['n1 n2 n3', 'n1 n2 n3', 'n1', 'n2', 'n3'],
    dead: ['n2'],
  });
  assert.deepEqual(played(messageOf('n1'), ['n1']), { requests: ['n1', 'n1'], dead: ['n1'] });
});

test('a long list that is refused is halved: few requests find the one that is bad', () => {
  const many = Array.from({ length: 1_000 }, (_, index) => `n${index}`);
  const { requests, dead } = played(messageOf(...many), ['n700']);
  assert.deepEqual(dead, ['n700']);
  assert.ok(requests.length < 40, `${requests.length}`);
});

test('a late answer counts for the message that is being repeated, and no other', () => {
  const other: SenderEvent = { ...events.answered_late, sent };
  assert.equal(senderAfter(states.unconfirmed, other), states.unconfirmed);
});

test('a repeat that was accepted beside the first copy is a duplicate of it', () => {
  const next = senderAfter(states.confirmed, events.accepted);
  assert.deepEqual(next.kind === 'accepted' && next.duplicateOf, { sent: lost, messageId: 'm1' });
  const alone = senderAfter(states.unconfirmed, events.accepted);
  assert.equal(alone.kind === 'accepted' && alone.duplicateOf, undefined);
});

test('after a refusal of its body a message is said plainly, as a repeat too', () => {
  assert.deepEqual(
    Object.values(states)
      .filter(isPlain)
      .map(({ kind }) => kind),
    ['refused', 'unconfirmed_refused'],
  );
});
