import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownValue } from './shown-value.ts';

const computed: [value: number, text: string, limits?: number[]][] = [
  [71.111_111_1, '71.11'],
  [508, '508'],
  [12_345.678, '12346'],
  [0.000_123_456, '0.0001235'],
  [0, '0'],
  [-7.654_321, '-7.654'],
  [1e300, '1e+300'],
  [500.000_1, '500.0001', [500]],
  [499.999_99, '499.99999', [500]],
  [500, '500', [500]],
  [0.1 + 0.2, '0.3', [0.3]],
];

for (const [value, text, limits] of computed) {
  test(`a computed ${value} is shown as ${text}`, () => assert.equal(shownValue(value, true, limits), text));
}

test('a value that somebody sent is shown as it is', () => {
  assert.equal(shownValue(71.111_111_1, false), '71.1111111');
});
