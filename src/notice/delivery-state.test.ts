import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDeliveryRecord, type DeliveryRecord } from './delivery-record.ts';
import {
  deliveryAfter,
  failingAfter,
  finishedAfter,
  noneFailing,
  notAttempted,
  nonePaused,
  parseDeliveriesEntry,
  pausedAfter,
  type DeliveriesEntry,
  type DeliveryState,
  type PausedTargets,
} from './delivery-state.ts';
import { formatParkingRecord, type ParkingRecord } from './parking-record.ts';

const common = { notificationId: 'n1', webhookId: '123456789012345678', attemptId: 'a1' };
const name = 'wh_0123456789ab';
const none = { messageId: undefined, reason: undefined, webhook: undefined, offset: undefined, possibleRepeat: false };

const records = {
  attempt: { ...common, kind: 'attempt', attempt: 1, atMs: 100, deadlineMs: 20_100 },
  withdrawn: {
    ...common,
    kind: 'withdrawn',
    attemptAtMs: 100,
    notBeforeMs: undefined,
    webhook: undefined,
    webhookNotBeforeMs: undefined,
    atMs: 110,
  },
  delivered: { ...common, ...none, kind: 'outcome', outcome: 'delivered', messageId: 'm1', atMs: 120 },
  merged: { ...common, ...none, kind: 'outcome', outcome: 'merged', messageId: 'm1', atMs: 120 },
  parked: {
    ...common,
    ...none,
    kind: 'outcome',
    outcome: 'parked',
    reason: '404',
    webhook: name,
    offset: 7,
    atMs: 120,
  },
  dead: { ...common, ...none, kind: 'outcome', outcome: 'dead', reason: '400', atMs: 120 },
  expired: { ...common, ...none, kind: 'outcome', outcome: 'expired', reason: 'old', atMs: 120 },
  rerouted: { ...common, ...none, kind: 'outcome', outcome: 'rerouted', reason: 'moved', offset: 7, atMs: 120 },
} as const satisfies Record<string, DeliveryRecord>;

type Event = keyof typeof records;
/** Attempts, outcome, message or reason, and up to which offset it is finished. */
type Expected = readonly [attempts: number, outcome: DeliveryState['outcome'], said: string, upTo: number | undefined];

test('each record leads from a delivery that waits to what it says', () => {
  const table: Record<Event, Expected> = {
    attempt: [1, 'waiting', '', undefined],
    withdrawn: [0, 'waiting', '', undefined],
    delivered: [0, 'delivered', 'm1', Infinity],
    merged: [0, 'merged', 'm1', Infinity],
    parked: [0, 'parked', '404', undefined],
    dead: [0, 'dead', '400', Infinity],
    expired: [0, 'expired', 'old', Infinity],
    rerouted: [0, 'rerouted', 'moved', 7],
  };
  for (const [event, [attempts, outcome, said, upTo]] of Object.entries(table)) {
    const record = records[event as Event];
    const state = deliveryAfter(notAttempted, record);
    assert.deepEqual(
      [state.attempts, state.outcome, state.messageId ?? state.reason ?? ''],
      [attempts, outcome, said],
      event,
    );
    assert.deepEqual(record.kind === 'outcome' ? finishedAfter(undefined, record)?.upToOffset : undefined, upTo, event);
  }
});

test('what was parked ends otherwise later, and says no longer why it was parked', () => {
  const events = ['attempt', 'parked', 'attempt', 'delivered'] as const;
  const state = events.reduce((before, event) => deliveryAfter(before, records[event]), notAttempted);
  assert.deepEqual(state, {
    attempts: 2,
    attemptedMs: 100,
    outcome: 'delivered',
    outcomeMs: 120,
    reason: undefined,
    messageId: 'm1',
  });
});

test('what was rerouted is finished up to the furthest record of it; a final outcome is for all of them', () => {
  const first = finishedAfter(undefined, records.rerouted);
  const back = finishedAfter(first, { ...records.rerouted, offset: 3 });
  assert.equal(back?.upToOffset, 7);
  assert.equal(finishedAfter(back, { ...records.rerouted, offset: 12 })?.upToOffset, 12);
  assert.equal(finishedAfter(finishedAfter(back, records.delivered), records.rerouted)?.upToOffset, Infinity);
  assert.equal(finishedAfter(first, records.parked), first);
});

const parking: ParkingRecord = {
  webhook: name,
  webhookId: common.webhookId,
  parked: { reason: '404 told', sinceMs: 90, probes: 1, scheduledAtMs: 1, probeAtMs: 2, ruleIds: [], isTarget: true },
  atMs: 130,
};

test('a target is paused from its first parked notification or what is published, until one is delivered or it is freed', () => {
  const published: DeliveriesEntry = { kind: 'parking', ...parking };
  const freed: DeliveriesEntry = { ...published, parked: undefined };
  const other = { ...records.parked, webhook: 'wh_other' };
  const paused = (...entries: DeliveriesEntry[]): PausedTargets => entries.reduce(pausedAfter, nonePaused);
  const shown = (targets: PausedTargets) =>
    [...targets].map(([who, { reason, sinceMs, lastMs }]) => [who, reason, sinceMs, lastMs]);
  assert.deepEqual(shown(paused(records.parked)), [[name, '404', 120, 120]]);
  assert.deepEqual(shown(paused(records.parked, { ...records.parked, reason: 'later', atMs: 125 })), [
    [name, '404', 120, 125],
  ]);
  assert.deepEqual(shown(paused(records.parked, published)), [[name, '404 told', 90, 130]]);
  assert.deepEqual(shown(paused(published, freed)), []);
  assert.deepEqual(shown(paused(other, published, freed)), [['wh_other', '404', 120, 120]]);
  assert.deepEqual(shown(paused(other, published, records.merged)), [], 'an earlier version does not say which');
  const delivered = { ...records.delivered, webhook: name };
  assert.deepEqual(shown(paused(other, published, delivered)), [['wh_other', '404', 120, 120]]);
  for (const event of ['attempt', 'withdrawn', 'dead', 'expired', 'rerouted'] as const)
    assert.equal(paused(published, records[event]).size, 1, event);
});

test('a target fails from what is published on, until one is delivered to it, or it is paused or freed', () => {
  const failing = { reason: '500', sinceMs: 90, tries: 3, lastTryMs: 100, nextTryMs: 132 };
  const published: DeliveriesEntry = { kind: 'parking', ...parking, parked: undefined, failing };
  const namesOf = (...entries: DeliveriesEntry[]): string[] => [...entries.reduce(failingAfter, noneFailing).keys()];
  assert.deepEqual(namesOf(published), [name]);
  assert.deepEqual(published.kind === 'parking' && [...pausedAfter(nonePaused, published)], []);
  assert.deepEqual(namesOf(published, { ...published, webhook: 'wh_other' }), [name, 'wh_other']);
  const { failing: _, ...freed } = published;
  for (const over of [
    { ...records.delivered, webhook: name },
    records.parked,
    { kind: 'parking' as const, ...parking },
    freed,
  ])
    assert.deepEqual(namesOf(published, over), []);
  for (const other of [records.attempt, { ...records.delivered, webhook: 'wh_other' }, records.dead])
    assert.deepEqual(namesOf(published, other), [name]);
});

test('records are told apart by their key, and what cannot be read is skipped', () => {
  const read = (key: string | null, value: string | null) =>
    parseDeliveriesEntry({
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    });
  assert.deepEqual(read('n1', formatDeliveryRecord(records.delivered)), records.delivered);
  assert.deepEqual(read(name, formatParkingRecord(parking)), { kind: 'parking', ...parking });
  for (const [key, value] of [
    [name, '{}'],
    ['n1', 'nonsense'],
    ['n1', null],
    [null, '{}'],
  ] as const)
    assert.equal(read(key, value), undefined);
});
