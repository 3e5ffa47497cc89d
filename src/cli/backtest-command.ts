import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { isRuleType, measures } from '../measure/measures.ts';
import { shownValue } from '../measure/shown-value.ts';
import type { BacktestOrder, BacktestView } from '../wire/backtest.ts';
import { addApiOptions, askApi, isJson } from './api.ts';
import { addExamples, type Example } from './examples.ts';
import { ruleIdOf } from './rule-of-name.ts';
import { printTable, shown } from './table.ts';

interface Flags {
  readonly last?: string;
  readonly all?: boolean;
  readonly threshold?: string;
}

const examples: readonly Example[] = [
  ['ssrms backtest RULE_ID', 'what a rule would have done in the last hour'],
  ['ssrms backtest RULE_ID --threshold 520 --last 6h', 'with another threshold'],
  ['ssrms backtest rule.json --all --json', 'a rule that is not saved, over all samples that are retained'],
];

/** Adds `ssrms backtest`. */
export function addBacktestCommand(program: Command): void {
  const command = program
    .command('backtest')
    .description('replay stored samples against a rule')
    .argument('<rule>', 'the id or the name of a rule, or a file with one as JSON; - for standard input')
    .option('--last <time>', 'how far back: 30m, 6h, 7d (default 1h)')
    .option('--all', 'all that is retained')
    .option('--threshold <number>', 'with this threshold in place of its own');
  addExamples(addApiOptions(command), examples);
  command.action(async (wanted: string) => {
    const flags = command.opts<Flags>();
    const rule = (await ruleOf(command, wanted)) as Record<string, unknown>;
    if (flags.threshold !== undefined) rule['threshold'] = Number(flags.threshold);
    const range = flags.all === true ? { from_ms: 0 } : { last_seconds: secondsOf(flags.last ?? '1h') };
    const body: BacktestOrder = { rule, ...range };
    const path = '/api/v1/rules/backtest';
    const { body: found } = await askApi<BacktestView>(command, { method: 'POST', path, body });
    if (isJson(command)) console.log(JSON.stringify(found));
    else print(found, rule['type']);
  });
}

async function ruleOf(command: Command, wanted: string): Promise<unknown> {
  if (/^[0-9a-f-]{36}$/.test(wanted))
    return (await askApi<object>(command, { method: 'GET', path: `/rules/${wanted}` })).body;
  const text = await readFile(wanted === '-' ? '/dev/stdin' : wanted, 'utf8').catch(() => undefined);
  if (text === undefined) {
    const id = await ruleIdOf(command, wanted);
    if (id !== wanted) return (await askApi<object>(command, { method: 'GET', path: `/rules/${id}` })).body;
    throw new Error(`${shown(wanted)} is neither the id or name of a rule nor a file that can be read`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${shown(wanted)} is no JSON`);
  }
}

const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400 };

function secondsOf(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count === undefined) throw new Error(`--last is ${shown(text)}, and must be a time such as 30m, 6h or 7d`);
  return Number(count) * unitSeconds[unit as keyof typeof unitSeconds];
}

function print(found: BacktestView, type: unknown): void {
  const isComputed = isRuleType(type) && measures[type].isComputed;
  const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
  const longest = found.longest_ms > 0 ? `; longest ${Math.round(found.longest_ms / 100) / 10} s` : '';
  const deferred = found.deferred > 0 ? `; ${found.deferred} messages deferred by the cooldown` : '';
  console.log(
    `Would have fired ${times(found.fired)}${longest}${deferred}; ${found.series_fired} of ${found.series} series.`,
  );
  const span = found.from_ms === undefined ? '' : `, ${moment(found.from_ms)} to ${moment(found.to_ms!)}`;
  console.log(`Read ${found.samples} samples among ${found.records} records${span}.`);
  if (found.cut_short === 'retention') console.log('What is older is no longer retained.');
  if (found.cut_short === 'too_many_samples')
    console.log('There are more samples than can be looked at: the newest were.');
  if (found.firings.length === 0) return;
  printTable([
    ['FIRED', 'ENDED', 'VALUE', 'OFFSET', 'TAGS'],
    ...found.firings.map((each) => [
      moment(each.fired_ms),
      each.ended_ms === null ? 'still firing' : moment(each.ended_ms),
      each.cause === 'no_data' ? 'no data' : shownValue(each.value!, isComputed),
      String(each.offset),
      shown(
        Object.entries(each.tags ?? {})
          .map(([key, value]) => `${key}=${value}`)
          .join(' '),
      ),
    ]),
  ]);
}

function moment(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 19);
}
