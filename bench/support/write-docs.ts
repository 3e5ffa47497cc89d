import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readReport } from './report.ts';
import { repeatedRounds, rowsOf } from './result.ts';

const file = fileURLToPath(new URL('../../docs/BENCHMARKS.md', import.meta.url));
const begin = '<!-- results: begin, written by npm run bench -- --write-docs -->';
const end = '<!-- results: end -->';

/** Puts the figures of bench-results.json between the two marks in docs/BENCHMARKS.md. Short runs show nothing and stay out. */
export function writeDocs(): void {
  const { host, scenarios } = readReport();
  const reports = Object.values(scenarios)
    .filter((report) => !report.isShort)
    .sort((one, other) => Number(one.scenario.slice(1)) - Number(other.scenario.slice(1)));
  const rows = reports.flatMap(rowsOf);
  const marked = rows.map((row) => row.map((cell) => (cell === 'MISSED' ? '**MISSED**' : cell)));
  const text = [
    begin,
    '',
    `${String(host['cpu'])}, ${String(host['cores'])} cores, Linux ${String(host['kernel'])}, Node ${String(host['node'])}.`,
    '',
    '| | what | median (95 % interval) | goal | |',
    '| --- | --- | --- | --- | --- |',
    ...marked.map((row) => `| ${row.join(' | ')} |`),
    '',
    ...reports.map(
      (report) =>
        `- ${report.scenario}: ${report.at.slice(0, 10)}, ${report.tookSeconds} s, ${repeatedRounds(report)}.`,
    ),
    '',
    end,
  ];
  const before = readFileSync(file, 'utf8');
  const from = before.indexOf(begin);
  const to = before.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/BENCHMARKS.md has no section between "${begin}" and "${end}"`);
  writeFileSync(file, before.slice(0, from) + text.join('\n') + before.slice(to + end.length));
}
