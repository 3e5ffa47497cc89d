import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../base/failure.ts';
import { Health } from '../base/health.ts';
import { Admission } from './admission.ts';

const unavailable = (error: unknown): boolean =>
  error instanceof Failure && error.code === 'unavailable' && [1, 2].includes(error.retryAfterSeconds!);

test('bytes are taken up to the limit, and given back', () => {
  const health = new Health();
  const admission = new Admission(health, { bytesMax: 100, ageMsMax: 1_000 });
  const [one, two] = [admission.lease(), admission.lease()];
  one.take(40);
  assert.deepEqual(health.starting(), []);
  two.take(20);
  assert.deepEqual(health.starting(), ['ingest queue'], 'not ready before it is full');
  assert.throws(() => two.take(41), unavailable);
  two.take(40);
  admission.demandRoom();
  assert.equal(admission.bytesInFlight, 100);
  one.release();
  one.release();
  assert.equal(admission.bytesInFlight, 60);
  two.release();
  assert.equal(admission.bytesInFlight, 0);
  assert.deepEqual(health.starting(), []);
});

test('an old append under way keeps new requests out, and readiness goes first', async () => {
  const health = new Health();
  const admission = new Admission(health, { bytesMax: 100, ageMsMax: 3_000 });
  let settle = (): void => {};
  const append = admission.watch(new Promise<void>((resolve) => (settle = resolve)));
  admission.demandRoom();
  while (health.starting().length === 0) await sleep(10);
  assert.deepEqual(health.starting(), ['ingest queue']);
  admission.demandRoom();
  while (admission.queueAgeMs() <= 3_000) await sleep(50);
  assert.throws(() => admission.demandRoom(), unavailable);
  settle();
  await append;
  admission.demandRoom();
  assert.deepEqual(health.starting(), []);
  assert.equal(admission.queueAgeMs(), 0);
});
