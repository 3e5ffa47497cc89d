// F3, F5 and F8 of GUARANTEES.md for the notifier: killed at the points where it hurts most, restarted in order under load, and
// stopped for longer than the group waits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failpoint } from '../../src/base/failpoint.ts';
import { discordRateLimits } from '../support/fake-discord/rate-limits.ts';
import { isLong, withFleet, type Fleet, type FleetOptions } from './fleet.ts';
import { Letters } from './letters.ts';

const many = { count: 1_000_000, windowMs: 1_000 };
/** The webhooks' own bucket alone: what a channel's hidden limit does is seen in discord.fault.kafka.test.ts. */
const fake = { limits: { ...discordRateLimits, channel: many }, latencyMs: [5, 15] as const };
/** Longer than the group waits for a member, and longer than an open attempt may take. */
const takeOverMsMax = 60_000;
/** A request takes some milliseconds, and a busy machine a while to tell of a process that it has ended. */
const underWayMs = 3_000;
const zombieMs = 25_000;
const exitMsMax = 10_000;
/** No bucket is ever empty: what one owner was told of it the next one does not know. */
const sendEveryMs = 900;

const options: FleetOptions = { fake, instances: 1 };
/** A request is under way at no time but between its attempt and its answer. */
const harmless: readonly Failpoint[] = [
  'notify.before-attempt',
  'notify.before-request',
  'notify.after-outcome',
  'notify.after-commit',
];
const doubling: readonly Failpoint[] = ['notify.request-written', 'notify.after-answer'];

/** After its start an instance commits for each of its partitions, and again when others join. */
const timesOf = (fleet: Fleet, point: Failpoint): number =>
  point === 'notify.after-commit' ? 20 + fleet.random.below(10) : 1 + fleet.random.below(3);

/** One letter at a time, so that few requests are under way when an instance dies or stops. */
async function sendOneByOne(fleet: Fleet, letters: Letters, isOver: () => boolean): Promise<void> {
  for (let index = 0; !isOver(); index = (index + 1) % letters.recipients.length) {
    assert.ok(letters.expected.length < 5_000, 'the failpoints are reached');
    const [letter] = await letters.send([index]);
    await fleet.until('', () => letters.hasArrived(letter!) || isOver(), 500).catch(() => {});
    await sleep(15);
  }
}

/** Starts an instance for each point, beside one that lives, and sends letters until all have died. */
async function killAt(fleet: Fleet, letters: Letters, points: readonly Failpoint[]): Promise<void> {
  await Promise.all(points.map((point, at) => fleet.startAt(at + 1, point, timesOf(fleet, point))));
  const isAnyAlive = (): boolean => points.some((_, at) => fleet.running().includes(at + 1));
  await sendOneByOne(fleet, letters, () => !isAnyAlive());
  await fleet.until('all letters arrive', () => letters.missing().length === 0, takeOverMsMax);
}

/**
 * I6. More than one for each instance that died or slept may have been under way: what waits for a webhook's next owner is sent at once by
 * that one, which may be the next.
 */
async function checkCopies(fleet: Fleet, letters: Letters): Promise<void> {
  await fleet.checkDeliveries(letters, { copiesMax: letters.expected.length });
  const wasUnderWay = (ms: number): boolean => fleet.brokenOffMs.some((endMs) => Math.abs(endMs - ms) < underWayMs);
  const unexcused = letters.doubledMs().filter((ms) => !wasUnderWay(ms));
  assert.deepEqual(unexcused, [], 'I6: came twice, and were not under way when an instance died or slept');
}

test('F3: a notifier killed at each named point: a letter comes twice only where its request was under way', async (t) => {
  await withFleet(t, options, async (fleet) => {
    const letters = new Letters(fleet);
    await letters.begin();
    await letters.send();
    const rounds = isLong ? 20 : 1;
    for (let round = 0; round < rounds; round++) {
      const before = letters.doubledMs().length;
      await killAt(fleet, letters, harmless);
      assert.equal(letters.doubledMs().length, before, 'I6: nothing was under way, and yet a letter came twice');
      await killAt(fleet, letters, doubling);
      // The next owner waits until the request has ended for certain.
      await fleet.until(
        'what was not known to have arrived is sent again',
        () => letters.doubledMs().length > before,
        takeOverMsMax,
      );
    }
    await checkCopies(fleet, letters);
  });
});

test('F5: three instances restarted one after the other under load: nothing is lost, nothing comes twice', async (t) => {
  await withFleet(t, { ...options, instances: 3 }, async (fleet) => {
    const letters = new Letters(fleet);
    await letters.begin();
    const enough = new AbortController();
    const sending = letters.keepSending(enough.signal, sendEveryMs);
    for (let restart = 0; restart < (isLong ? 60 : 6); restart++) {
      await sleep(1_000);
      const beganMs = performance.now();
      assert.equal(await fleet.terminate(restart % 3), 0);
      assert.ok(performance.now() - beganMs <= exitMsMax, `the end took ${performance.now() - beganMs} ms`);
      await fleet.start(restart % 3);
    }
    await sleep(1_000);
    enough.abort();
    await sending;
    const { marked } = await fleet.checkDeliveries(letters, { copiesMax: 0 });
    assert.equal(marked, 0, 'who ends in order leaves no attempt open');
  });
});

test('F8: a notifier stopped at its worst points until others own its webhooks sends nothing when it wakes', async (t) => {
  const points: readonly Failpoint[] = ['notify.before-request', 'notify.request-written'];
  await withFleet(t, options, async (fleet) => {
    const letters = new Letters(fleet);
    await letters.begin();
    await letters.send();
    const rounds = isLong ? 20 : 1;
    for (let round = 0; round < rounds; round++) {
      const first = 1 + round * points.length;
      const victims = points.map((_, at) => first + at);
      await Promise.all(points.map((point, at) => fleet.startAt(first + at, point, timesOf(fleet, point), 'stop')));
      const stopped = Promise.all(victims.map((index) => fleet.untilStopped(index)));
      let isOver = false;
      await Promise.all([sendOneByOne(fleet, letters, () => isOver), stopped.then(() => (isOver = true))]);
      await sleep(zombieMs);
      for (const index of victims) fleet.resume(index);
      await letters.keepSending(AbortSignal.timeout(5_000), sendEveryMs);
      await fleet.until('all letters arrive', () => letters.missing().length === 0, takeOverMsMax);
      // Who was a zombie serves as well as another.
      await fleet.terminate(0);
      await letters.keepSending(AbortSignal.timeout(3_000), sendEveryMs);
      await fleet.until('all letters arrive', () => letters.missing().length === 0, takeOverMsMax);
      await fleet.start(0);
      for (const index of victims) await fleet.terminate(index);
    }
    await checkCopies(fleet, letters);
  });
});
