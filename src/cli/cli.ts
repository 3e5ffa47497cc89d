import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../setting-values.ts';
import { Failure } from '../base/failure.ts';
import { LogUnavailable } from '../log/log.ts';
import { addAlarmsCommands } from './alarms-command.ts';
import { addAuditCommand } from './audit-command.ts';
import { addBacktestCommand } from './backtest-command.ts';
import { addDeliveriesCommand } from './deliveries-command.ts';
import { addExamples, type Example } from './examples.ts';
import { addReceiversCommands } from './receivers-command.ts';
import { addRulesCommands } from './rules-command.ts';
import { addServiceCommands } from './service-commands.ts';
import { addSourceCommand } from './source-command.ts';
import { addSystemCommand } from './system-command.ts';
import { addTokenCommand } from './token-command.ts';
import { addTopicsCommand } from './topics-command.ts';

const about = `Watches metrics and alerts you on Discord within milliseconds: once, and never lost.

Start everything on this machine with "ssrms up", or each service alone with BROKER set to a Kafka.`;

const examples: readonly Example[] = [
  ['ssrms up', 'all services and the page, on a log in ./data'],
  ['ssrms source spikes packages-received 450 550 1 3', 'sample data with a spike every third second'],
  ['BROKER=kafka-1:9092 ssrms alarms', 'one of several alarms instances on Kafka'],
  ['ssrms rules list state:firing', 'search the rules'],
  ['ssrms alarms list', 'what is firing or pending'],
  ['ssrms system', 'processes and their backlog'],
  ['ssrms deliveries --outcome parked', 'alarms that wait for a paused webhook'],
  ['ssrms backtest RULE_ID --last 6h', 'how often a rule would have fired'],
  ['ssrms rules --help', 'options and examples of a command'],
];

/** The whole command line; `finish` gets an exit code other than 0. Throws a CommanderError for what it does not know. */
export function commandLine(finish: (exitCode: number) => void): Command {
  const program = new Command('ssrms').description(about).version(version()).exitOverride();
  addExamples(program, examples);
  program.configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'ssrms: ')) });
  addServiceCommands(program, finish);
  addRulesCommands(program, finish);
  addReceiversCommands(program, finish);
  addAlarmsCommands(program);
  addSystemCommand(program);
  addSourceCommand(program);
  addTokenCommand(program);
  addTopicsCommand(program);
  addDeliveriesCommand(program, finish);
  addBacktestCommand(program);
  addAuditCommand(program);
  return program;
}

/** Runs a command line (as process.argv) and resolves to the exit code. Errors a person can mend are one line. */
export async function run(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  // Whoever reads our output may have seen enough (`| head`).
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const program = commandLine((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (!isForPeople(error)) throw error;
    console.error(`ssrms: ${error.message}`);
    return 1;
  }
  return exitCode;
}

/** What our own code throws on purpose is fit to be read by people; anything else is a bug, and wants its stack. */
function isForPeople(error: unknown): error is Error {
  if (error instanceof ConfigError || error instanceof LogUnavailable || error instanceof Failure) return true;
  return error instanceof Error && error.constructor === Error;
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
