import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddresses } from './cluster.ts';

test('addresses are host:port, with commas between', () => {
  assert.deepEqual(parseAddresses('kafka-1:9092, 10.0.0.2:1,[::1]:65535'), [
    { host: 'kafka-1', port: 9092 },
    { host: '10.0.0.2', port: 1 },
    { host: '::1', port: 65_535 },
  ]);
  for (const wrong of ['', 'kafka', 'kafka:', 'kafka:0', 'kafka:65536', ':9092', 'a:1,', 'http://a:1', 'a b:1']) {
    assert.throws(() => parseAddresses(wrong), RangeError, wrong);
  }
});
