import type { Command } from 'commander';
import type { SystemView } from '../wire/system.ts';
import { addApiOptions, askApi, isJson } from './api.ts';
import { printTable, shown } from './table.ts';

/** Adds `ssrms system`. */
export function addSystemCommand(program: Command): void {
  const command = program.command('system').description('show processes, partitions, backlog and skipped samples');
  addApiOptions(command).action(async () => {
    const { body } = await askApi<SystemView>(command, { method: 'GET', path: '/api/v1/system' });
    if (isJson(command)) console.log(JSON.stringify(body));
    else printSystem(body);
  });
}

function printSystem(system: SystemView): void {
  const skipped = Object.entries(system.samples).map(([what, count]) => `${count} ${what}`);
  printTable([
    ['Version', system.version],
    ['Rules', `${system.rules}${system.rules_unreadable > 0 ? `, ${system.rules_unreadable} unreadable` : ''}`],
    ['Series', String(system.series)],
    ['Samples per second', system.samples_per_second.toFixed(1)],
    ['Behind', system.lag === null ? 'unknown' : `${system.lag} samples`],
    ['Queued messages', String(system.waiting)],
    ['Samples', skipped.join(', ') || 'none yet'],
    ...(system.misrouted_metrics > 0 ? [['Misrouted metrics', String(system.misrouted_metrics)]] : []),
    ...skewedRow('Series ahead', system.series_ahead),
    ...skewedRow('Series arriving late', system.series_behind),
  ]);
  console.log();
  printTable([
    ['INSTANCE', 'STATE', 'PARTS', 'VERSION', 'PARTITIONS', 'SAMPLES/S', 'WAITING', 'PARKED', 'FAILING'],
    ...system.instances.map((instance) => [
      shown(instance.name),
      instance.state,
      instance.parts.join(' '),
      instance.version,
      String(instance.partitions.length),
      instance.samples_per_second?.toFixed(1) ?? '',
      String(instance.waiting ?? ''),
      String(instance.parked ?? ''),
      String(instance.failing ?? ''),
    ]),
  ]);
  for (const { name, problems } of system.instances.filter(({ state }) => state === 'live'))
    for (const problem of problems) console.log(`${shown(name)}: ${shown(problem)}`);
  const ownerless = system.partitions.filter(({ instance }) => instance === null);
  if (ownerless.length > 0)
    console.log(`No owner: partitions ${ownerless.map(({ partition }) => partition).join(', ')}`);
}

/** No row when there are none. */
function skewedRow(name: string, { count, first }: SystemView['series_ahead']): string[][] {
  if (count === 0) return [];
  const named = first.map(({ series, seconds }) => `${shown(series)} by ${seconds} s`);
  return [[name, `${count}: ${named.join(', ')}${count > first.length ? ', …' : ''}`]];
}
