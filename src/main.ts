import { run } from './cli/cli.ts';

/** The command line's entry: `argv` as in process.argv. */
export async function main(argv: readonly string[]): Promise<void> {
  process.exitCode = await run(argv);
}
