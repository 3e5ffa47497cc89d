import { createInterface } from 'node:readline';

/** What a subject does when its parent writes a word to its standard input. */
export function onCommand(commands: Readonly<Record<string, () => void>>): void {
  createInterface({ input: process.stdin }).on('line', (word) => commands[word]?.());
}
