import { test } from 'node:test';
import assert from 'node:assert/strict';
import { entityTag } from './if-match.ts';

test('the version of a record is its place in its topic', () => {
  assert.equal(entityTag({ partition: 2, offset: 117 }), '"2-117"');
});
