import { test } from 'node:test';
import assert from 'node:assert/strict';
import { noiseOf, type Noise } from './page/editor/noise.ts';

test('a rule is noisy when it fires more often than hours have begun in what was read', () => {
  const cases: readonly [fired: number, minutes: number, expected: Noise][] = [
    [0, 10, 'quiet'],
    [1, 10, 'useful'],
    [2, 10, 'noisy'],
    [1, 60, 'useful'],
    [2, 60, 'noisy'],
    [2, 61, 'useful'],
    [24, 24 * 60, 'useful'],
    [25, 24 * 60, 'noisy'],
  ];
  for (const [fired, minutes, expected] of cases)
    assert.equal(noiseOf({ fired, from_ms: 1e12, to_ms: 1e12 + minutes * 60_000 }), expected, `${fired} in ${minutes}`);
  assert.equal(noiseOf({ fired: 1 }), 'useful');
});
