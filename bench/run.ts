// `npm run bench [-- B3 B8 …] [--short]`: runs the scenarios by name, all when none is named, and prints a table and the same
// as JSON (bench-results.json). A goal is met when the worse bound of its 95 % interval meets it. --short shows that they run.
import { writeFileSync } from 'node:fs';
import { arch, cpus, totalmem } from 'node:os';
import { evaluatorOnKafka } from './b3-evaluator.ts';
import { windows } from './b8-windows.ts';
import { isMet, printTable, type Result } from './support/result.ts';

const scenarios: Record<string, (isShort: boolean) => Promise<Result[]>> = { B3: evaluatorOnKafka, B8: windows };

const isShort = process.argv.includes('--short');
const named = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const unknown = named.filter((name) => scenarios[name] === undefined);
if (unknown.length > 0) {
  console.error(`bench: no scenario ${unknown.join(', ')}; there are ${Object.keys(scenarios).join(', ')}`);
  process.exit(1);
}
const results: Result[] = [];
for (const name of named.length > 0 ? named : Object.keys(scenarios))
  results.push(...(await scenarios[name]!(isShort)));
printTable(results);
const host = {
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  memoryBytes: totalmem(),
  arch: arch(),
  node: process.version,
};
writeFileSync(
  'bench-results.json',
  `${JSON.stringify({ at: new Date().toISOString(), isShort, host, results }, undefined, 2)}\n`,
);
// In the short form nothing has been warmed up, so only the work is checked, not the time.
if (!isShort && results.some((result) => isMet(result) === false)) process.exitCode = 1;
