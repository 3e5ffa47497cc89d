// F1 and F2 of GUARANTEES.md: an evaluator is killed at random, and at each of the points where it hurts most.
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failpoint } from '../../src/base/failpoint.ts';
import { isLong, standstillMsMax, withFleet } from './fleet.ts';

/** With how many times a point is passed before it kills: some seconds of work. */
const points: readonly (readonly [Failpoint, number])[] = [
  ['evaluate.after-poll', 60],
  ['evaluate.amid-notifications', 20],
  ['evaluate.after-notifications', 20],
  ['evaluate.amid-states', 20],
  ['evaluate.after-states', 20],
  ['evaluate.before-commit', 20],
  ['evaluate.after-commit', 20],
  ['evaluate.in-restore', 3],
];

test('F2: killed at each named point, nothing is lost or made up', async (t) => {
  await withFleet(t, {}, async (fleet) => {
    fleet.go();
    for (let round = 0; round < (isLong ? 10 : 1); round++) {
      for (let next = 0; next < points.length; next += 2) {
        // Two of three at a time, each at a point of its own.
        const pair = points.slice(next, next + 2);
        for (const index of pair.keys()) await fleet.kill(index);
        for (const [index, [point, times]] of pair.entries()) {
          await fleet.startAt(index, point, 1 + fleet.random.below(times));
        }
        for (const index of pair.keys()) await fleet.untilDead(index);
      }
    }
    for (const index of [0, 1]) await fleet.start(index);
    await sleep(2_000);
    await fleet.check(standstillMsMax);
  });
});

test('F1: killed at random and started again, nothing is lost or made up', async (t) => {
  await withFleet(t, {}, async (fleet) => {
    fleet.go();
    const returning: Promise<void>[] = [];
    for (let kills = 0; kills < (isLong ? 50 : 5); kills++) {
      await sleep(-4_000 * Math.log(1 - fleet.random.next() * 0.98));
      const running = fleet.running();
      if (running.length === 0) continue;
      const victim = fleet.random.pick(running);
      await fleet.kill(victim);
      const backMs = fleet.random.below(5_000);
      returning.push(sleep(backMs).then(() => fleet.start(victim)));
    }
    await Promise.all(returning);
    await sleep(2_000);
    await fleet.check(standstillMsMax);
  });
});
