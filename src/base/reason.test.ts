import { test } from 'node:test';
import assert from 'node:assert/strict';
import { reasonOf } from './reason.ts';

test('why a request failed is told, however deep it lies', async () => {
  const refused = await fetch('http://127.0.0.1:1/').catch((error: unknown) => error);
  assert.equal(reasonOf(refused), 'bad port');
  const all = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' });
  assert.equal(reasonOf(new TypeError('fetch failed', { cause: all })), 'ECONNREFUSED');
  assert.equal(reasonOf(new Error('the issuer answered 500')), 'the issuer answered 500');
  assert.equal(reasonOf('odd'), 'odd');
});
