import type { Command } from 'commander';

/** A command as it is typed, and what it does. */
export type Example = readonly [command: string, meaning: string];

const column = 56;

/**
 * Adds examples to a command's help. Each stands on a line of its own, with two blanks before it and at least two after it:
 * test/documents takes them from there and runs them.
 */
export function addExamples(command: Command, examples: readonly Example[]): void {
  const lines = examples.map(([text, meaning]) =>
    text.length + 2 <= column ? `  ${text.padEnd(column)}${meaning}` : `  ${text}\n  ${' '.repeat(column)}${meaning}`,
  );
  command.addHelpText('after', `\nExamples (in a checkout, ssrms is "npx --no-install ssrms"):\n${lines.join('\n')}`);
}
