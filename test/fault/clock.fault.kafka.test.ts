// F15 of GUARANTEES.md: the wall clock of one instance is wrong, by libfaketime; its monotonic clock is not.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { clockIn, skipWithoutFakeTime as skip } from './fake-time.ts';
import { isLong, standstillMsMax, withFleet } from './fleet.ts';
import type { SsrmsProcess } from '../support/ssrms-process.ts';
import { calm, Probes } from './probes.ts';

const strobeMs = 1_000;
/** The short form takes the clocks that differ most from one another. */
const shifts = isLong ? ['+3600', '-3600', '+86400', '-86400', '+0 x0.9', 'strobe'] : ['+86400', 'strobe'];

/** What an instance took for the time when it wrote its first line. */
const shownMs = (instance: SsrmsProcess): number => Date.parse(/"time":"([^"]+)"/.exec(instance.output())?.[1] ?? '');

for (const shift of shifts) {
  test(`F15: one instance's clock is ${shift}: rules on event time are judged the same`, { skip }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ssrms-clock-'));
    const { env, set } = clockIn(folder);
    set(shift === 'strobe' ? '+0' : shift);
    try {
      await withFleet(t, {}, async (fleet) => {
        fleet.go();
        // All partitions have a position: without one an instance begins ten minutes before what its clock shows.
        await sleep(4_000);
        await fleet.terminate(0);
        await fleet.start(0, env);
        if (shift === '+86400') assert.ok(shownMs(fleet.instance(0)) > Date.now() + 3_000_000, 'the clock is wrong');
        let strobes = 0;
        const strobe =
          shift === 'strobe' ? setInterval(() => set(strobes++ % 2 === 0 ? '+86400' : '-86400'), strobeMs) : undefined;
        await sleep(10_000);
        await fleet.kill(1);
        await sleep(isLong ? 40_000 : 12_000);
        clearInterval(strobe);
        await fleet.check(standstillMsMax);
        assert.doesNotMatch(fleet.output(), /"level":"fatal"/);
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test('F15: an instance whose clock is an hour ahead does not miss data that comes', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-clock-'));
  const { env, set } = clockIn(folder);
  set('+3600');
  try {
    await withFleet(t, { environmentOf: (index) => (index === 0 ? env : {}) }, async (fleet) => {
      const probes = new Probes(fleet);
      await probes.begin({ no_data_seconds: 600 });
      for (let round = 0; round < 20; round++) {
        await probes.write(calm);
        await sleep(300);
      }
      const fired = await probes.notified(0);
      assert.equal(fired.length, 0, `${fired.length} alarms for want of data that came all the time`);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
