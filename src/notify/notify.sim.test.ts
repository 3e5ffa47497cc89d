// The whole notifier, its scheduler included, in a world of crashes, zombies, lost answers and a Discord in trouble
// (reliability.md, F32): I5 to I8 and I14 hold.
//
// A failure names its seed and tells what happened. SSRMS_SIM_SEED says from which seed on, SSRMS_SIM_SEEDS how many.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from '../../test/support/sim-notifier/simulate.ts';

const { SSRMS_SIM_SEEDS = '500', SSRMS_SIM_SEED = '1' } = process.env;
const seeds = Array.from({ length: Number(SSRMS_SIM_SEEDS) }, (_, index) => Number(SSRMS_SIM_SEED) + index);

test(`whatever happens, every notification comes to Discord once, or its copy is marked: ${seeds.length} seeds`, async () => {
  for (const seed of seeds) {
    const failure = await simulate({
      seed,
      processFaults: seed % 4 !== 0,
      restarts: seed % 8 !== 4,
      isFlood: seed % 50 === 0,
    });
    if (failure !== undefined) assert.fail(failure);
  }
});
