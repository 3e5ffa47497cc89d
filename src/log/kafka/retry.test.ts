import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogUnavailable } from '../log.ts';
import { persist } from './retry.ts';

test('what a retry can help is repeated, and nothing else', async () => {
  const { signal } = new AbortController();
  let tries = 0;
  const third = async () => {
    if (++tries < 3) throw new LogUnavailable('not yet');
    return tries;
  };
  assert.equal(await persist(third, { signal }), 3);
  await assert.rejects(
    persist(() => Promise.reject(new TypeError('a bug')), { signal }),
    TypeError,
  );
});

test('patience ends with its time, also for work that never answers, and with its signal', async () => {
  const { signal } = new AbortController();
  const failing = () => Promise.reject(new LogUnavailable('the reason'));
  await assert.rejects(persist(failing, { signal, timeoutMs: 200 }), { name: 'LogUnavailable', message: 'the reason' });
  const silent = () => new Promise<never>(() => {});
  const beganMs = performance.now();
  await assert.rejects(persist(silent, { signal, timeoutMs: 100 }), LogUnavailable);
  assert.ok(performance.now() - beganMs < 1_000);
  await assert.rejects(persist(silent, { signal: AbortSignal.timeout(50) }), LogUnavailable);
  let tries = 0;
  const failingThenSilent = () => (tries++ === 0 ? failing() : silent());
  await assert.rejects(persist(failingThenSilent, { signal, timeoutMs: 200 }), { message: 'the reason' });
  let started = false;
  const work = async () => void (started = true);
  await assert.rejects(persist(work, { signal: AbortSignal.abort() }), LogUnavailable);
  assert.equal(started, false);
});
