import { Option, type Command } from 'commander';
import { shownValue } from '../measure/shown-value.ts';
import { hasComputedValue } from '../rule/condition.ts';
import { severities } from '../rule/severity.ts';
import type { AlarmDetail, AlarmsView, AlarmView } from '../wire/alarms.ts';
import { addApiOptions, askApi, isJson } from './api.ts';
import { addExamples, type Example } from './examples.ts';
import { ruleIdOf } from './rule-of-name.ts';
import { printTable, shown } from './table.ts';

const examples: readonly Example[] = [
  ['ssrms alarms list', 'what is firing or pending'],
  ['ssrms alarms list --state all --metric cpu', 'in any state, of one metric'],
  ["ssrms alarms list --severity critical --label team=payments --tag 'zone=eu-*'", 'of some rules and series'],
  ['ssrms alarms get ALARM_ID', 'one alarm: its sample and its messages'],
];
/** Each value of an option that may be repeated. */
const gathered = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
/** What `--state` may be; without it the list has what is firing or pending. */
const listStates = ['firing', 'pending', 'ok', 'all'] as const;

/** Adds `ssrms alarms list` and `ssrms alarms get` to the command that runs an instance. */
export function addAlarmsCommands(program: Command): void {
  const alarms = program.commands.find((command) => command.name() === 'alarms')!;
  alarms.addHelpText('after', '\nWithout a subcommand it runs an alarms instance.');
  addExamples(alarms, examples);
  const list = alarms
    .command('list')
    .description('list alarms, firing first, longest first')
    .addOption(new Option('--state <state>', 'in this state (default: firing and pending)').choices(listStates))
    .option('--metric <name>', 'only of this metric')
    .option('--rule <rule>', 'only of this rule, by its id or its name')
    .option('--tag <key=value>', 'only with this tag, as host=web-1, host=web-* or host; may be repeated', gathered)
    .option('--label <key=value>', 'only of rules with this label; may be repeated', gathered)
    .addOption(new Option('--severity <severity>', 'only of rules with this severity').choices(severities))
    .option('--limit <number>', 'at most so many, up to 500 (default 100)');
  addApiOptions(list).action(async () => {
    const { state, metric, rule, severity, limit = '100' } = list.opts<Record<string, string | undefined>>();
    const { tag, label } = list.opts<Record<'tag' | 'label', readonly string[] | undefined>>();
    const ask = async (asked: Record<string, string | readonly string[] | undefined>): Promise<AlarmsView> => {
      const given = Object.entries(asked).flatMap(([name, value]) =>
        [value ?? []].flat().map((one): [string, string] => [name, one]),
      );
      const path = `/api/v1/alarms?${new URLSearchParams(given).toString()}`;
      return (await askApi<AlarmsView>(list, { method: 'GET', path })).body;
    };
    const ruleId = rule === undefined ? undefined : await ruleIdOf(list, rule);
    const filter = { metric_name: metric, rule_id: ruleId, tag, label, severity };
    // The API has one state or all of them.
    const states = state === undefined ? ['firing', 'pending'] : [state === 'all' ? undefined : state];
    const found: AlarmView[] = [];
    let total = 0;
    for (const each of states) {
      const left = Math.max(0, Number(limit) - found.length);
      // At least one, so that it answers how many there are; the first time as given, so that it says what is wrong with it.
      const asked = { ...filter, state: each, limit: found.length === 0 ? limit : String(Math.max(1, left)) };
      const { alarms: listed, total: matching } = await ask(asked);
      found.push(...listed.slice(0, left));
      total += matching;
    }
    if (isJson(list)) for (const alarm of found) console.log(JSON.stringify(alarm));
    else printAlarms(found, total);
  });
  const get = alarms.command('get').description('show one alarm').argument('<alarm_id>');
  addApiOptions(get).action(async (id: string) => {
    const path = `/api/v1/alarms/${encodeURIComponent(id)}`;
    const { body } = await askApi<AlarmDetail>(get, { method: 'GET', path });
    if (isJson(get)) console.log(JSON.stringify(body));
    else printAlarm(body);
  });
}

function seriesOf({ metric_name: name, tags = {} }: AlarmView | AlarmDetail): string {
  return shown([name, ...Object.entries(tags).map(([key, value]) => `${key}=${value}`)].join(' '));
}

const timeOf = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 19);

function printAlarms(alarms: readonly AlarmView[], total: number): void {
  if (alarms.length === 0) {
    console.log('No alarm matches.');
    return;
  }
  printTable([
    ['STATE', 'SINCE', 'VALUE', 'RULE', 'ALARM', 'SERIES'],
    ...alarms.map((alarm) => [
      alarm.level === undefined ? alarm.state : `${alarm.state}, level ${alarm.level}`,
      alarm.since_ms === undefined ? '' : timeOf(alarm.since_ms),
      alarm.value === null ? (alarm.cause === 'no_data' ? 'no data' : '') : String(alarm.value),
      alarm.rule_id,
      alarm.alarm_id ?? '',
      seriesOf(alarm) + (alarm.silent_since_ms === undefined ? '' : `, no data since ${timeOf(alarm.silent_since_ms)}`),
    ]),
  ]);
  if (total > alarms.length) console.log(`… and ${total - alarms.length}: narrow the list, or raise --limit`);
}

/** What its rule says for people. */
function aboutRule(rule: AlarmDetail['rule']): string[][] {
  const labels = Object.entries(rule?.labels ?? {}).map(([key, label]) => `${key}=${label}`);
  const rows: [string, string | undefined][] = [
    ['Name', rule?.name],
    ['Severity', rule?.severity],
    ['Labels', labels.length === 0 ? undefined : labels.join(' ')],
    ['Description', rule?.description],
    ['Runbook', rule?.runbook_url],
  ];
  return rows.flatMap(([word, text]) => (text === undefined ? [] : [[word, shown(text)]]));
}

function printAlarm(alarm: AlarmDetail): void {
  const { state, cause, since_ms: sinceMs, fired_ms: firedMs, ended_ms: endedMs, value, rule } = alarm;
  const isComputed = hasComputedValue(rule ?? {});
  printTable([
    ['Series', seriesOf(alarm)],
    ['State', state],
    ['Cause', cause === 'no_data' ? 'no data' : value === null ? '' : shownValue(value, isComputed)],
    ['Since', timeOf(sinceMs)],
    ['Fired', timeOf(firedMs)],
    ['Ended', endedMs === null ? '' : timeOf(endedMs)],
    ['Rule', alarm.rule_id],
    ...aboutRule(alarm.rule),
    ['Sample', `partition ${alarm.partition}, offset ${alarm.offset}`],
    ...alarm.notifications.map(({ kind, outcome, attempts, reason = '' }) => [
      'Message',
      shown(`${kind}: ${outcome}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'} ${reason}`.trim()),
    ]),
  ]);
}
