// F28 of GUARANTEES.md: a flood of new series, nine tenths of them of one metric.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isLong, recoveryMsMax, withFleet, type Fleet } from './fleet.ts';

const seriesCount = isLong ? 1_000_000 : 50_000;
const recordsPerAppend = 500;
const appendEveryMs = isLong ? 30 : 50;
const hotShare = 0.9;
const residentBytesMax = 1_500_000_000;

const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024;

async function flood(fleet: Fleet): Promise<void> {
  const written: Promise<unknown>[] = [];
  for (let made = 0; made < seriesCount; made += recordsPerAppend) {
    const records = Array.from({ length: recordsPerAppend }, (_, index) => {
      const number = made + index;
      const isHot = fleet.random.chance(hotShare);
      const body = isHot ? { value: 1, tags: { device: String(number) } } : { value: 1 };
      const key = Buffer.from(isHot ? 'flood' : `flood-${number}`);
      return { key, value: Buffer.from(JSON.stringify(body)), timestampMs: Date.now() };
    });
    written.push(fleet.log.append('metrics', records));
    await sleep(appendEveryMs);
  }
  await Promise.all(written);
}

test('F28: a flood of new series leaves the alarms of the others as they must be', async (t) => {
  await withFleet(t, {}, async (fleet) => {
    fleet.go();
    await sleep(2_000);
    await flood(fleet);
    // Whoever takes the partition of the hot metric over has all of its series to restore.
    await fleet.kill(fleet.random.below(3));
    await sleep(13_000);
    await fleet.check(recoveryMsMax);
    for (const index of fleet.running()) {
      const bytes = residentBytes(fleet.instance(index).pid);
      t.diagnostic(`instance ${index} has ${Math.round(bytes / 1e6)} MB resident`);
      assert.ok(bytes < residentBytesMax, `I12: instance ${index} has ${bytes} bytes resident`);
    }
  });
});

test('F28: over its budget an instance refuses new series, counts them and says so, and keeps those it has', async (t) => {
  const environmentOf = () => ({ SERIES_MAX: String(seriesCount / 4) });
  await withFleet(t, { environmentOf }, async (fleet) => {
    fleet.go();
    // Long enough that each series of the load has been seen.
    await sleep(6_000);
    await flood(fleet);
    await sleep(2_000);
    await fleet.check(recoveryMsMax);
    const counted = await fleet.counted('ssrms_evaluate_samples_total');
    assert.ok((counted.get('too_many_series') ?? 0) > 0, JSON.stringify([...counted]));
    const all = [...counted.values()].reduce((sum, count) => sum + count, 0);
    assert.equal(all, (await fleet.gather()).samples, 'I15: every record is counted');
    const details = await Promise.all(
      fleet.running().map(async (index) => (await fetch(`${fleet.instance(index).url}/health`)).text()),
    );
    assert.match(details.join('\n'), /samples of new series were refused/);
  });
});
