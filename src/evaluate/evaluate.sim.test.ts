// The whole evaluator in a world of crashes, zombies and lost answers (reliability.md, F32): whatever happens, what stands in
// the log at the end is what the oracle says, none missing, none more.
//
// SSRMS_SIM_SEEDS says how many seeds are tried, SSRMS_SIM_SEED from which one on: a failure names its seed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from '../../test/support/sim-log/simulate.ts';

const { SSRMS_SIM_SEEDS = '400', SSRMS_SIM_SEED = '1' } = process.env;
const seeds = Array.from({ length: Number(SSRMS_SIM_SEEDS) }, (_, index) => Number(SSRMS_SIM_SEED) + index);

test(`whatever happens to its processes, the evaluator says what the oracle says: ${seeds.length} seeds`, async () => {
  for (const seed of seeds) {
    const { failure } = await simulate({ seed, faultsMax: seed % 10 });
    assert.equal(failure, undefined);
  }
});
