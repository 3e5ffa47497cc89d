import { Option, type Command } from 'commander';
import { askRules, type ApiRequest } from '../app.ts';
import { createLogger } from '../base/logger.ts';
import { readConfig } from '../config.ts';
import { addSettings, flagsOf, logSettings } from './settings-options.ts';
import { askOverHttp, refusal } from './ask.ts';
import type { DeliveriesView, DeliveryView, ResendOrder, ResentView } from '../wire/deliveries.ts';
import { addExamples, type Example } from './examples.ts';
import { localIngest } from './source-command.ts';
import { printTable, shown } from './table.ts';

type FilterFlags = Pick<ResendOrder, 'webhook' | 'rule' | 'outcome' | 'since'>;
interface Flags extends FilterFlags {
  readonly limit?: string;
  readonly json?: boolean;
  readonly url?: string;
  readonly token?: string;
}

/** Of a command that works on Kafka itself. */
const kafkaSettings = logSettings.filter((name) => name !== 'dataDir');

/** Adds `ssrms deliveries`, which lists them, and `ssrms deliveries resend`. */
export function addDeliveriesCommand(program: Command, finish: (exitCode: number) => void): void {
  const deliveries = program.command('deliveries').description('list notification deliveries, or resend failed ones');
  addExamples(deliveries, examples);
  deliveries.addHelpText('after', outcomeWords);
  const list = deliveries.command('list', { isDefault: true }).description('list them, the newest first (default)');
  addFilter(list, ['waiting', 'delivered', 'merged', 'parked', 'dead', 'expired', 'rerouted']);
  list.option('--limit <number>', 'at most so many, up to 500');
  addAddress(list);
  list.action(async () => {
    const { json, limit, ...flags } = list.opts<Flags>();
    const query = new URLSearchParams({ ...filterOf(flags), ...(limit !== undefined && { limit }) });
    const path = `/api/v1/deliveries${query.size > 0 ? `?${query.toString()}` : ''}`;
    const found = (await ask(list, { method: 'GET', path })) as DeliveriesView;
    if (json === true) for (const delivery of found.deliveries) console.log(JSON.stringify(delivery));
    else printDeliveries(found);
  });

  const resend = deliveries
    .command('resend')
    .description('send again what is dead or expired; what is parked has its webhook looked at now')
    .argument('[notification_id...]', 'which ones; without, all that match the filter');
  addFilter(resend, ['dead', 'expired', 'parked']);
  addAddress(resend);
  resend.action(async (ids: string[]) => {
    const { json, ...flags } = resend.opts<Flags>();
    const body: ResendOrder = { ...filterOf(flags), ...(ids.length > 0 && { notification_ids: ids }) };
    const said = (await ask(resend, { method: 'POST', path: '/api/v1/deliveries/resend', body })) as ResentView;
    if (json === true) console.log(JSON.stringify(said));
    else printResent(said);
    if (said.refused.length > 0) finish(1);
  });
}

const examples: readonly Example[] = [
  ['ssrms deliveries --outcome parked', 'what waits for a paused webhook'],
  ['ssrms deliveries --rule RULE_ID --since 7d', 'what a rule has sent in a week'],
  ['ssrms deliveries resend --outcome dead', 'send again what was refused today'],
  ['BROKER=kafka-1:9092 ssrms deliveries', 'the list, read from Kafka itself'],
  ['ssrms deliveries list --help', 'options of the list'],
];
const outcomeWords = `
Outcomes: waiting (not ended), delivered, merged (as a line of another message), parked (its webhook is paused: it is
sent when the webhook is back), dead (given up, the reason says why), expired (older than a day), rerouted (to another
webhook).`;

function addFilter(command: Command, outcomes: readonly DeliveryView['outcome'][]): void {
  command
    .option('--webhook <id>', 'only to this webhook: the number in its URL')
    .option('--rule <id>', 'only of this rule')
    .addOption(new Option('--outcome <outcome>', 'only what ended so').choices(outcomes))
    .option('--since <time>', 'heard of since: 30m, 12h, 7d, or a moment such as 2026-01-31T12:00:00Z (default 24h)')
    .option('--json', 'JSON, for programs');
}

function addAddress(command: Command): void {
  command
    .option('--url <url>', `where SSRMS runs (default: ${localIngest}, or Kafka itself with BROKER)`)
    .option('--token <token>', 'token for it [SSRMS_TOKEN]');
  addSettings(command, kafkaSettings);
}

function filterOf({ webhook, rule, outcome, since }: FilterFlags): Record<string, string> {
  const given = Object.entries({ webhook, rule, outcome, since });
  return Object.fromEntries(given.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** Over HTTP, since one process owns an embedded log; on Kafka itself when that is configured and no address is given. */
async function ask(command: Command, request: ApiRequest): Promise<unknown> {
  const { url, token } = command.opts<Flags>();
  const config = readConfig(process.env, flagsOf(command, kafkaSettings), 0);
  const answer =
    config.broker === undefined || url !== undefined
      ? await askOverHttp(url ?? localIngest, token ?? process.env.SSRMS_TOKEN, request)
      : await askRules(config, createLogger(config.logLevel, 'deliveries'), request);
  if (answer.status < 400) return JSON.parse(answer.body);
  throw refusal(answer);
}

function printDeliveries({ total, left_out: leftOut, deliveries }: DeliveriesView): void {
  if (deliveries.length === 0) {
    console.log('No delivery matches.');
    return;
  }
  printTable([
    ['TIME', 'OUTCOME', 'TRIES', 'WEBHOOK', 'METRIC', 'VALUE', 'NOTIFICATION', 'MESSAGE OR REASON'],
    ...deliveries.map((each) => [
      new Date(each.at_ms).toISOString().replace('T', ' ').slice(0, 19),
      each.outcome,
      String(each.attempts),
      each.webhook_id,
      shown(each.metric_name ?? '?'),
      String(each.value ?? ''),
      each.notification_id,
      shown(each.reason ?? each.message_id ?? ''),
    ]),
  ]);
  const more = total - deliveries.length;
  if (more > 0) console.log(`… and ${more} older ones: narrow the list, or raise --limit`);
  if (leftOut > 0) console.log(`… and ${leftOut} that were too many to be looked at: narrow the time with --since`);
}

function printResent({ resent, revived, refused, left }: ResentView): void {
  for (const { notification_id: id, as } of resent) console.log(`resent   ${id} as ${as}`);
  for (const id of revived) console.log(`parked   ${id}: its webhook is looked at now`);
  for (const { notification_id: id, reason } of refused) console.log(`refused  ${shown(id)}: ${shown(reason)}`);
  if (resent.length + revived.length + refused.length === 0) console.log('Nothing to send again matches.');
  if (left > 0) console.log(`${left} more match: order again`);
}
