import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeliveryRecord } from './delivery-record.ts';
import { restoredMs, SentNotifications } from './sent-notifications.ts';

const nowMs = 1_800_000_000_000;
const key = '123456789012345678';
const common = { notificationId: 'n1', webhookId: key, attemptId: 'a1' };
const begun = (atMs: number, more: Partial<DeliveryRecord> = {}): DeliveryRecord =>
  ({ ...common, kind: 'attempt', attempt: 1, atMs, deadlineMs: atMs + 20_000, ...more }) as DeliveryRecord;
const retracted = (attemptAtMs: number, notBeforeMs?: number): DeliveryRecord => {
  const target = { webhook: undefined, webhookNotBeforeMs: undefined };
  return { ...common, kind: 'withdrawn', attemptAtMs, notBeforeMs, ...target, atMs: nowMs };
};
const ended = (outcome: string, more: Partial<DeliveryRecord> = {}): DeliveryRecord =>
  ({
    ...common,
    kind: 'outcome',
    outcome,
    messageId: 'm1',
    possibleRepeat: false,
    atMs: nowMs,
    ...more,
  }) as DeliveryRecord;

/** What a new owner knows after these. */
function sentAfter(...records: DeliveryRecord[]): SentNotifications {
  const sent = new SentNotifications();
  for (const record of records) sent.apply(record);
  return sent;
}

test('an attempt that was retracted is neither awaited nor makes a possible repeat', () => {
  const sent = sentAfter(begun(nowMs - 10), retracted(nowMs - 10));
  assert.equal(sent.isPossibleRepeat('n1', key), false);
  assert.deepEqual(sent.takeOpenAttempts(key), []);
  assert.equal(sent.takeHold(key), 0);
});

test('until when a receiver wants to be left alone is known to the next owner, once', () => {
  const sent = sentAfter(begun(nowMs - 10), retracted(nowMs - 10, nowMs + 5_000));
  assert.equal(sent.takeHold(key), nowMs + 5_000);
  assert.equal(sent.takeHold(key), 0);
});

test('a retraction that comes late says nothing of what the next owner has begun, whichever clock is ahead', () => {
  for (const aheadMs of [0, 60_000]) {
    const first = nowMs - 10 + aheadMs;
    const sent = sentAfter(begun(first), begun(nowMs - 5), retracted(first));
    assert.equal(sent.isPossibleRepeat('n1', key), true);
    assert.equal(sent.takeOpenAttempts(key)[0]?.atMs, Math.max(first, nowMs - 5));
  }
});

test('what was rerouted is finished where it stood, and not where it came back', () => {
  const sent = sentAfter(ended('rerouted', { offset: 7, possibleRepeat: true }));
  assert.deepEqual(
    [3, 7, 8].map((offset) => sent.isFinished('n1', key, offset)),
    [true, true, false],
  );
  assert.equal(sent.isPossibleRepeat('n1', key), true);
  assert.equal(sent.isFinished('n1', '999999999999999999', 3), false);
});

test('one of a message is proven delivered by the outcome of another', () => {
  const sent = sentAfter(begun(nowMs), begun(nowMs, { notificationId: 'n2' }), ended('delivered'));
  assert.deepEqual(sent.provenOutcome('n2', key), { outcome: 'delivered', messageId: 'm1', webhook: undefined });
  assert.deepEqual(sent.takeOpenAttempts(key), [], 'its request has ended');
  sent.apply(ended('delivered', { notificationId: 'n2' }));
  assert.equal(sent.provenOutcome('n2', key), undefined);
});

test('of several open attempts the newest comes first, and a notification is in the newest of its own alone', () => {
  const older = begun(nowMs - 20, { attemptId: 'a0', notificationId: 'n0', deadlineMs: nowMs + 90_000 });
  const again = begun(nowMs - 20, { attemptId: 'a0' });
  const sent = sentAfter(older, again, begun(nowMs - 10));
  const open = sent.takeOpenAttempts(key);
  assert.deepEqual(
    open.map(({ attemptId, notificationIds }) => [attemptId, ...notificationIds]),
    [
      ['a1', 'n1'],
      ['a0', 'n0'],
    ],
  );
  assert.deepEqual(sent.takeOpenAttempts(key), [], 'given once');
  sent.notePossibleRepeats(key, open[1]!.notificationIds);
  assert.deepEqual(
    ['n0', 'n1'].map((id) => sent.isPossibleRepeat(id, key)),
    [true, false],
  );
});

test('what held back one target of a former owner holds back no other', () => {
  const held = { ...retracted(nowMs - 10), webhook: 'wh_1', webhookNotBeforeMs: nowMs + 9_000 } as DeliveryRecord;
  const sent = sentAfter(begun(nowMs - 10), held);
  assert.deepEqual([sent.takeHold(key), sent.takeHold(key, 'wh_2'), sent.takeHold(key, 'wh_1')], [0, 0, nowMs + 9_000]);
});

test('what is finished is forgotten after a day', () => {
  const sent = sentAfter(ended('delivered'));
  sent.forget(nowMs + restoredMs);
  assert.equal(sent.isFinished('n1', key, 1), true);
  sent.forget(nowMs + restoredMs + 1);
  assert.equal(sent.isFinished('n1', key, 1), false);
});
