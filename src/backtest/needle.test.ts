import { test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { Needle } from './needle.ts';

/** Few different bytes, so that pieces are met by chance and at every edge. */
const bytes = (minLength: number, maxLength: number) =>
  fc.array(fc.constantFrom(...Buffer.from('ab"7')), { minLength, maxLength }).map((values) => Buffer.from(values));

test('a needle is found where all of it stands, whatever it was aimed at', () => {
  fc.assert(
    fc.property(bytes(1, 12), bytes(0, 300), bytes(0, 40), fc.nat(), (needle, hay, sample, place) => {
      const looked = new Needle(needle);
      const at = place % (hay.length + 1);
      const holding = Buffer.concat([hay.subarray(0, at), needle, hay.subarray(at)]);
      for (const aimedAt of [undefined, sample, hay]) {
        if (aimedAt !== undefined) looked.aim(aimedAt);
        assert.equal(looked.placeIn(hay), hay.indexOf(needle));
        assert.equal(looked.placeIn(holding, at), holding.indexOf(needle, at));
        assert.equal(looked.placeIn(needle), 0);
      }
    }),
  );
});

test('its parts alone are not enough', () => {
  const needle = new Needle(Buffer.from('"web-77-production"'));
  const part = Buffer.from('"web-77-producer" and "db-77-production"');
  for (const aimedAt of ['', '"web-77', 'production'.repeat(9)]) {
    needle.aim(Buffer.from(aimedAt));
    assert.equal(needle.placeIn(part), -1);
  }
});
