import { test } from 'node:test';
import assert from 'node:assert/strict';
import { waitForValue, waitUntil } from './wait-until.ts';

test('a wait ends with what was waited for, also after errors', async () => {
  let asked = 0;
  const read = (): number => {
    asked++;
    if (asked === 1) throw new Error('not yet');
    return asked;
  };
  assert.equal(await waitForValue('three', read, (value) => value === 3), 3);
});

test('a wait in vain says for what, for how long, and what there was instead', async () => {
  await assert.rejects(
    waitForValue(
      'three',
      () => 2,
      (value) => value === 3,
      { msMax: 20 },
    ),
    { message: 'not within 0.02 s: three (2)' },
  );
  const failing = (): boolean => {
    throw new Error('the server is gone');
  };
  await assert.rejects(waitUntil('an answer', failing, { msMax: 20 }), {
    message: 'not within 0.02 s: an answer (the server is gone)',
  });
});
