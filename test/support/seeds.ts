// Which seeds a simulation plays. By default as many as fit into a few seconds, from a start that differs between runs, so
// that many runs see many seeds and no run depends on the machine's speed. SSRMS_SIM_SEED says the first seed and
// SSRMS_SIM_SEEDS how many: with both a run is the same again.

const { SSRMS_SIM_SEED, SSRMS_SIM_SEEDS } = process.env;

/** At least one seed is played, however slow the machine is. `share`: of SSRMS_SIM_SEEDS, for what takes long for each seed. */
export function* simulationSeeds(seconds = 3, share = 1): Generator<number> {
  const first = Number(SSRMS_SIM_SEED ?? Math.floor(Date.now() / 1_000) % 1_000_000_000);
  const count = SSRMS_SIM_SEEDS === undefined ? Infinity : Math.ceil(Number(SSRMS_SIM_SEEDS) * share);
  const endMs = SSRMS_SIM_SEEDS === undefined ? performance.now() + seconds * 1_000 : Infinity;
  console.log(`seeds from ${first}`);
  let played = 0;
  let isOver = false;
  try {
    do yield first + played++;
    while (played < count && performance.now() < endMs);
    isOver = true;
  } finally {
    const last = first + played - 1;
    console.log(
      isOver
        ? `seeds ${first} to ${last}: SSRMS_SIM_SEED=${first} SSRMS_SIM_SEEDS=${played}`
        : `seed ${last} failed: SSRMS_SIM_SEED=${last} SSRMS_SIM_SEEDS=1`,
    );
  }
}
