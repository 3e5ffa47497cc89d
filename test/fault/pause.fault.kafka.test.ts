// F8 and F9 of GUARANTEES.md: an evaluator is stopped for longer than the group waits, and wakes as a zombie.
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failpoint } from '../../src/base/failpoint.ts';
import { recoveryMsMax, isLong, standstillMsMax, withFleet, type Fleet } from './fleet.ts';

/** Longer than the group waits for a member. */
const zombieMs = 25_000;
const stoppedMs = 15_000;
const rejoinMsMax = 30_000;

const partitionsOf = async (fleet: Fleet, index: number): Promise<number> => {
  const text = await (await fetch(`${fleet.instance(index).url}/metrics`)).text();
  return Number(/^ssrms_evaluate_partitions (\d+)$/m.exec(text)?.[1] ?? 0);
};

const untilRejoined = (fleet: Fleet, index: number): Promise<void> =>
  fleet.until(
    `instance ${index} has partitions again`,
    async () => (await partitionsOf(fleet, index)) > 0,
    rejoinMsMax,
  );

/** Everybody begins anew: what was left in `alarms` is what they go on from. */
async function startAllAnew(fleet: Fleet): Promise<void> {
  const running = fleet.running();
  await Promise.all(running.map((index) => fleet.terminate(index)));
  for (const index of running) await fleet.start(index);
  await sleep(3_000);
}

test('F8: stopped for 25 s and woken, an instance does no harm and joins again', async (t) => {
  await withFleet(t, {}, async (fleet) => {
    fleet.go();
    await sleep(2_000);
    for (let round = 0; round < (isLong ? 20 : 2); round++) {
      const zombie = round % 3;
      fleet.pause(zombie);
      await sleep(zombieMs);
      fleet.resume(zombie);
      await untilRejoined(fleet, zombie);
    }
    await startAllAnew(fleet);
    await fleet.check(recoveryMsMax);
  });
});

test('F9: stopped between the steps until others own its partitions, what it then does changes nothing', async (t) => {
  const points: readonly Failpoint[] = [
    'evaluate.after-notifications',
    'evaluate.after-states',
    'evaluate.before-commit',
  ];
  await withFleet(t, {}, async (fleet) => {
    fleet.go();
    for (let round = 0; round < (isLong ? 5 : 1); round++) {
      for (const point of points) {
        await fleet.kill(0);
        await fleet.startAt(0, point, 1 + fleet.random.below(20), 'stop');
        await fleet.untilStopped(0);
        await sleep(stoppedMs);
        fleet.resume(0);
        await untilRejoined(fleet, 0);
      }
    }
    await startAllAnew(fleet);
    await fleet.check(standstillMsMax);
  });
});
