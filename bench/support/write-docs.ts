import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readReport } from './report.ts';
import { repeatedRounds, rowsOf } from './result.ts';

const file = fileURLToPath(new URL('../../docs/BENCHMARKS.md', import.meta.url));
const begin = '<!-- results: begin, written by npm run bench -- --write-docs -->';
const end = '<!-- results: end -->';

/**
 * Puts the figures of bench-results.json between the two marks in docs/BENCHMARKS.md; scenarios that were not run here keep theirs. Short
 * runs show nothing and stay out.
 */
export function writeDocs(): void {
  const before = readFileSync(file, 'utf8');
  const from = before.indexOf(begin);
  const to = before.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/BENCHMARKS.md has no section between "${begin}" and "${end}"`);
  const { host, scenarios } = readReport();
  const reports = Object.values(scenarios).filter((report) => !report.isShort);
  const written = before.slice(from, to).split('\n');
  const kept = (form: RegExp): string[] =>
    written.filter((line) => {
      const name = form.exec(line)?.[1];
      return name !== undefined && !reports.some(({ scenario }) => scenario === name);
    });
  const rows = reports.flatMap(rowsOf).map((row) => row.map((cell) => (cell === 'MISSED' ? '**MISSED**' : cell)));
  // Each says of itself where it ran: what is kept may be of another machine.
  const machine = `${String(host['cpu'])}, ${String(host['cores'])} cores, Linux ${String(host['kernel'])}, Node ${String(host['node'])}`;
  const runs = reports.map(
    (report) =>
      `- ${report.scenario}: ${report.at.slice(0, 10)}, ${machine}; ${report.tookSeconds} s, ${repeatedRounds(report)}.`,
  );
  const text = [
    begin,
    '',
    '| | what | median (95 % interval) | goal | |',
    '| --- | --- | --- | --- | --- |',
    ...inOrder([...kept(/^\| (B\d+) \|/), ...rows.map((row) => `| ${row.join(' | ')} |`)]),
    '',
    ...inOrder([...kept(/^- (B\d+): /), ...runs]),
    '',
    end,
  ];
  writeFileSync(file, before.slice(0, from) + text.join('\n') + before.slice(to + end.length));
}

/** Lines by the number of their scenario, each scenario's as they stood. */
function inOrder(lines: readonly string[]): string[] {
  const numberOf = (line: string): number => Number(/B(\d+)/.exec(line)![1]);
  return lines.toSorted((one, other) => numberOf(one) - numberOf(other));
}
