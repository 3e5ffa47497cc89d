import { test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { ByteSearch } from './byte-search.ts';

/** Few different bytes, so that pieces are met by chance and at every edge. */
const bytes = (minLength: number, maxLength: number) =>
  fc.array(fc.constantFrom(...Buffer.from('ab"7')), { minLength, maxLength }).map((values) => Buffer.from(values));

test('bytes are found where all of them are, whatever the search was tuned for', () => {
  fc.assert(
    fc.property(bytes(1, 12), bytes(0, 300), bytes(0, 40), fc.nat(), (wanted, hay, sample, place) => {
      const search = new ByteSearch(wanted);
      const at = place % (hay.length + 1);
      const holding = Buffer.concat([hay.subarray(0, at), wanted, hay.subarray(at)]);
      for (const tunedFor of [undefined, sample, hay]) {
        if (tunedFor !== undefined) search.tune(tunedFor);
        assert.equal(search.placeIn(hay), hay.indexOf(wanted));
        assert.equal(search.placeIn(holding, at), holding.indexOf(wanted, at));
        assert.equal(search.placeIn(wanted), 0);
      }
    }),
  );
});

test('a part of the bytes alone is not found', () => {
  const search = new ByteSearch(Buffer.from('"web-77-production"'));
  const part = Buffer.from('"web-77-producer" and "db-77-production"');
  for (const tunedFor of ['', '"web-77', 'production'.repeat(9)]) {
    search.tune(Buffer.from(tunedFor));
    assert.equal(search.placeIn(part), -1);
  }
});
