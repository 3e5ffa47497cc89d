import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { LogUnavailable, type Log } from '../log/log.ts';
import { appendInTime } from './append-in-time.ts';

const records = [{ key: Buffer.from('k'), value: null, timestampMs: 1 }];

test('a log that takes longer than five seconds is given up, and one that refuses says why', async () => {
  const waits: number[] = [];
  const clock = {
    ...systemClock,
    after(delayMs: number, act: () => void) {
      waits.push(delayMs);
      setImmediate(act);
      return () => {};
    },
  };
  const appending = (append: Log['append']) => appendInTime({ log: { append }, clock }, 'rules', records);
  assert.deepEqual(await appending(async () => [{ partition: 1, offset: 7 }]), [{ partition: 1, offset: 7 }]);
  await assert.rejects(
    appending(() => new Promise(() => {})),
    { code: 'unavailable', message: /within 5 s, and may still take it/ },
  );
  await assert.rejects(
    appending(() => Promise.reject(new LogUnavailable('the disk is full'))),
    { code: 'unavailable', message: /cannot be written right now: the disk is full/ },
  );
  assert.deepEqual(waits, [5_000, 5_000, 5_000]);
});
