import { Option, type Command } from 'commander';
import { addApiOptions, askApi, isJson } from './api.ts';
import { addSettings, publishSettings } from './settings-options.ts';
import type { DeliveriesView, DeliveryView, ResendOrder, ResentView } from '../wire/deliveries.ts';
import { addExamples, type Example } from './examples.ts';
import { ruleIdOf } from './rule-of-name.ts';
import { printTable, shown } from './table.ts';

type FilterFlags = Pick<ResendOrder, 'webhook' | 'receiver' | 'rule' | 'outcome' | 'since'>;
interface Flags extends FilterFlags {
  readonly limit?: string;
}

/** Adds `ssrms deliveries`, which lists them, and `ssrms deliveries resend`. */
export function addDeliveriesCommand(program: Command, finish: (exitCode: number) => void): void {
  const deliveries = program.command('deliveries').description('list notification deliveries, or resend failed ones');
  addExamples(deliveries, examples);
  deliveries.addHelpText('after', outcomeWords);
  const list = deliveries.command('list', { isDefault: true }).description('list them, the newest first (default)');
  addFilter(list, ['waiting', 'delivered', 'merged', 'parked', 'dead', 'expired', 'rerouted']);
  list.option('--limit <number>', 'at most so many, up to 500');
  addSettings(addApiOptions(list), publishSettings);
  list.action(async () => {
    const { limit, ...flags } = list.opts<Flags>();
    const query = new URLSearchParams({ ...(await filterOf(list, flags)), ...(limit !== undefined && { limit }) });
    const path = `/api/v1/deliveries${query.size > 0 ? `?${query.toString()}` : ''}`;
    const { body: found } = await askApi<DeliveriesView>(list, { method: 'GET', path });
    if (isJson(list)) for (const delivery of found.deliveries) console.log(JSON.stringify(delivery));
    else {
      printTargets(found);
      printDeliveries(found);
    }
  });

  const resend = deliveries
    .command('resend')
    .description('send again what is dead or expired; what is parked has its webhook looked at now')
    .argument('[notification_id...]', 'which ones; without, all that match the filter');
  addFilter(resend, ['dead', 'expired', 'parked']);
  addSettings(addApiOptions(resend), publishSettings);
  resend.action(async (ids: string[]) => {
    const body: ResendOrder = {
      ...(await filterOf(resend, resend.opts())),
      ...(ids.length > 0 && { notification_ids: ids }),
    };
    const path = '/api/v1/deliveries/resend';
    const { body: said } = await askApi<ResentView>(resend, { method: 'POST', path, body });
    if (isJson(resend)) console.log(JSON.stringify(said));
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
    .option('--receiver <name>', 'only to this named receiver')
    .option('--rule <rule>', 'only of this rule, by its id or its name')
    .addOption(new Option('--outcome <outcome>', 'only what ended so').choices(outcomes))
    .option('--since <time>', 'heard of since: 30m, 12h, 7d, or a moment such as 2026-01-31T12:00:00Z (default 24h)');
}

async function filterOf(command: Command, flags: FilterFlags): Promise<Record<string, string>> {
  const { webhook, receiver, outcome, since } = flags;
  const rule = flags.rule === undefined ? undefined : await ruleIdOf(command, flags.rule);
  const given = Object.entries({ webhook, receiver, rule, outcome, since });
  return Object.fromEntries(given.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** What is wrong with targets now, the reason of all that waits for them. */
function printTargets({ targets, time_ms: nowMs }: DeliveriesView): void {
  for (const { target, webhook_id: id, state, reason, since_ms: sinceMs, tries, next_try_ms: nextMs } of targets) {
    const since = new Date(sinceMs).toISOString().replace('T', ' ').slice(0, 19);
    const times = tries === undefined ? '' : `, ${tries} ${tries === 1 ? 'try' : 'tries'}`;
    const next = Math.max(0, Math.ceil((nextMs - nowMs) / 1_000));
    console.log(`${state}  ${id} ${target}: ${shown(reason)} (since ${since}${times}, next in ${next} s)`);
  }
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
