// Runs the fault tests. Each has a broker and several processes to itself, and checks how long they take.
// Usage: node scripts/fault.mjs [--long] [--times=N] [--seed=N] [--only=F8] [--at-once=N] [--soak[=MINUTES]] [file …]
// --long: the long forms, which take hours in all. --times: again and again, each time from another seed. --at-once: so many
// files, one if it is not given. --soak: F31 alone, ten minutes if it does not say how many.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { resolve } from 'node:path';

const args = process.argv.slice(2);
const optionOf = (name) => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const isLong = args.includes('--long');
const times = Number(optionOf('times') ?? 1);
const [seed, only, atOnce = '1'] = [optionOf('seed'), optionOf('only'), optionOf('at-once')];
const soakMinutes = args.includes('--soak') ? 10 : Number(optionOf('soak') ?? 0);
const named = args.filter((arg) => !arg.startsWith('--'));
const all = soakMinutes > 0 ? 'test/fault/soak.fault.kafka.test.ts' : 'test/fault/*.test.ts';
const files = named.length > 0 ? named : globSync(all).sort();
const timeoutMs = (isLong ? 2 * 3_600_000 : 300_000) + 2 * soakMinutes * 60_000;

const flags = ['--test', '--test-reporter=spec', `--test-concurrency=${atOnce}`, `--test-timeout=${timeoutMs}`];
if (only !== undefined) flags.push(`--test-name-pattern=^${only}\\b`);
const env = { NODE_COMPILE_CACHE: resolve('.cache/compiled'), ...process.env };
if (isLong) env.SSRMS_FAULT = 'long';
if (soakMinutes > 0) env.SSRMS_FAULT_SOAK_MINUTES = String(soakMinutes);
if (seed !== undefined) env.SSRMS_FAULT_SEED = seed;
let failed = 0;
for (let run = 1; run <= times; run++) {
  if (times > 1) console.log(`run ${run} of ${times}`);
  if (spawnSync(process.execPath, [...flags, ...files], { stdio: 'inherit', env }).status !== 0) failed++;
}
if (times > 1) console.log(`${failed} of ${times} runs failed`);
process.exit(failed > 0 ? 1 : 0);
