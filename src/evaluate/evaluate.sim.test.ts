// The whole evaluator in a world of crashes, zombies and lost answers (reliability.md, F32): whatever happens, what stands in
// the log is what the oracle says, none missing, none more (I1 to I4), and it goes on (I14).
//
// A failure names its seed and tells all that happened. SSRMS_SIM_SEED says from which seed on, SSRMS_SIM_SEEDS how many.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulatedShape, simulatedSilenceShape } from '../../test/support/oracle/history-shapes.ts';
import { simulate, type SimulationOptions } from '../../test/support/sim-log/simulate.ts';

const { SSRMS_SIM_SEEDS = '500', SSRMS_SIM_SEED = '1' } = process.env;
const seeds = Array.from({ length: Number(SSRMS_SIM_SEEDS) }, (_, index) => Number(SSRMS_SIM_SEED) + index);

async function check(options: SimulationOptions): Promise<number> {
  const { failure, acts } = await simulate(options);
  if (failure !== undefined) assert.fail(failure);
  return acts;
}

test(`whatever happens to its processes, the evaluator says what the oracle says: ${seeds.length} seeds`, async () => {
  // Every tenth without a fault: then no notification is written twice either.
  for (const seed of seeds) await check({ seed, faultsMax: seed % 10 });
});

test(`so it does when series fall silent: ${seeds.length} seeds`, async () => {
  for (const seed of seeds) await check({ seed, faultsMax: seed % 10, shape: simulatedSilenceShape });
});

test('so it does when a process crashes before, amid or after any one of its acts', async () => {
  const shape = { ...simulatedShape, stepsMin: 25, stepsMax: 40, edits: 2 };
  for (const seed of seeds.slice(0, Math.ceil(seeds.length / 125))) {
    const acts = await check({ seed, faultsMax: 0, shape });
    for (let act = 0; act < acts; act++) {
      for (const when of ['before', 'amid', 'after'] as const) {
        await check({ seed, faultsMax: 0, shape, crashAt: { act, when } });
      }
    }
  }
});
