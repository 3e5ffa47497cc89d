import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calculators, measures, ruleTypes } from './measures.ts';

test('exactly the measures with a window have a calculator', () => {
  for (const type of ruleTypes) assert.equal(calculators[type] !== undefined, measures[type].hasWindow, type);
});
