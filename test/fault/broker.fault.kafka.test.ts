// F6 and F7 of GUARANTEES.md: the broker is killed, ends in order, or stands still.
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { restartInOrder } from './broker-process.ts';
import { isLong, recoveryMsMax, withFleet } from './fleet.ts';

/** After the broker is up again everything goes on within this time. */
const backMsMax = 30_000;

test('F6: the broker killed, and restarted in order: all goes on by itself, and nothing is lost or made up', async (t) => {
  await withFleet(t, {}, async (fleet) => {
    fleet.go();
    for (let round = 0; round < (isLong ? 10 : 1); round++) {
      await sleep(3_000);
      await fleet.kafka.kill();
      await sleep(fleet.random.below(3_000));
      await fleet.kafka.restart();
      fleet.positions.noteFault();
      await sleep(6_000);
      await restartInOrder(fleet.kafka, fleet.random.below(3_000));
      fleet.positions.noteFault();
      await sleep(6_000);
    }
    await fleet.load.stop();
    await fleet.drain(backMsMax);
    await fleet.check(backMsMax);
  });
});

test('F7: the broker stands still for a while: all goes on by itself, and nothing is lost or made up', async (t) => {
  const pausesMs = isLong ? Array.from({ length: 5 }, () => [2_000, 20_000, 60_000]).flat() : [2_000, 20_000];
  await withFleet(t, {}, async (fleet) => {
    fleet.go();
    for (const pauseMs of pausesMs) {
      await sleep(2_500);
      fleet.kafka.pause();
      await sleep(pauseMs);
      fleet.kafka.resume();
      fleet.positions.noteFault();
    }
    await sleep(8_000);
    await fleet.check(recoveryMsMax);
  });
});
