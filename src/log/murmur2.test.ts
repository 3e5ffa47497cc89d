import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmur2, partitionOf } from './murmur2.ts';

// From org.apache.kafka.common.utils.UtilsTest.testMurmur2.
const javaVectors: readonly [string, number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
];

test("murmur2 gives the values of Kafka's own tests", () => {
  for (const [text, hash] of javaVectors) assert.equal(murmur2(Buffer.from(text)), hash, text);
  assert.equal(murmur2(Buffer.from('abc')), 479470107);
});

test('a partition is never negative, and the hash is masked rather than made unsigned', () => {
  assert.equal(partitionOf(Buffer.from('foobar'), 20), (-790332482 & 0x7fffffff) % 20);
  assert.notEqual((-790332482 >>> 0) % 20, partitionOf(Buffer.from('foobar'), 20));
});
