// `npm run bench [-- B3 B8 …] [--short] [--pairs=N] [--write-docs]`: runs the scenarios by name, all when none is named, and
// prints a table and the same as JSON (bench-results.json). A goal is met when the worse bound of its 95 % interval meets
// it. --short shows that they run, in seconds; --pairs sets how many rounds each subject has; --write-docs puts the figures of
// bench-results.json into docs/BENCHMARKS.md, and runs nothing when no scenario is named.
import { parseArgs } from 'node:util';
import { consuming } from './b1-consume.ts';
import { instances } from './b10-instances.ts';
import { backtesting } from './b12-backtest.ts';
import { rulesApi } from './b13-rules-list.ts';
import { consolePage } from './b15-console.ts';
import { ingesting } from './b11-ingest.ts';
import { footprint } from './b14-footprint.ts';
import { matching } from './b2-match.ts';
import { floodOfOneRule } from './b21-flood.ts';
import { decoders } from './b22-decoders.ts';
import { warmConnection } from './b23-warm.ts';
import { evaluatorOnKafka } from './b3-evaluator.ts';
import { detection } from './b4-detection.ts';
import { stormOfAlarms } from './b5-storm.ts';
import { catchUp } from './b6-catch-up.ts';
import { rulesAndEdits } from './b7-rules.ts';
import { groupsOfSeries } from './b18-groups.ts';
import { measuresOfWindows } from './b19-measures.ts';
import { windows } from './b8-windows.ts';
import { guarantees } from './b9-guarantees.ts';
import { leaveTheSubjectItsCore } from './support/host.ts';
import type { Options, Scenario } from './support/options.ts';
import { isMet, printTable } from './support/result.ts';
import { saveReport, type ScenarioReport } from './support/report.ts';
import { writeDocs } from './support/write-docs.ts';

const scenarios: Readonly<Record<string, Scenario>> = {
  B1: consuming,
  B2: matching,
  B3: evaluatorOnKafka,
  B4: detection,
  B5: stormOfAlarms,
  B6: catchUp,
  B7: rulesAndEdits,
  B8: windows,
  B9: guarantees,
  B10: instances,
  B12: backtesting,
  B11: ingesting,
  B13: rulesApi,
  B14: footprint,
  B15: consolePage,
  B18: groupsOfSeries,
  B19: measuresOfWindows,
  B21: floodOfOneRule,
  B22: decoders,
  B23: warmConnection,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    pairs: { type: 'string' },
    'write-docs': { type: 'boolean', default: false },
  },
});
const unknown = positionals.filter((name) => scenarios[name] === undefined);
if (unknown.length > 0) {
  console.error(`bench: no scenario ${unknown.join(', ')}; there are ${Object.keys(scenarios).join(', ')}`);
  process.exit(1);
}
const pairs = values.pairs === undefined ? undefined : Number(values.pairs);
if (pairs !== undefined && !(Number.isInteger(pairs) && pairs > 0)) {
  console.error(`bench: --pairs is ${values.pairs}, and may be a whole number above 0`);
  process.exit(1);
}

const named = positionals.length > 0 ? positionals : values['write-docs'] ? [] : Object.keys(scenarios);
leaveTheSubjectItsCore();
const reports: ScenarioReport[] = [];
for (const name of named) {
  const options: Options = { isShort: values.short, pairs, journal: [] };
  const beganMs = performance.now();
  try {
    const results = await scenarios[name]!(options);
    const tookSeconds = Math.round((performance.now() - beganMs) / 1_000);
    const at = new Date().toISOString();
    const asked = pairs !== undefined && { pairs };
    const report = {
      scenario: name,
      isShort: values.short,
      ...asked,
      at,
      tookSeconds,
      results,
      rounds: options.journal,
    };
    reports.push(report);
    saveReport(report);
  } catch (error) {
    // The others are measured all the same.
    console.error(`bench: ${name} failed`, error);
    process.exitCode = 1;
  }
}
printTable(reports);
if (values['write-docs']) writeDocs();
if (reports.some(({ isShort, results }) => !isShort && results.some((result) => isMet(result) === false)))
  process.exitCode = 1;
