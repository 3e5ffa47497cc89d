import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { utf8Bytes } from './metric-limits.ts';
import { tagsOf } from './sample.ts';
import { parseSeriesKey, seriesKey, seriesText } from './series.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 6 });
const key = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '1', 'a', 'b'));
const pairs = fc.uniqueArray(fc.tuple(key, fc.oneof(text, fc.constantFrom('1', 'a'))), {
  selector: ([each]) => each,
  maxLength: 5,
});

test('people are shown a series with its tags in order, and cut when it is long', () => {
  assert.equal(seriesText({ name: 'cpu', tags: {} }), 'cpu');
  assert.equal(seriesText({ name: 'cpu', tags: { zone: 'b', host: 'a' } }), 'cpu{host=a, zone=b}');
  const long = seriesText({ name: 'cpu', tags: { host: 'x'.repeat(1_000) } });
  assert.deepEqual([long.length, long.slice(0, 10), long.at(-1)], [200, 'cpu{host=x', '…']);
});

test('the key of a series is this text', () => {
  assert.equal(seriesKey('received-packages', {}), '["received-packages"]');
  assert.equal(seriesKey('cpu', { zone: 'b', host: 'a' }), '["cpu","host","a","zone","b"]');
});

test('the order of the tags makes no other series', () => {
  fc.assert(
    fc.property(text, pairs, (name, given) => {
      assert.equal(seriesKey(name, tagsOf(given)), seriesKey(name, tagsOf(given.toReversed())));
    }),
  );
});

test('different series have different keys, and a key is taken apart again', () => {
  fc.assert(
    fc.property(text, pairs, text, pairs, (name, given, otherName, otherPairs) => {
      const [one, other] = [seriesKey(name, tagsOf(given)), seriesKey(otherName, tagsOf(otherPairs))];
      const sorted = (all: typeof given) => JSON.stringify(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
      assert.equal(one === other, name === otherName && sorted(given) === sorted(otherPairs));
      const parsed = parseSeriesKey(one);
      assert.ok(parsed);
      assert.equal(parsed.name, name);
      assert.equal(sorted(Object.entries(parsed.tags)), sorted(given));
    }),
  );
});

test('what is no key of a series is none', () => {
  for (const bad of ['', '[', '[]', '["a","b"]', '["a",1,"c"]', '{"a":1}', '["a","c","1","b","2"]', '["a", "b","c"]']) {
    assert.equal(parseSeriesKey(bad), undefined, bad);
  }
});

test('bytes of UTF-8 are counted without making them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (any) => {
      const wellFormed = any.toWellFormed();
      assert.equal(utf8Bytes(wellFormed), new TextEncoder().encode(wellFormed).length);
    }),
  );
});
