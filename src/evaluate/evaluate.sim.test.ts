// The whole evaluator in a world of crashes, zombies and lost answers (GUARANTEES.md, F32): whatever happens, what stands in
// the log is what the oracle says, none missing, none more (I1 to I4), and it goes on (I14).
//
// A failure names its seed and all that happened; test/support/seeds.ts says how to play it again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulatedShape, simulatedSilenceShape } from '../../test/support/oracle/history-shapes.ts';
import { simulationSeeds } from '../../test/support/seeds.ts';
import { simulate, type SimulationOptions } from '../../test/support/sim-log/simulate.ts';

async function check(options: SimulationOptions): Promise<number> {
  const { failure, acts } = await simulate(options);
  if (failure !== undefined) assert.fail(failure);
  return acts;
}

test('whatever happens to its processes, the evaluator says what the oracle says', async () => {
  // Every tenth without a fault: then no notification is written twice either.
  for (const seed of simulationSeeds()) await check({ seed, faultsMax: seed % 10 });
});

test('so it does when series fall silent', async () => {
  for (const seed of simulationSeeds()) await check({ seed, faultsMax: seed % 10, shape: simulatedSilenceShape });
});

test('so it does when a process crashes before, amid or after any one of its acts', async () => {
  const shape = { ...simulatedShape, stepsMin: 25, stepsMax: 40, edits: 2 };
  for (const seed of simulationSeeds(2, 1 / 125)) {
    const acts = await check({ seed, faultsMax: 0, shape });
    for (let act = 0; act < acts; act++) {
      for (const when of ['before', 'amid', 'after'] as const) {
        await check({ seed, faultsMax: 0, shape, crashAt: { act, when } });
      }
    }
  }
});
