import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import type { GivenFile, TranslatedFile } from '../prometheus/translate-files.ts';
import type { Translating } from '../prometheus/translate.ts';
import { isReceiverName, receiverNameAllowed } from '../rule/receiver-name.ts';
import { addExamples, type Example } from './examples.ts';
import { shown } from './table.ts';

interface Flags {
  readonly receiver?: string;
  readonly out?: string;
  readonly scrapeInterval: string;
  readonly pushed?: true;
}

const examples: readonly Example[] = [
  ['ssrms rules import prometheus alerts.yml', 'print the rules, and what is not translated'],
  ['ssrms rules import prometheus alerts.yml --receiver ops --out .', 'write alerts.yaml, whose rules notify ops'],
  ['ssrms rules import alerts.yaml --dry-run', 'what that file would make'],
  ['ssrms rules import prometheus alerts.yml --scrape-interval 60s', 'where Prometheus scrapes once a minute'],
];

/** Something is listed as not translated. */
const exitNotTranslated = 2;

/** Adds `ssrms rules import prometheus`. It asks no service. */
export function addImportPrometheus(rulesImport: Command, finish: (exitCode: number) => void): void {
  const command = rulesImport
    .command('prometheus')
    .description("translate Prometheus' alerting rules to rule files; what has no exact counterpart is listed")
    .argument('<file...>', 'rule files or PrometheusRule resources; folders are searched for .yml and .yaml')
    .option('--receiver <name>', 'the receiver that every rule notifies')
    .option('--out <folder>', 'write a YAML file of rules for each file that has some; without it they are printed')
    .option('--scrape-interval <time>', 'how often Prometheus scrapes and evaluates', '15s')
    .option('--pushed', 'samples are pushed to Prometheus: a series counts for 5 min after its newest sample');
  addExamples(command, examples);
  command.addHelpText(
    'after',
    '\nExit codes: 0 all rules were translated, 2 some were not and are listed, 1 something could not be read.',
  );
  command.action(async (paths: string[]) => {
    const flags = command.opts<Flags>();
    // Loaded only here: no other command needs a parser of PromQL.
    const { alertsTranslated, translateFiles } = await import('../prometheus/translate-files.ts');
    const { parseDuration } = await import('../prometheus/duration.ts');
    const options = optionsOf(flags, parseDuration(flags.scrapeInterval));
    const given = (await Promise.all(paths.map(filesAt))).flat();
    const files = translateFiles(given, options).filter((file) => file.hasGroups || file.problem !== undefined);
    if (files.length === 0) throw new Error(`there are no groups of rules in ${shown(paths.join(', '))}`);
    await writeRules(files, { options, flags, given });
    report(files, { receiver: options.receiver, alertsTranslated });
    const problems = files.filter(({ problem }) => problem !== undefined);
    if (problems.length > 0) finish(1);
    else if (files.some(({ refused }) => refused.length > 0)) finish(exitNotTranslated);
  });
}

function optionsOf({ receiver, scrapeInterval, pushed }: Flags, scrapeIntervalMs: number | undefined): Translating {
  if (receiver !== undefined && !isReceiverName(receiver))
    throw new Error(`--receiver ${receiverNameAllowed}, not ${shown(receiver)}`);
  if (scrapeIntervalMs === undefined || scrapeIntervalMs <= 0)
    throw new Error(`--scrape-interval must be a time such as 15s or 1m, not ${shown(scrapeInterval)}`);
  return { scrapeIntervalMs, isPushed: pushed === true, receiver };
}

interface Found extends GivenFile {
  /** Where it was read. */
  readonly source: string;
}

async function filesAt(path: string): Promise<Found[]> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new Error(`${shown(path)} cannot be read`);
  if (!found.isDirectory()) return [{ path: basename(path), source: path, text: await readFile(path, 'utf8') }];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const sources = entries
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Promise.all(
    sources.map(async (source) => ({ path: relative(path, source), source, text: await readFile(source, 'utf8') })),
  );
}

interface Writing {
  readonly options: Translating;
  readonly flags: Flags;
  readonly given: readonly Found[];
}

async function writeRules(files: readonly TranslatedFile[], { options, flags, given }: Writing): Promise<void> {
  const { writeRuleFile } = await import('../prometheus/write-rule-file.ts');
  const sources = new Set(given.map(({ source }) => resolve(source)));
  const taken = new Set<string>();
  for (const file of files.filter(({ translated }) => translated.length > 0)) {
    const text = writeRuleFile(file, options);
    if (flags.out === undefined) {
      console.log(taken.size === 0 ? text : `---\n${text}`);
      taken.add(file.path);
      continue;
    }
    const target = targetOf(flags.out, file.path, taken);
    // The alerts themselves are never overwritten.
    if (sources.has(resolve(target)))
      throw new Error(`${shown(target)} is one of the files to translate: give another --out`);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
  }
}

/** A name of its own for files of the same name in several folders. */
function targetOf(folder: string, path: string, taken: Set<string>): string {
  const stem = join(folder, path.slice(0, path.length - extname(path).length));
  let target = `${stem}.yaml`;
  for (let number = 2; taken.has(target); number += 1) target = `${stem}-${number}.yaml`;
  taken.add(target);
  return target;
}

interface Reporting {
  readonly receiver: string | undefined;
  readonly alertsTranslated: (file: TranslatedFile) => number;
}

function report(files: readonly TranslatedFile[], { receiver, alertsTranslated }: Reporting): void {
  for (const file of files) {
    const { path, translated, refused, problem } = file;
    const done = alertsTranslated(file);
    if (problem !== undefined) console.log(shown(`${path}: ${problem}`));
    else console.log(shown(`${path}: ${done} of ${done + refused.length}${rulesText(file, done)}`));
    for (const { name, reason, place } of refused)
      console.log(shown(`  not translated  ${name}: ${reason}${place === '' ? '' : ` (${place})`}`));
    for (const { rule, notes } of translated)
      for (const note of notes) console.log(shown(`  note            ${rule.name}: ${note}`));
  }
  const sum = (of: (file: TranslatedFile) => number): number => files.reduce((all, file) => all + of(file), 0);
  const done = sum(alertsTranslated);
  if (receiver === undefined && done > 0)
    console.log(
      'Each rule still needs a receiver: add notify: [NAME] or discord_webhook_url, or give --receiver NAME.',
    );
  console.log(`translated ${done} of ${done + sum(({ refused }) => refused.length)} rules`);
}

/** Said where alerts became levels of one rule. */
function rulesText({ translated }: TranslatedFile, alerts: number): string {
  return translated.length < alerts ? ` (as ${translated.length} rules, some with levels)` : '';
}
