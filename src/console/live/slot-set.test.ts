import { test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { countOf, SlotSet, slotsOf } from './slot-set.ts';

test('a set of slots is the set that JavaScript has, few or many, whatever is added and taken out', () => {
  const slots = fc.array(fc.tuple(fc.boolean(), fc.oneof(fc.nat(40), fc.nat(3_000))), { maxLength: 400 });
  fc.assert(
    fc.property(slots, fc.uniqueArray(fc.nat(3_000)), (changes, others) => {
      const [ours, theirs] = [new SlotSet(), new Set<number>()];
      for (const [isAdded, slot] of changes) {
        if (isAdded && !theirs.has(slot)) {
          ours.add(slot);
          theirs.add(slot);
        } else if (!isAdded && theirs.has(slot)) {
          ours.delete(slot);
          theirs.delete(slot);
        }
      }
      assert.equal(ours.size, theirs.size);
      for (let slot = 0; slot <= 3_000; slot += 7) assert.equal(ours.has(slot), theirs.has(slot));
      const wide = new Uint32Array(100);
      ours.widen(wide);
      assert.deepEqual(
        [...slotsOf(wide)],
        [...theirs].sort((a, b) => a - b),
      );
      assert.equal(countOf(wide), theirs.size);
      const narrow = new Uint32Array(100);
      const other = new SlotSet();
      for (const slot of others) other.add(slot);
      other.widen(narrow);
      ours.narrow(narrow);
      assert.deepEqual(
        [...slotsOf(narrow)],
        others.filter((slot) => theirs.has(slot)).sort((a, b) => a - b),
      );
    }),
    { numRuns: 500 },
  );
});

test('many members take a bitmap, in whatever order they come', () => {
  for (const step of [1, 7_919]) {
    const set = new SlotSet();
    for (let index = 0; index < 20_000; index++) set.add((index * step) % 20_011);
    const bits = new Uint32Array(700);
    set.widen(bits);
    assert.equal(countOf(bits), 20_000);
    for (let index = 0; index < 20_000; index++) set.delete((index * step) % 20_011);
    assert.equal(set.size, 0);
    set.narrow(bits);
    assert.equal(countOf(bits), 0);
  }
});
