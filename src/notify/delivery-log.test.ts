import { systemClock } from '../base/clock.ts';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Claim, NewRecord } from '../log/log.ts';
import { formatDeliveryRecord, type DeliveryRecord } from '../notice/delivery-record.ts';
import { topics } from '../topics.ts';
import { SimGroups, SimLog } from '../../test/support/sim-log/sim-log.ts';
import { SimStore } from '../../test/support/sim-log/sim-store.ts';
import { Random } from '../../test/support/sim-log/random.ts';
import { DeliveryLog } from './delivery-log.ts';

const nowMs = Date.now();
const common = { notificationId: 'n1', webhookId: '123456789012345678', attemptId: 'a1' };
const begun = (atMs: number): DeliveryRecord => {
  return { ...common, kind: 'attempt', attempt: 1, atMs, deadlineMs: atMs + 20_000 };
};
const withdrawn = (attemptAtMs: number, notBeforeMs?: number): DeliveryRecord => {
  return { ...common, kind: 'withdrawn', attemptAtMs, notBeforeMs, atMs: nowMs };
};

/** What a new owner knows after these. */
async function restored(records: readonly DeliveryRecord[]): Promise<DeliveryLog> {
  const store = new SimStore(new Random(1));
  const log = new SimLog(new SimGroups(store, systemClock));
  store.addTopic({ ...topics.deliveries, partitions: 1 });
  for (const record of records) {
    const stored: NewRecord = {
      key: Buffer.from(record.notificationId),
      value: Buffer.from(formatDeliveryRecord(record)),
      timestampMs: nowMs,
      partition: 0,
    };
    store.append(topics.deliveries.name, stored);
  }
  const deliveries = new DeliveryLog({ partition: 0 } as Claim);
  await deliveries.restore(log, nowMs);
  return deliveries;
}

test('an attempt that was withdrawn is neither waited for nor doubted', async () => {
  const deliveries = await restored([begun(nowMs - 10), withdrawn(nowMs - 10)]);
  assert.equal(deliveries.isDoubtful(common.notificationId, common.webhookId), false);
  assert.equal(deliveries.takeOpenAttempt(common.webhookId), undefined);
  assert.equal(deliveries.takeHold(common.webhookId), 0);
});

test('until when Discord wants to be left alone is known to the next owner, once', async () => {
  const deliveries = await restored([begun(nowMs - 10), withdrawn(nowMs - 10, nowMs + 5_000)]);
  assert.equal(deliveries.takeHold(common.webhookId), nowMs + 5_000);
  assert.equal(deliveries.takeHold(common.webhookId), 0);
});

test('a withdrawal that comes late says nothing of what the next owner has begun, whichever clock is ahead', async () => {
  for (const aheadMs of [0, 60_000]) {
    const first = nowMs - 10 + aheadMs;
    const deliveries = await restored([begun(first), begun(nowMs - 5), withdrawn(first)]);
    assert.equal(deliveries.isDoubtful(common.notificationId, common.webhookId), true);
    assert.equal(deliveries.takeOpenAttempt(common.webhookId)?.atMs, Math.max(first, nowMs - 5));
  }
});

test('what went elsewhere has ended where it stood, and not where it came back', async () => {
  const outcome = { ...common, kind: 'outcome', outcome: 'rerouted', messageId: undefined, reason: undefined } as const;
  const deliveries = await restored([{ ...outcome, webhook: undefined, offset: 7, possibleRepeat: true, atMs: nowMs }]);
  const at = (offset: number): boolean => deliveries.hasEnded(common.notificationId, common.webhookId, offset);
  assert.deepEqual([at(3), at(7), at(8)], [true, true, false]);
  assert.equal(deliveries.isDoubtful(common.notificationId, common.webhookId), true);
});
