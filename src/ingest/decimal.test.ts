import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decimalBytesMax, decimalOf, writeDecimal } from './decimal.ts';

function written(value: number): string {
  const bytes = Buffer.alloc(decimalBytesMax);
  return bytes.toString('latin1', 0, writeDecimal(bytes, value));
}

test('a number is written as JSON does, and read as it was', () => {
  const short = fc
    .record({ digits: fc.integer({ min: -2_000_000_000, max: 2_000_000_000 }), places: fc.nat(12) })
    .map(({ digits, places }) => Number(`${digits}e-${places}`));
  const anything = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(fc.oneof(short, anything), (value) => {
      assert.equal(written(value), JSON.stringify(value));
      assert.equal(decimalOf(Buffer.from(written(value)), 0, written(value).length) + 0, value + 0);
    }),
    { numRuns: 20_000 },
  );
});

test('numbers at the edges of the quick way are written as JSON does', () => {
  const edges = [
    0,
    -0,
    1e-6,
    1.5e-6,
    1e-7,
    999_999_999,
    1e9,
    999_999_999.5,
    0.1 + 0.2,
    123.456789,
    1e21,
    5e-324,
    1e300,
  ];
  for (const value of edges.flatMap((one) => [one, -one])) assert.equal(written(value), JSON.stringify(value));
});
