// Whether a command that a text names is one, without running it.
import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { commandLine } from '../../src/cli/cli.ts';

const scripts = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }).scripts;

/** Commands that are not ours, and what runs them as they are printed. */
const others: Readonly<Record<string, string>> = {
  'docker compose up -d --build': 'scripts/containers.mjs',
};

/** Commands of others that are quick, and are typed as they are printed. */
export const quickCommands: ReadonlySet<string> = new Set(['openssl rand -base64 48', 'npm pack --dry-run']);

/** What is wrong with a command that is not typed; undefined when nothing is. */
export function problemOf(text: string): string | undefined {
  const [command = '', ...words] = text
    .replace(/^(?:[A-Z_]+=\S* )+/, '')
    .replace(/^npx --no-install ssrms\b/, 'ssrms')
    .split(' ');
  if (command === 'ssrms') return problemOfSsrms(words);
  if (command === 'npm') return problemOfNpm(words);
  if (command === 'node') return existsSync(words[0] ?? '') ? undefined : `${words[0]} does not exist`;
  const by = others[text];
  if (by === undefined) return 'no test runs it: say which one does, in test/documents/command-words.ts';
  return existsSync(by) ? undefined : `${by} does not exist`;
}

function problemOfNpm([verb = '', ...words]: readonly string[]): string | undefined {
  const name = verb === 'run' ? words[0]! : verb;
  return name in scripts ? undefined : `package.json has no script ${name}`;
}

/** The command exists, and has these options; arguments may be left out in a text. */
function problemOfSsrms(words: readonly string[]): string | undefined {
  let command = commandLine(() => {});
  // `ssrms <command> --help` stands for every one of them.
  if (words[0]?.startsWith('<') === true) return undefined;
  let rest = [...words];
  for (let next = subcommand(command, rest[0]); next !== undefined; next = subcommand(command, rest[0])) {
    command = next;
    rest = rest.slice(1);
  }
  if (command.parent === null && rest.length > 0 && !rest[0]!.startsWith('-')) return `there is no command ${rest[0]}`;
  const { operands, unknown } = command.parseOptions(rest.filter((word) => word !== '--help'));
  const given = operands.length;
  const taken = command.registeredArguments;
  if (unknown.length > 0) return `${command.name()} has no option ${unknown[0]}`;
  if (given > taken.length && taken.at(-1)?.variadic !== true) return `${command.name()} takes no ${operands.at(-1)}`;
  return undefined;
}

function subcommand(command: Command, name: string | undefined): Command | undefined {
  return command.commands.find((each) => name !== undefined && [each.name(), ...each.aliases()].includes(name));
}

export interface Help {
  readonly name: string;
  readonly examples: readonly string[];
  /** The flags, by the variable that stands in brackets behind each. */
  readonly flags: ReadonlyMap<string, string>;
}

/** The help of every command that has examples: they stand below "Examples", each with two blanks before it. */
export function helps(): Help[] {
  return [...everyCommand()].map(({ name, command }) => {
    let text = '';
    command.configureOutput({ writeOut: (part) => (text += part) });
    command.outputHelp();
    const [, examples = ''] = /^Examples.*\n((?: {2}.*\n)*)/m.exec(text) ?? [];
    const flags = command.options.flatMap(({ long, description }) =>
      [...description.matchAll(/\[([A-Z_]+)\]/g)].map(([, variable]) => [variable, long]),
    );
    return {
      name,
      flags: new Map(flags.filter((pair): pair is [string, string] => pair.every((part) => part !== undefined))),
      examples: [...examples.matchAll(/^ {2}(\S+(?: \S+)*)/gm)].map(([, example]) => example!),
    };
  });
}

interface NamedCommand {
  /** With the names of those above it, without `ssrms`. */
  readonly name: string;
  readonly command: Command;
}

/** Every command of `ssrms`, itself first. */
export function* everyCommand(command = commandLine(() => {}), name = ''): Generator<NamedCommand> {
  yield { name, command };
  for (const each of command.commands) yield* everyCommand(each, `${name} ${each.name()}`.trim());
}
