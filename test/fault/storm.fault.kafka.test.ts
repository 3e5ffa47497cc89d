// F10 of GUARANTEES.md: the group hardly ever comes to rest.
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isLong, standstillMsMax, withFleet, type Fleet } from './fleet.ts';

const stepMs = 3_000;
const instancesMin = 2;
const instancesMax = 4;

async function addOrRemove(fleet: Fleet): Promise<void> {
  const running = fleet.running();
  const absent = Array.from({ length: instancesMax }, (_, index) => index).filter((index) => !running.includes(index));
  const adds = running.length <= instancesMin || (running.length < instancesMax && fleet.random.chance(0.5));
  if (adds) await fleet.start(fleet.random.pick(absent));
  else if (fleet.random.chance(0.7)) await fleet.terminate(fleet.random.pick(running));
  else await fleet.kill(fleet.random.pick(running));
}

test('F10: instances come and go every 3 s: all goes on, and nothing is lost or made up', async (t) => {
  await withFleet(t, {}, async (fleet) => {
    fleet.go();
    const steps = (isLong ? 180_000 : 45_000) / stepMs;
    for (let step = 0; step < steps; step++) {
      const changed = addOrRemove(fleet);
      await sleep(stepMs);
      await changed;
    }
    await fleet.check(standstillMsMax);
  });
});
