import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { constant, decimalArgument, spikes, stairs, type Values } from './values.ts';

function first(count: number, values: Values): number[] {
  return Array.from({ length: count }, () => values.next().value);
}

test('a constant source repeats its value', () => {
  assert.deepEqual(first(3, constant(501)), [501, 501, 501]);
});

test('spikes 450 550 with frequency 3 begin with the spike', () => {
  assert.deepEqual(first(7, spikes(450, 550, 3)), [550, 450, 450, 550, 450, 450, 550]);
  assert.deepEqual(first(3, spikes(450, 550, 1)), [550, 550, 550]);
});

test('stairs 480 510 5 include the end and start again', () => {
  assert.deepEqual(first(8, stairs('480', '510', '5')), [480, 485, 490, 495, 500, 505, 510, 480]);
});

test('stairs leave the end out when it is not hit', () => {
  assert.deepEqual(first(4, stairs('0', '10', '4')), [0, 4, 8, 0]);
});

test('stairs go down with a negative step', () => {
  assert.deepEqual(first(4, stairs('3', '1', '-1')), [3, 2, 1, 3]);
});

test('decimal steps do not drift', () => {
  assert.deepEqual(first(5, stairs('0', '0.4', '0.1')), [0, 0.1, 0.2, 0.3, 0.4]);
  assert.deepEqual(first(4, stairs('-0.3', '0', '.1')), [-0.3, -0.2, -0.1, 0]);
});

test('any stairs of hundredths give the number that the decimal text means', () => {
  fc.assert(
    fc.property(fc.integer({ min: -10_000, max: 10_000 }), fc.integer({ min: 1, max: 500 }), (start, step) => {
      const decimal = (hundredths: number): string => (hundredths / 100).toFixed(2);
      const values = first(20, stairs(decimal(start), decimal(start + 19 * step), decimal(step)));
      assert.deepEqual(
        values.map((value) => value.toFixed(2)),
        Array.from({ length: 20 }, (_, index) => decimal(start + index * step).replace(/^-0\.00$/, '0.00')),
      );
    }),
  );
});

test('a step of 0, a step that leads away and a frequency below 1 are refused', () => {
  assert.throws(() => stairs('1', '2', '0'), /step is 0/);
  assert.throws(() => stairs('1', '2', '-1'), /must be positive/);
  assert.throws(() => stairs('2', '1', '1'), /must be negative/);
  assert.throws(() => spikes(1, 2, 0), /frequency is 0/);
  assert.throws(() => decimalArgument('period_seconds', 'soon'), /period_seconds is soon/);
});
