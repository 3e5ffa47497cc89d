import { test } from 'node:test';
import assert from 'node:assert/strict';
import { missedChanges } from './page/parts/missed-changes.ts';

const between = (before: string, after: string): number => missedChanges(before.split(''), after.split(''));

test('rows that came and went are counted, and those that only moved at the end are not', () => {
  for (const [before, after, changes] of [
    ['abcd', 'abcd', 0],
    ['abcd', 'acd', 1],
    ['abcd', 'acde', 1],
    ['abcd', 'axbc', 1],
    ['abcd', 'axbcd', 1],
    ['abcd', 'abcde', 1],
    ['abcd', 'abc', 1],
    ['abcd', 'abce', 1],
    ['abcd', 'axcd', 2],
    ['abcd', 'cdef', 2],
    ['abcd', 'xyab', 2],
    ['abcd', 'wxyz', 4],
    ['', 'ab', 2],
    ['ab', '', 2],
  ] as const)
    assert.equal(between(before, after), changes, `${before} ${after}`);
});
