import { test } from 'node:test';
import assert from 'node:assert/strict';
import { missingFires } from './page/editor/fires.ts';

const fire = (since: number, ended: number | null, host = 'a') => ({
  tags: { host },
  since_ms: since,
  fired_ms: since,
  ended_ms: ended,
});
const past = (...firings: ReturnType<typeof fire>[]) => ({ fired: firings.length, from_ms: 0, to_ms: 1_000, firings });
const times = (fires: readonly { fired_ms: number }[]): number[] => fires.map(({ fired_ms: firedMs }) => firedMs);

test('fires that overlap are one, and those of another series or time are not', () => {
  const now = past(fire(100, 200), fire(300, 350), fire(600, null));
  const before = past(fire(120, 180), fire(300, 350, 'b'), fire(700, 800));
  assert.deepEqual(times(missingFires(now, before)), [300]);
  assert.deepEqual(times(missingFires(before, now)), [300]);
  assert.deepEqual(times(missingFires(now, now)), []);
});

test('what only one of both tells of is no difference', () => {
  const now = past(fire(100, 200), fire(900, null));
  assert.deepEqual(times(missingFires(now, { ...past(), to_ms: 500 })), [100], 'read later');
  const counted = { ...past(fire(300, 310)), fired: 2 };
  assert.deepEqual(times(missingFires(now, counted)), [900], 'older ones are only counted');
});
