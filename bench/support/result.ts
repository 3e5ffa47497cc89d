import type { Interval } from './statistics.ts';

/** One goal of one scenario: the figure, and whether the worse bound of its interval meets the goal. */
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

export function printTable(results: readonly Result[]): void {
  const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
  const rows = results.map((result) => {
    const { scenario, what, value, unit, goal } = result;
    const interval = value.low === value.high ? '' : ` (${number(value.low)} to ${number(value.high)})`;
    const wanted = goal === undefined ? '' : goal.atMost === undefined ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`;
    const met = isMet(result);
    return [
      scenario,
      what,
      `${number(value.median)} ${unit}${interval}`,
      wanted,
      met === undefined ? '' : met ? 'met' : 'MISSED',
    ];
  });
  const all = [['', 'what', 'median (95 %)', 'goal', ''], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  for (const row of all)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
}
