// Long troubles at Discord, in simulated time: bans, outages, and a webhook that answers nothing but 5xx.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noTroubles } from '../../test/support/sim-notifier/sim-discord.ts';
import { SimWorld } from '../../test/support/sim-notifier/sim-world.ts';

const webhookIds = Array.from({ length: 20 }, (_, index) => String(100_000_000_000_000_000n + BigInt(index)));
const minuteMs = 60_000;

async function withWorld(play: (world: SimWorld) => Promise<void>, seed = 1): Promise<void> {
  const world = new SimWorld(seed);
  try {
    for (const webhookId of webhookIds) world.setRule(webhookId);
    world.beBorn();
    await play(world);
  } finally {
    world.end();
  }
}

const outcomesOf = (world: SimWorld): string[] =>
  world.deliveries.flatMap((one) => (one.kind === 'outcome' ? [one.outcome] : []));

test('while the address is banned the process makes five requests in five minutes, beside those under way, and loses nothing', () =>
  withWorld(async (world) => {
    world.discord.bannedUntilMs = world.time.nowMs + 5 * minuteMs;
    for (let count = 0; count < 40; count++) world.enqueue(webhookIds[count % webhookIds.length]!);
    await world.play(world.discord.bannedUntilMs, 0);
    // Twenty begin together, before the first of them is refused.
    const isLater = ({ begunMs }: { begunMs: number }): boolean =>
      begunMs > world.discord.requests[0]!.begunMs + 10_000;
    assert.ok(world.discord.requests.filter(isLater).length <= 5);
    assert.ok(await world.playUntil(() => outcomesOf(world).length === 40, 10 * minuteMs));
    assert.deepEqual(new Set(outcomesOf(world)), new Set(['delivered']));
  }));

test('in an outage of everybody no webhook is parked, each is asked ever more rarely, and all is delivered after it', () =>
  withWorld(async (world) => {
    for (const webhookId of webhookIds) world.discord.troubled.set(webhookId, { ...noTroubles, serverError: 1 });
    for (const webhookId of webhookIds) world.enqueue(webhookId);
    await world.play(world.time.nowMs + 30 * minuteMs, 0);
    for (const webhookId of webhookIds) {
      const times = world.discord.requests.filter((one) => one.webhookId === webhookId).map(({ begunMs }) => begunMs);
      for (const [index, leastMs] of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000].entries())
        assert.ok(times[index + 1]! - times[index]! >= leastMs, `${index}: ${times[index + 1]! - times[index]!}`);
    }
    for (const webhookId of webhookIds) world.discord.troubled.set(webhookId, noTroubles);
    assert.ok(await world.playUntil(() => outcomesOf(world).length === webhookIds.length, 2 * minuteMs));
    assert.deepEqual(new Set(outcomesOf(world)), new Set(['delivered']));
  }));

test('a webhook that answers twenty 5xx in a row while others are served is parked, and is sent to again when it is mended', () =>
  withWorld(async (world) => {
    const [broken, fine] = webhookIds as [string, string];
    world.discord.troubled.set(broken, { ...noTroubles, serverError: 1 });
    world.enqueue(broken);
    for (let halfMinute = 0; halfMinute < 60; halfMinute++) {
      world.enqueue(fine);
      await world.play(world.time.nowMs + minuteMs / 2, 0);
    }
    assert.equal(outcomesOf(world).filter((outcome) => outcome === 'parked').length, 1);
    // Those between which nobody else was served do not count.
    const { length } = world.discord.requests.filter(({ webhookId }) => webhookId === broken);
    assert.ok(length >= 20 && length <= 26, `${length} requests`);
    assert.equal(world.position, world.head);
    world.discord.troubled.clear();
    assert.ok(await world.skipUntil(() => outcomesOf(world).length === 62, 2 * 60 * minuteMs));
    const [last] = world.discord.accepted.filter(({ webhookId }) => webhookId === broken).slice(-1);
    assert.ok(last!.isMarked, 'one of the twenty may have been taken');
  }));

test('what waits for a webhook that stays gone expires after a day', () =>
  withWorld(async (world) => {
    const [gone] = webhookIds as [string];
    world.discord.dead.add(gone);
    for (let count = 0; count < 30; count++) world.enqueue(gone);
    await world.play(world.time.nowMs + minuteMs, 0);
    assert.deepEqual(new Set(outcomesOf(world)), new Set(['parked']));
    const isOver = (): boolean => outcomesOf(world).filter((outcome) => outcome === 'expired').length === 30;
    assert.equal(await world.skipUntil(isOver, 23.8 * 60 * minuteMs), false);
    assert.equal(await world.skipUntil(isOver, 60 * minuteMs), true);
    assert.equal(world.discord.requests.length, 1, 'nothing was posted to it again');
  }));

test('a new owner goes on with the looks of the one before, tells of it each few hours, and says when it is over', () =>
  withWorld(async (world) => {
    const [gone] = webhookIds as [string];
    const last = () => world.parkings.at(-1);
    world.discord.dead.add(gone);
    world.enqueue(gone);
    assert.ok(await world.playUntil(() => last() !== undefined, minuteMs));
    const parkedMs = last()!.parked!.sinceMs;
    assert.equal(last()!.parked!.probeAtMs, parkedMs + 60 * minuteMs);
    // The notification expires meanwhile: the webhook is parked all the same.
    await world.skipUntil(() => false, 30 * 60 * minuteMs);
    const before = last()!.parked!;
    assert.deepEqual([before.sinceMs, before.probes], [parkedMs, 2]);
    assert.ok(world.time.nowMs - last()!.atMs < 7 * 60 * minuteMs, 'it was told lately');
    world.kill(world.owner!);
    world.beBorn();
    await world.skipUntil(() => false, 7 * 60 * minuteMs);
    assert.deepEqual([last()!.parked!.sinceMs, last()!.parked!.probes], [parkedMs, 3]);
    assert.equal(world.discord.requests.length, 1, 'nothing was posted to it again');
    world.discord.dead.clear();
    world.setRule(gone);
    assert.ok(await world.playUntil(() => last()!.parked === undefined, minuteMs));
    world.enqueue(gone);
    assert.ok(await world.playUntil(() => world.discord.accepted.length === 1, minuteMs));
  }));

test('when an answer comes late after all, a message that was doubled by then is deleted, and the outcome names the other', async () => {
  let deleted = 0;
  for (let seed = 1; seed <= 20; seed++) {
    await withWorld(async (world) => {
      const [slow] = webhookIds as [string];
      world.discord.troubled.set(slow, { ...noTroubles, timeout: 1 });
      world.enqueue(slow);
      await world.play(world.time.nowMs + 1_000, 0);
      world.discord.troubled.clear();
      await world.play(world.time.nowMs + 2 * minuteMs, 0);
      const { accepted, requests } = world.discord;
      assert.equal(accepted.length, 1, `${accepted.length} messages are left`);
      deleted += requests.filter(({ isDeleted }) => isDeleted).length;
      const last = world.deliveries.findLast((one) => one.kind === 'outcome');
      assert.ok(last?.kind === 'outcome' && last.outcome === 'delivered');
      assert.equal(last.messageId, accepted[0]!.messageId);
    }, seed);
  }
  assert.ok(deleted > 3, `${deleted} were deleted`);
});
