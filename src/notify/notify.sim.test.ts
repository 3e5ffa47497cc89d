// The whole notifier, its scheduler included, in a world of crashes, zombies, lost answers and a Discord in trouble
// (GUARANTEES.md, F32): I5 to I8 and I14 hold.
//
// A failure names its seed and what happened; test/support/seeds.ts says how to play it again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulationSeeds } from '../../test/support/seeds.ts';
import { simulate } from '../../test/support/sim-notifier/simulate.ts';

test('whatever happens, every notification comes to Discord once, or its copy is marked', async () => {
  for (const seed of simulationSeeds()) {
    const failure = await simulate({
      seed,
      processFaults: seed % 4 !== 0,
      restarts: seed % 8 !== 4,
      isFlood: seed % 50 === 0,
    });
    if (failure !== undefined) assert.fail(failure);
  }
});
