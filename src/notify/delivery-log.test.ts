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
const withdrawn = (begunMs: number): DeliveryRecord => ({ ...common, kind: 'withdrawn', begunMs, atMs: nowMs });

/** What a new owner knows after these. */
async function restored(records: readonly DeliveryRecord[]): Promise<DeliveryLog> {
  const store = new SimStore(new Random(1));
  const log = new SimLog(new SimGroups(store));
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
});

test('a withdrawal that comes late says nothing of what the next owner has begun', async () => {
  const deliveries = await restored([begun(nowMs - 10), begun(nowMs - 5), withdrawn(nowMs - 10)]);
  assert.equal(deliveries.isDoubtful(common.notificationId, common.webhookId), true);
  assert.equal(deliveries.takeOpenAttempt(common.webhookId)?.atMs, nowMs - 5);
});
