// F29 of GUARANTEES.md: the notifier's positions are set back to the beginning, and `deliveries` remembers one day alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatNotification } from '../../src/alarm/notification.ts';
import { notifyGroup } from '../../src/notify/notify.ts';
import { topics } from '../../src/topics.ts';
import { discordRateLimits } from '../support/fake-discord/rate-limits.ts';
import { runTool } from '../support/kafka/kafka-broker.ts';
import { notificationFor } from '../support/notification.ts';
import { lastOutcomes, readDeliveryTopics, withoutOutcome } from './deliveries.ts';
import { groupTimeoutMs, isLong, withFleet } from './fleet.ts';
import { Letters } from './letters.ts';

const limits = { ...discordRateLimits, channel: { count: 1_000_000, windowMs: 1_000 } };
const hourMs = 3_600_000;

test('F29: positions set back to the beginning: nothing is sent again, and what is older than a day expires', async (t) => {
  await withFleet(t, { fake: { limits }, instances: 2 }, async (fleet) => {
    const letters = new Letters(fleet);
    await letters.begin();
    // Notified two days ago, and `deliveries` has been cut since.
    const old = letters.recipients.map(({ rule, webhook }, index) => ({
      key: Buffer.from(webhook.id),
      value: Buffer.from(formatNotification(notificationFor(rule.id, index))),
      timestampMs: Date.now() - (24.1 + index) * hourMs,
    }));
    for (let round = 0; round < 10; round++) {
      await letters.send();
      await sleep(500);
    }
    await fleet.until('all arrive', () => letters.missing().length === 0);
    for (let reset = 0; reset < (isLong ? 3 : 1); reset++) {
      for (const index of fleet.running()) await fleet.terminate(index);
      await fleet.log.append(topics.notifications.name, old);
      const sent = fleet.fake.ledger.entries.length;
      const args = ['--bootstrap-server', fleet.kafka.bootstrap, '--group', notifyGroup, '--topic', 'notifications'];
      await runTool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
        ...args,
        '--reset-offsets',
        '--to-earliest',
        '--execute',
      ]);
      for (const index of [0, 1]) await fleet.start(index);
      await letters.send();
      await fleet.until('new letters arrive', () => letters.missing().length === 0, groupTimeoutMs * 3);
      const isOver = async (): Promise<boolean> => withoutOutcome(await readDeliveryTopics(fleet.log)).length === 0;
      await fleet.until('all have an outcome', isOver, 30_000);
      assert.equal(fleet.fake.ledger.entries.length, sent + letters.recipients.length, 'only the new ones are sent');
    }
    const ends = [...lastOutcomes((await readDeliveryTopics(fleet.log)).records).values()];
    assert.equal(ends.filter((outcome) => outcome === 'expired').length, old.length);
    const { marked } = await fleet.checkDeliveries(letters, {
      copiesMax: 0,
      outcomes: ['delivered', 'merged', 'expired'],
    });
    assert.equal(marked, 0);
  });
});
