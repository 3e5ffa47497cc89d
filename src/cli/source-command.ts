import type { Command } from 'commander';
import { createLogger } from '../base/logger.ts';
import { Failure } from '../base/failure.ts';
import { readConfig } from '../config.ts';
import { hostTags, HostReader } from '../sources/host.ts';
import { publishToIngest, publishToLog, type Publish } from '../sources/publish.ts';
import { runSource, type SourceSettings } from '../sources/source.ts';
import { constant, decimalArgument, measureOf, spikes, stairs, type Values } from '../sources/values.ts';
import { topicSettings } from '../topics.ts';
import { addAddress, targetOf, tokenOf } from './address.ts';
import { addSettings, flagsOf, publishSettings } from './settings-options.ts';
import { untilTold } from './until-told.ts';

/** Adds `ssrms source constant|spikes|stairs|host`. */
export function addSourceCommand(program: Command): void {
  const source = program.command('source').description('publish sample data');
  addHost(source.command('host'));
  addKind(
    source.command('constant').description('always the same value'),
    ['metric_name', 'metric_value', 'period_seconds'],
    ([, value]) => constant(Number(decimalArgument('metric_value', value!))),
  );
  addKind(
    source.command('spikes').description('spike_value on records 1, 1+frequency, 1+2·frequency, …; else low_value'),
    ['metric_name', 'low_value', 'spike_value', 'period_seconds', 'frequency'],
    ([, low, spike, , frequency]) =>
      spikes(
        Number(decimalArgument('low_value', low!)),
        Number(decimalArgument('spike_value', spike!)),
        Number(frequency),
      ),
  );
  addKind(
    source
      .command('stairs')
      .description('start, start+step, … up to end (included when hit), then start again; step may be negative'),
    ['metric_name', 'start_value', 'end_value', 'step', 'period_seconds'],
    ([, start, end, step]) =>
      stairs(
        decimalArgument('start_value', start!),
        decimalArgument('end_value', end!),
        decimalArgument('step', step!),
      ),
  );
}

/** `ssrms source host`: real data for whoever has none yet. */
function addHost(command: Command): void {
  command.description("this machine's CPU, memory, disk and network").argument('[period_seconds]', 'how often', '1');
  addPublishing(command);
  command.action(async (period: string) => {
    const reader = new HostReader();
    await runKind(command, { periodMs: periodMsOf(period), measure: () => reader.read(), tags: hostTags() });
  });
}

function addPublishing(command: Command): void {
  command.option('--tag <key=value>', 'a tag of the samples (repeatable)', collectTag, {});
  addAddress(command, '--ingest', 'post to the ingest service there');
  addSettings(command, publishSettings);
}

function periodMsOf(text: string): number {
  const periodMs = 1000 * Number(decimalArgument('period_seconds', text));
  if (periodMs > 0) return periodMs;
  throw new Failure('invalid_field', `period_seconds is ${periodMs / 1000}, and may be any number above 0`);
}

function addKind(command: Command, names: readonly string[], values: (args: string[]) => Values): void {
  for (const name of names) command.argument(`<${name}>`);
  // A negative number is a value here, not an unknown flag.
  command.allowUnknownOption().allowExcessArguments();
  addPublishing(command);
  command.action(async () => {
    const args = command.args;
    if (args.length !== names.length) {
      throw new Failure(
        'invalid_request',
        `ssrms source ${command.name()} takes ${names.join(' ')}, in this order; got ${args.length === 0 ? 'nothing' : args.join(' ')}`,
      );
    }
    const periodMs = periodMsOf(args[names.indexOf('period_seconds')]!);
    await runKind(command, { periodMs, measure: measureOf(args[0]!, values(args)), tags: {} });
  });
}

async function runKind(command: Command, kind: Pick<SourceSettings, 'periodMs' | 'measure' | 'tags'>): Promise<void> {
  const options = command.opts<{ tag: Record<string, string> }>();
  const target = targetOf(command);
  const complain = (line: string): void => console.error(`ssrms: ${line}`);
  const { signal, hasStarted } = untilTold();
  const run = (publish: Publish): Promise<void> => {
    hasStarted();
    const tags = { ...kind.tags, ...options.tag };
    return runSource({ ...kind, tags, publish, print: (line) => console.log(line), complain }, signal);
  };
  if (target.kind === 'http') {
    await run(publishToIngest(target.url, tokenOf(command)));
    return;
  }
  const config = readConfig(process.env, flagsOf(command, publishSettings), 0);
  const { openLog } = await import('../app.ts');
  const log = await openLog(config, createLogger(config.logLevel, 'source'));
  try {
    await log.ensureTopics([topicSettings(config.timestampFutureMs).metrics]);
    await run(publishToLog(log));
  } finally {
    await log.close();
  }
}

function collectTag(text: string, before: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new Failure('invalid_field', `--tag is ${text}, and is written key=value`);
  const tags: Record<string, string> = { ...before };
  Object.defineProperty(tags, text.slice(0, at), {
    value: text.slice(at + 1),
    enumerable: true,
    configurable: true,
    writable: true,
  });
  return tags;
}
