import type { Command } from 'commander';
import type { Rule } from '../rule/rule.ts';
import type { BulkOrder, BulkOutcome, ExportOrder, ImportedView, ImportOrder, ImportRow } from '../wire/bulk.ts';
import type { RuleIdsFound, RulesFound } from '../wire/rules.ts';
import { addApiOptions, askApi, isJson, readJson, readRules } from './api.ts';
import { addExamples, type Example } from './examples.ts';
import { ruleDefaults } from '../rule/rule-fields.ts';
import { matcherText } from '../rule/matcher-text.ts';
import { changedFields } from './rule-fields.ts';
import { addImportPrometheus } from './import-prometheus-command.ts';
import { ruleIdOf } from './rule-of-name.ts';
import { printTable, shown } from './table.ts';
import { thresholdsOf } from '../rule/rule-level.ts';

type Fields = Record<string, unknown>;
type Finish = (exitCode: number) => void;

const pageRules = 200;
const atOnce = 500;
/** Stands in place of a webhook's token, which has no such characters. */
const mask = '****';
const maskHint = 'export with a token that has the scope rules:write; --with-secrets fails instead of masking';
/** The file is written, but is not whole. */
const exitMasked = 3;

const examples: readonly Example[] = [
  ['ssrms rules list state:firing', 'what is firing'],
  [
    "ssrms rules list 'metric:cpu*' tag:host=web-1",
    'metric:, name:, tag:, label:, severity:, state:, webhook: and words, as on the page',
  ],
  ['ssrms rules create --set metric_name=cpu --set threshold=90 --set notify=ops', 'make a rule'],
  ['ssrms rules edit RULE_ID --set threshold=95 --set tags.host=web-1 --unset description', 'change its fields'],
  ['ssrms rules disable --search tag:host=web-1', 'all that a search finds; delete asks for --yes beyond one'],
  ["ssrms rules get 'Checkout errors'", 'by its name, where an id is taken'],
  ['ssrms rules export > my-rules.json', 'a file with all rules'],
  ['ssrms rules import my-rules.json --dry-run', 'what the file would change'],
];

/** Adds `ssrms rules list` and what else is done to rules, to the command that runs their API. */
export function addRulesCommands(program: Command, finish: Finish): void {
  const rules = program.commands.find((command) => command.name() === 'rules')!;
  rules.addHelpText('after', '\nWithout a subcommand it runs the rules API.');
  addExamples(rules, examples);
  addReading(rules);
  addWriting(rules);
  for (const [action, description] of [
    ['enable', 'enable rules'],
    ['disable', 'disable rules: they are kept, but not evaluated'],
    ['delete', 'delete rules'],
  ] as const)
    addBulk(rules, { action, description, finish });
  addFiles(rules, finish);
}

function addReading(rules: Command): void {
  const list = rules
    .command('list')
    .alias('search')
    .description('list or search the rules, with what each is doing')
    .argument(
      '[search...]',
      'words, metric:cpu*, name:checkout*, tag:host=web-1, label:team=payments, severity:critical, state:firing, webhook:ID',
    )
    .option('--limit <number>', 'at most so many (default 100)');
  addApiOptions(list).action(async (words: string[]) => {
    const limit = Number(list.opts<{ limit?: string }>().limit ?? 100);
    if (!Number.isInteger(limit) || limit < 1) throw new Error('--limit must be a whole number above 0');
    const found = await search(list, words.join(' '), limit);
    if (isJson(list)) for (const rule of found.rules) console.log(JSON.stringify(rule));
    else printRules(found);
  });
  const get = rules.command('get').description('show one rule as JSON').argument('<rule>', 'its id or its name');
  addApiOptions(get).action(async (id: string) => {
    const { body } = await askApi<Rule>(get, { method: 'GET', path: pathOf(await ruleIdOf(get, id)) });
    console.log(JSON.stringify(body, undefined, isJson(get) ? undefined : 2));
  });
}

function addWriting(rules: Command): void {
  const create = withFields(rules.command('create'))
    .description('make a rule')
    .argument('[file]', 'the rule as JSON; - for standard input');
  addApiOptions(create).action(async (file: string | undefined) => {
    const body = changedFields(file === undefined ? {} : objectOf(await readJson(file)), create.opts());
    const made = await askApi<Rule>(create, { method: 'POST', path: '/rules', body });
    console.log(isJson(create) ? JSON.stringify(made.body) : `made ${made.body.id}: ${conditionOf(made.body)}`);
  });
  const edit = withFields(rules.command('edit'))
    .description('change a rule; what somebody else changed meanwhile is not overwritten')
    .argument('<rule>', 'its id or its name')
    .argument('[file]', 'the whole rule as JSON in place of the one that is there; - for standard input');
  addApiOptions(edit).action(async (given: string, file: string | undefined) => {
    const id = await ruleIdOf(edit, given);
    const now = await askApi<Rule>(edit, { method: 'GET', path: pathOf(id) });
    const body = changedFields(file === undefined ? { ...now.body } : objectOf(await readJson(file)), edit.opts());
    const saved = await askApi<Rule>(edit, { method: 'PUT', path: pathOf(id), body, etag: now.etag });
    console.log(isJson(edit) ? JSON.stringify(saved.body) : `saved ${id}: ${conditionOf(saved.body)}`);
  });
}

function addBulk(
  rules: Command,
  { action, description, finish }: { action: BulkOrder['action']; description: string; finish: Finish },
): void {
  const command = rules
    .command(action)
    .description(description)
    .argument('[rule...]', 'their ids or names')
    .option('--search <text>', 'all that a search finds, as in list');
  if (action === 'delete') command.option('--yes', 'delete more than one without being asked');
  addApiOptions(command).action(async (given: string[]) => {
    const { search: text, yes } = command.opts<{ search?: string; yes?: boolean }>();
    if (given.length === 0 && text === undefined) throw new Error('give rules by their ids or names, or give --search');
    const named = await Promise.all(given.map((each) => ruleIdOf(command, each)));
    const ids = text === undefined ? named : [...named, ...(await idsOf(command, text))];
    if (action === 'delete' && ids.length > 1 && yes !== true)
      throw new Error(`This would delete ${ids.length} rules. Add --yes to confirm.`);
    const outcomes: BulkOutcome[] = [];
    for (let at = 0; at < ids.length; at += atOnce) {
      const body: BulkOrder = { action, rules: ids.slice(at, at + atOnce).map((id) => ({ id })) };
      outcomes.push((await askApi<BulkOutcome>(command, { method: 'POST', path: '/api/v1/rules/bulk', body })).body);
    }
    const changed = outcomes.flatMap((outcome) => outcome.changed);
    const unchanged = outcomes.flatMap((outcome) => outcome.unchanged);
    const refused = outcomes.flatMap((outcome) => outcome.refused);
    if (isJson(command)) console.log(JSON.stringify({ changed, unchanged, refused }));
    else {
      console.log(`${action}d ${changed.length}${unchanged.length > 0 ? `, ${unchanged.length} were so already` : ''}`);
      for (const { id, reason } of refused) console.log(`refused  ${shown(id)}: ${shown(reason)}`);
    }
    if (refused.length > 0) finish(1);
  });
}

function addFiles(rules: Command, finish: Finish): void {
  const bring = rules
    .command('import')
    .description('bring in rules from a file: those with an id take the place of the one that has it')
    .argument('<file>', 'a JSON array of rules, as export gives it, or a YAML file of rules; - for standard input')
    .option('--dry-run', 'only say what would become of each');
  addApiOptions(bring).action(async (file: string) => {
    const json = await readRules(file);
    const given: readonly unknown[] = Array.isArray(json) ? json : [json];
    const isDry = bring.opts<{ dryRun?: boolean }>().dryRun === true;
    const rows: ImportRow[] = [];
    for (let at = 0; at < given.length; at += atOnce) {
      const body: ImportOrder = { rules: given.slice(at, at + atOnce), ...(isDry && { dry_run: true }) };
      rows.push(
        ...(await askApi<ImportedView>(bring, { method: 'POST', path: '/api/v1/rules/import', body })).body.rows,
      );
    }
    if (isJson(bring)) for (const row of rows) console.log(JSON.stringify(row));
    else printImport(rows);
    if (rows.some(({ outcome }) => outcome === 'refused')) finish(1);
  });
  addImportPrometheus(bring, finish);
  const out = rules
    .command('export')
    .description('print rules as a JSON array, as import takes it')
    .argument('[search...]', 'as in list; without, all rules')
    .option('--with-secrets', 'fail where webhook URLs would be masked; needs the scope rules:write');
  addApiOptions(out).action(async (words: string[]) => {
    const withSecrets = out.opts<{ withSecrets?: boolean }>().withSecrets === true;
    const ids = await idsOf(out, words.join(' '));
    const found: Rule[] = [];
    for (let at = 0; at < ids.length; at += atOnce) {
      const body: ExportOrder = { ids: ids.slice(at, at + atOnce), ...(withSecrets && { with_secrets: true }) };
      found.push(...(await askApi<Rule[]>(out, { method: 'POST', path: '/api/v1/rules/export', body })).body);
    }
    console.log(JSON.stringify(found, undefined, isJson(out) ? undefined : 2));
    const masked = found.filter(({ discord_webhook_url: url }) => url?.includes(mask) === true).length;
    if (masked === 0) return;
    console.error(
      `ssrms: ${masked} of ${found.length} rules have a masked webhook URL, and cannot be imported elsewhere: ${maskHint}`,
    );
    finish(exitMasked);
  });
}

function withFields(command: Command): Command {
  return command
    .option('--set <field=value...>', 'set a field, such as threshold=90, tags.host=web-1 or "tags.host=web-*"')
    .option('--unset <field...>', 'leave a field out');
}

const pathOf = (id: string): string => `/rules/${encodeURIComponent(id)}`;

function objectOf(json: unknown): Fields {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Fields;
  throw new Error('the file must hold one rule as a JSON object');
}

/** One answer may hold few rules and have more behind it: it goes on until there are enough. */
async function search(
  command: Command,
  text: string,
  limit: number,
): Promise<Pick<RulesFound, 'rules' | 'next' | 'total'>> {
  const rules: RulesFound['rules'][number][] = [];
  let next: string | undefined;
  let total: number | undefined;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(pageRules, limit - rules.length)) });
    if (text !== '') query.set('q', text);
    if (next !== undefined) query.set('after', next);
    const { body } = await askApi<RulesFound>(command, { method: 'GET', path: `/api/v1/rules?${query.toString()}` });
    rules.push(...body.rules);
    ({ next, total } = body);
  } while (next !== undefined && rules.length < limit);
  return { rules, ...(next !== undefined && { next }), ...(total !== undefined && { total }) };
}

async function idsOf(command: Command, text: string): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ ...(text !== '' && { q: text }), ...(after !== undefined && { after }) });
    const { body } = await askApi<RuleIdsFound>(command, {
      method: 'GET',
      path: `/api/v1/rules/ids?${query.toString()}`,
    });
    ids.push(...body.ids);
    after = body.next;
  } while (after !== undefined);
  return ids;
}

function conditionOf(rule: Rule): string {
  const { metric_name: metric, operator = ruleDefaults.operator, tags = {} } = rule;
  const where = Object.entries(tags).map(([key, matcher]) => matcherText(key, matcher));
  const name = rule.name === undefined ? '' : `${rule.name}: `;
  const thresholds = thresholdsOf(rule).join(', ');
  const condition = thresholds === '' ? `${metric} without data` : `${metric} ${operator} ${thresholds}`;
  return shown([`${name}${condition}`, ...where].join(' '));
}

const labelsOf = ({ labels = {} }: Rule): string =>
  shown(
    Object.entries(labels)
      .map(([key, label]) => `${key}=${label}`)
      .join(' '),
  );

type RuleView = RulesFound['rules'][number];

interface Column {
  readonly head: string;
  readonly of: (view: RuleView) => string;
  /** Left out where it says nothing of any rule. */
  readonly isOptional?: true;
}

const columns: readonly Column[] = [
  { head: 'ID', of: ({ rule }) => rule.id },
  { head: 'STATE', of: ({ state }) => state },
  { head: 'SEVERITY', of: ({ rule }) => rule.severity ?? '', isOptional: true },
  { head: 'FIRING', of: ({ firing }) => String(firing) },
  { head: 'VALUE', of: ({ value }) => (value === undefined ? '' : String(Number(value.toPrecision(6)))) },
  { head: 'FIRES 24H', of: ({ fires_24h: fires }) => String(fires) },
  { head: 'LAST MESSAGE', of: ({ delivery }) => delivery?.outcome ?? '' },
  { head: 'LABELS', of: ({ rule }) => labelsOf(rule), isOptional: true },
  { head: 'RULE', of: ({ rule }) => conditionOf(rule) },
];

function printRules({ rules, next, total }: Pick<RulesFound, 'rules' | 'next' | 'total'>): void {
  if (rules.length === 0) {
    console.log('No rule matches.');
    return;
  }
  const shownColumns = columns.filter(
    ({ isOptional, of }) => isOptional !== true || rules.some((view) => of(view) !== ''),
  );
  printTable([shownColumns.map(({ head }) => head), ...rules.map((view) => shownColumns.map(({ of }) => of(view)))]);
  if (next !== undefined)
    console.log(`… and ${total === undefined ? 'more' : total - rules.length}: narrow the search, or raise --limit`);
}

function printImport(rows: readonly ImportRow[]): void {
  rows.forEach(({ outcome, id = '', metric_name: name = '', fields = [], reason = '' }, index) => {
    if (outcome === 'same') return;
    const what = reason === '' ? fields.map(({ field }) => field).join(', ') : reason;
    console.log(
      shown(`${outcome.padEnd(8)} row ${index + 1}  ${[id, name, what].filter((each) => each !== '').join('  ')}`),
    );
  });
  const count = (wanted: ImportRow['outcome']): number => rows.filter(({ outcome }) => outcome === wanted).length;
  console.log(
    `${count('new')} new, ${count('changed')} changed, ${count('same')} the same, ${count('refused')} refused`,
  );
}
