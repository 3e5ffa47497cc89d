import type { ScenarioReport } from './report.ts';
import type { Interval } from './statistics.ts';

/** One figure of one scenario, and whether the worse bound of its interval meets the goal. */
export interface Result {
  readonly scenario: string;
  readonly what: string;
  readonly value: Interval;
  readonly unit: string;
  /** undefined: a figure for orientation. */
  readonly goal?: { readonly atMost?: number; readonly atLeast?: number };
}

export function isMet({ value, goal }: Result): boolean | undefined {
  if (goal === undefined) return undefined;
  return goal.atMost === undefined ? value.low >= (goal.atLeast ?? -Infinity) : value.high <= goal.atMost;
}

/** A figure without an interval: measured once. */
export function once(value: number): Interval {
  return { median: value, low: value, high: value };
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return Math.abs(value) >= 100 || value === 0 ? value.toFixed(0) : value.toPrecision(3);
}

function boundText(bound: number | undefined): string {
  return String(Number(bound?.toPrecision(3)));
}

/** Scenario, what, figure with its interval, goal, verdict. */
function rowOf(result: Result, isShort: boolean): readonly string[] {
  const { scenario, what, value, unit, goal } = result;
  const interval = value.low === value.high ? '' : ` (${numberText(value.low)} to ${numberText(value.high)})`;
  const wanted =
    goal === undefined
      ? ''
      : goal.atMost === undefined
        ? `>= ${boundText(goal.atLeast)}`
        : `<= ${boundText(goal.atMost)}`;
  // In the short form nothing has been warmed up: only the work is checked, not the time.
  const met = isShort ? undefined : isMet(result);
  const verdict = met === undefined ? '' : met ? 'met' : 'MISSED';
  return [scenario, what, `${numberText(value.median)} ${unit}${interval}`, wanted, verdict];
}

export function rowsOf({ results, isShort }: ScenarioReport): (readonly string[])[] {
  return results.map((result) => rowOf(result, isShort));
}

/** Rounds that were measured again since others took the machine's time, of all rounds. */
export function repeatedRounds({ rounds, pairs }: ScenarioReport): string {
  // An interval of one round is a point, and says nothing about chance.
  const asked = pairs === undefined ? '' : `only ${pairs} rounds of each subject, as was asked for; `;
  return `${asked}${rounds.filter((round) => round.repeated).length} of ${rounds.length} rounds measured again for steal above 2 %`;
}

export function printTable(reports: readonly ScenarioReport[]): void {
  const all = [['', 'what', 'median (95 %)', 'goal', ''], ...reports.flatMap(rowsOf)];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  for (const row of all) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column]!));
    console.log(cells.join('  ').trimEnd());
  }
  for (const report of reports) console.log(`${report.scenario}: ${report.tookSeconds} s, ${repeatedRounds(report)}`);
}
