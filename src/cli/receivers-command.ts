import type { Command } from 'commander';
import type { ReceiversView, ReceiverView } from '../wire/receivers.ts';
import type { TestSendView } from '../wire/webhooks.ts';
import { addApiOptions, askApi, isJson, readJson } from './api.ts';
import { addExamples, type Example } from './examples.ts';
import { printTable, shown } from './table.ts';

const examples: readonly Example[] = [
  [
    'ssrms receivers set ops --kind webhook --address https://hooks.example.com/ssrms --secret "$(openssl rand -hex 24)"',
    'a generic webhook: signed JSON',
  ],
  ['ssrms receivers set dev --kind discord --address https://discord.com/api/webhooks/ID/TOKEN', 'a Discord channel'],
  ['ssrms rules edit RULE_ID --set notify=ops,dev', 'notify both'],
  ['ssrms receivers test ops', 'send a test message'],
  ['ssrms receivers list', 'all of them, their addresses masked'],
];

const pathOf = (name: string): string => `/api/v1/receivers/${encodeURIComponent(name)}`;

/** Adds `ssrms receivers`: named places that rules notify. */
export function addReceiversCommands(program: Command, finish: (exitCode: number) => void): void {
  const receivers = program.command('receivers').description('list and change the receivers that rules name in notify');
  addExamples(receivers, examples);
  addReading(receivers);
  addWriting(receivers);
  addTest(receivers, finish);
}

function addReading(receivers: Command): void {
  const list = receivers.command('list').description('list the receivers');
  addApiOptions(list).action(async () => {
    const { body } = await askApi<ReceiversView>(list, { method: 'GET', path: '/api/v1/receivers' });
    if (isJson(list)) for (const receiver of body.receivers) console.log(JSON.stringify(receiver));
    else printReceivers(body.receivers);
  });
  const get = receivers.command('get').description('show one receiver as JSON').argument('<name>');
  addApiOptions(get).action(async (name: string) => {
    const { body } = await askApi<ReceiverView>(get, { method: 'GET', path: pathOf(name) });
    console.log(JSON.stringify(body, undefined, isJson(get) ? undefined : 2));
  });
}

function addWriting(receivers: Command): void {
  const set = receivers
    .command('set')
    .description('create or replace a receiver')
    .argument('<name>')
    .argument('[file]', 'the receiver as JSON; - for standard input')
    .option('--kind <kind>', 'discord or webhook')
    .option('--address <url>', 'where it is; a secret')
    .option('--secret <text>', 'signs the requests of a webhook: 16 to 256 characters');
  addApiOptions(set).action(async (name: string, file: string | undefined) => {
    const { kind, address, secret } = set.opts<{ kind?: string; address?: string; secret?: string }>();
    const given = file === undefined ? {} : ((await readJson(file)) as object);
    const body = { ...given, ...defined({ kind, address, secret }) };
    const answer = await askApi<ReceiverView>(set, { method: 'PUT', path: pathOf(name), body });
    console.log(isJson(set) ? JSON.stringify(answer.body) : `saved ${name}`);
  });
  const remove = receivers.command('delete').description('delete a receiver that no rule names').argument('<name>');
  addApiOptions(remove).action(async (name: string) => {
    await askApi<object>(remove, { method: 'DELETE', path: pathOf(name) });
    console.log(isJson(remove) ? '{}' : `deleted ${name}`);
  });
}

function addTest(receivers: Command, finish: (exitCode: number) => void): void {
  const test = receivers.command('test').description('send a test message to a receiver').argument('<name>');
  addApiOptions(test).action(async (name: string) => {
    const { body } = await askApi<TestSendView>(test, { method: 'POST', path: `${pathOf(name)}/test`, body: {} });
    const { delivered, status, took_ms: tookMs, reason } = body;
    if (isJson(test)) console.log(JSON.stringify(body));
    else
      console.log(
        delivered
          ? `delivered in ${tookMs} ms`
          : `not delivered${status === null ? '' : `, ${status}`}: ${shown(reason ?? '')}`,
      );
    if (!delivered) finish(1);
  });
}

function defined(fields: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** Why nothing arrives there, since when, and when it is tried again; empty when nothing is wrong. */
function stateText(delivery: ReceiverView['delivery']): string {
  if (delivery === undefined) return '';
  const { state, reason, since, tries, next_probe: next } = delivery;
  const times = tries === undefined ? '' : `, ${tries} tries`;
  return `${state}: ${shown(reason)} (since ${since}${times}, next ${next})`;
}

function printReceivers(receivers: readonly ReceiverView[]): void {
  if (receivers.length === 0) {
    console.log('No receivers yet.');
    return;
  }
  printTable([
    ['NAME', 'KIND', 'ADDRESS', 'STATE'],
    ...receivers.map(({ name, kind, address, delivery }) => [name, kind, shown(address), stateText(delivery)]),
  ]);
}
