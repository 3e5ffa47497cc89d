// F37 of GUARANTEES.md: of one webhook's targets one is deleted and one answers nothing but errors, and one rule has thousands of
// alarms. The other rules of the same webhook notice none of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OracleRule } from '../support/oracle/oracle-rule.ts';
import { discordRateLimits } from '../support/fake-discord/rate-limits.ts';
import { lastOutcomes, readDeliveryTopics, withoutOutcome } from './deliveries.ts';
import { isLong, withFleet } from './fleet.ts';
import { p99 } from './letters.ts';
import { discordUrlOf, drawId } from './load.ts';

/** What another alarm of the webhook may wait, rate limits aside. */
const quietMsMax = 5_000;
const [alive, failing, deleted] = ['111111111111111111', '222222222222222222', '333333333333333333'];
/** The hidden limit of a channel, 30 a minute, is aside; that of a webhook, 5 in 2 s, is not. */
const limits = { ...discordRateLimits, channel: { count: 1_000_000, windowMs: 1_000 } };
const floodSeries = isLong ? 40_000 : 5_000;
const rounds = isLong ? 60 : 8;

test('F37: a dead thread, a failing one and a flood cost the other rules of their webhook nothing', async (t) => {
  await withFleet(t, { fake: { limits }, instances: 2 }, async (fleet) => {
    const { webhook } = fleet.fake.addWebhook({ threads: [alive, failing] });
    fleet.fake.faults.add([{ kind: 'status', status: 500, webhookId: webhook.id, threadId: failing }]);
    const ruleOn = (metric: string, threadId?: string): OracleRule => ({
      id: drawId(fleet.random),
      metric_name: metric,
      threshold: 0,
      trigger: metric === 'flood' ? 'crossing' : 'every_sample',
      discord_webhook_url: `${discordUrlOf(webhook)}${threadId === undefined ? '' : `?thread_id=${threadId}`}`,
    });
    const quiet = [ruleOn('quiet-channel'), ruleOn('quiet-thread', alive)];
    const sick = [ruleOn('sick-failing', failing), ruleOn('sick-deleted', deleted)];
    await fleet.publish([...quiet, ...sick, ruleOn('flood')]);
    await sleep(1_500);

    const send = async (metrics: readonly string[], value: number, tags?: (nth: number) => object): Promise<void> => {
      const records = metrics.map((metric, nth) => {
        const sample = JSON.stringify({ value, ...(tags && { tags: tags(nth) }) });
        return { key: Buffer.from(metric), value: Buffer.from(sample), timestampMs: Date.now() };
      });
      await fleet.log.append('metrics', records);
    };
    await send(['sick-failing', 'sick-deleted'], 1);
    await fleet.until('both have been tried', () => fleet.fake.ledger.entries.length >= 2);
    await send(Array<string>(floodSeries).fill('flood'), 1, (nth) => ({ host: `web-${nth}` }));

    const sentMs = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      for (const [nth, { metric_name: metric }] of quiet.entries()) {
        const value = 1_000 + 2 * round + nth;
        sentMs.set(String(value), Date.now());
        await send([metric], value);
      }
      if (round % 4 === 1) await send(['sick-failing', 'sick-deleted'], 2 + round);
      await sleep(1_000);
    }
    const arrived = (): Map<string, number> => {
      const accepted = fleet.fake.ledger.accepted(webhook.id);
      const alarms = accepted.flatMap(({ alarms: own, atMs }) => own.map(({ value }) => [value, atMs] as const));
      return new Map(alarms.filter(([value]) => sentMs.has(value)));
    };
    await fleet.until('all of the quiet rules arrive', () => arrived().size === sentMs.size);
    const delays = [...arrived()].map(([value, atMs]) => atMs - sentMs.get(value)!).sort((one, other) => one - other);
    t.diagnostic(`p99 of the others ${p99(delays)} ms`);
    assert.ok(p99(delays) < quietMsMax, `p99 of the others is ${p99(delays)} ms`);

    fleet.fake.control({ clearFaults: true });
    await fleet.until('each of the flood has an outcome', async () => {
      const topics = await readDeliveryTopics(fleet.log);
      return topics.due.length >= floodSeries && withoutOutcome(topics).length === 0;
    });
    const { due, records } = await readDeliveryTopics(fleet.log);
    const outcomes = [...lastOutcomes(records).values()];
    const count = (wanted: string): number => outcomes.filter((outcome) => outcome === wanted).length;
    const parked = 1 + Math.floor((rounds + 2) / 4);
    assert.equal(count('parked'), parked, 'what is due to the deleted thread waits, and nothing else');
    assert.equal(count('delivered') + count('merged'), new Set(due.map(({ id }) => id)).size - parked);
    const { overlapped, whileEmpty } = fleet.fake.facts([]);
    assert.deepEqual([overlapped, whileEmpty], [[], []], 'I7 and I8');
    const toDeleted = fleet.fake.ledger.entries.filter(({ status }) => status === 404);
    assert.ok(toDeleted.length <= 1, `${toDeleted.length} requests to a thread that is gone`);
  });
});
