/** Prints rows in columns as wide as they must be, the first row their heads. */
export function printTable(rows: readonly string[][]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
}

/** Somebody else's text, fit for a terminal: without what could move the cursor or turn the line around. */
export function shown(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?');
}
