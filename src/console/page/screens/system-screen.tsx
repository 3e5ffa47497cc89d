import * as css from './system-screen.module.css';
import type { InstanceView, PartitionView, SystemView } from '../../../wire/system.ts';
import { nowMs } from '../state/live.ts';
import { useQuery } from '../state/query.ts';
import { StateMark, type ShownState } from '../parts/state-mark.tsx';
import { readSystem } from '../state/system-view.ts';
import { TableTwin } from '../parts/table.tsx';
import { agoText, durationText, grouped, lagText, momentText, rateText, shortText } from '../words/time-text.ts';

const everyMs = 2_000;

/** The state of the whole system: processes, partitions and their owners, and the backlog. */
export function SystemScreen() {
  const { value, failure } = useQuery(readSystem, { everyMs }, []);
  const system = value.value;
  return (
    <div class={css.system}>
      <div class="screen-head">
        <div>
          <h1 tabIndex={-1}>System</h1>
          <p class="hint">{system === undefined ? 'Loading…' : summary(system)}</p>
        </div>
      </div>
      {failure.value !== undefined && (
        <p class="banner" role="alert">
          {failure.value.message}
        </p>
      )}
      {system !== undefined && (
        <>
          <SystemFigures system={system} />
          <Partitions system={system} />
          <Instances instances={system.instances} />
          <Skipped system={system} />
        </>
      )}
    </div>
  );
}

function summary({ instances, partitions, version }: SystemView): string {
  const live = instances.filter(({ state }) => state === 'live');
  const evaluating = live.filter(evaluates).length;
  const ownerless = partitions.filter(({ instance }) => instance === null).length;
  const owned = ownerless === 0 ? 'All partitions assigned' : `${ownerless} partitions are not assigned`;
  return `Version ${version}. ${count(live.length, 'process', 'processes')} running, ${evaluating} evaluating. ${owned}.`;
}

function evaluates({ parts }: InstanceView): boolean {
  return parts.includes('alarms') || parts.includes('up');
}

function count(number: number, one: string, many: string): string {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

function SystemFigures({ system }: { readonly system: SystemView }) {
  const figures: [word: string, kind: string, text: string][] = [
    ['Samples per second', 'rate', rateText(system.samples_per_second)],
    ['Backlog', system.lag === 0 ? 'ok' : 'pending', lagText(system.lag)],
    ['Delivery time (p99)', 'rules', system.latency_p99_ms === null ? '–' : shortText(system.latency_p99_ms)],
    ['Series held', 'rules', grouped(system.series)],
    ['Messages in memory', system.waiting > 0 ? 'pending' : 'ok', grouped(system.waiting)],
  ];
  return (
    <dl class="figures figures-five">
      {figures.map(([word, kind, text]) => (
        <div key={word} class="figure" data-kind={kind}>
          <dt>{word}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Evaluators are distinguished by a letter and a colour. */
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const coloursCount = 6;

interface Owner {
  readonly letter: string;
  readonly colour: number;
  readonly name: string;
}

function ownersOf(instances: readonly InstanceView[]): ReadonlyMap<string, Owner> {
  const evaluating = instances.filter(evaluates);
  return new Map(
    evaluating.map(({ id, name }, index) => [
      id,
      { letter: letters[index % letters.length]!, colour: index % coloursCount, name },
    ]),
  );
}

function Partitions({ system }: { readonly system: SystemView }) {
  const owners = ownersOf(system.instances);
  const most = Math.max(1, ...system.partitions.map(({ lag }) => lag ?? 0));
  return (
    <section class={`card ${css.systemCard}`}>
      <div class="section-head">
        <h2>Metric partitions</h2>
        <p class="hint">Backlog and evaluator of each.</p>
      </div>
      <ul class={css.tiles} data-live>
        {system.partitions.map((partition) => (
          <Tile
            key={partition.partition}
            partition={partition}
            owner={owners.get(partition.instance ?? '')}
            most={most}
          />
        ))}
      </ul>
      <PartitionTable partitions={system.partitions} owners={owners} />
    </section>
  );
}

interface TileProps {
  readonly partition: PartitionView;
  readonly owner: Owner | undefined;
  readonly most: number;
}

function Tile({ partition: { partition, lag, head }, owner, most }: TileProps) {
  const isEmpty = head === 0;
  const kind = owner === undefined ? 'orphan' : (lag ?? 0) > 0 ? 'behind' : isEmpty ? 'empty' : 'ok';
  return (
    <li
      class={css.tile}
      data-part="tile"
      data-kind={kind}
      title={owner === undefined ? 'No evaluator' : `Evaluated by ${owner.name}`}
    >
      <span class={css.tileName}>
        <span class="visually-hidden">Partition </span>
        {partition}
      </span>
      <span class={css.tileOwner} data-line={owner?.colour}>
        <span class="visually-hidden">, owner </span>
        {owner?.letter ?? '–'}
      </span>
      <b>
        <span class="visually-hidden">, backlog </span>
        {lag === null ? '?' : grouped(lag)}
      </b>
      <i aria-hidden="true" style={{ width: `${Math.round(((lag ?? 0) / most) * 100)}%` }} />
    </li>
  );
}

function PartitionTable(props: {
  readonly partitions: readonly PartitionView[];
  readonly owners: ReadonlyMap<string, Owner>;
}) {
  const { partitions, owners } = props;
  const shown = (value: number | null): string => (value === null ? 'unknown' : grouped(value));
  return (
    <TableTwin label="partitions of metrics" heads={['Partition', 'Owner', 'Evaluated up to', 'Head', 'Backlog']}>
      {partitions.map(({ partition, instance, position, head, lag }) => (
        <tr key={partition}>
          <th scope="row">{partition}</th>
          <td>{owners.get(instance ?? '')?.name ?? 'none'}</td>
          <td>{shown(position)}</td>
          <td>{shown(head)}</td>
          <td>{shown(lag)}</td>
        </tr>
      ))}
    </TableTwin>
  );
}

const stateMarks: Record<InstanceView['state'], ShownState> = { live: 'live', silent: 'silent', ended: 'stopped' };

function Instances({ instances }: { readonly instances: readonly InstanceView[] }) {
  const owners = ownersOf(instances);
  return (
    <section class={`card ${css.systemCard}`}>
      <h2>Processes</h2>
      <ul class={css.instances} data-live>
        {instances.map((instance) => (
          <Instance key={instance.id} instance={instance} owner={owners.get(instance.id)} />
        ))}
      </ul>
    </section>
  );
}

function Instance({ instance, owner }: { readonly instance: InstanceView; readonly owner: Owner | undefined }) {
  const { name, parts, version, state, partitions, webhook_partitions: webhooks } = instance;
  const facts: [string, string][] = [['Version', version]];
  if (state === 'live') facts.push(['Up for', durationText(nowMs.value - instance.started_ms)]);
  else facts.push(['Last seen', agoText(nowMs.value - instance.heard_ms)]);
  if (owner !== undefined && state === 'live') {
    facts.push(['Partitions', `${partitions.length} of metrics, ${webhooks.length} of messages`]);
    if (instance.samples_per_second !== null) facts.push(['Samples per second', rateText(instance.samples_per_second)]);
    if ((instance.parked ?? 0) > 0) facts.push(['Paused webhooks', String(instance.parked)]);
    if (instance.held_back_ms > 0)
      facts.push(['Blocked by Discord', `for another ${durationText(instance.held_back_ms)}`]);
  }
  if (instance.problems.length > 0 && state === 'live') facts.push(['Health', instance.problems.join('; ')]);
  return (
    <li class={css.instance} data-state={state}>
      <div class={css.instanceHead}>
        <StateMark state={stateMarks[state]} />
        {owner !== undefined && (
          <span class={css.tileOwner} data-line={owner.colour} title="The letter of its partitions">
            {owner.letter}
          </span>
        )}
        <b class="part-metric">{name}</b>
        <span class="hint" title={momentText(instance.started_ms)}>
          {parts.join(', ')}
        </span>
      </div>
      <dl>
        {facts.map(([word, text]) => (
          <div key={word}>
            <dt>{word}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </li>
  );
}

/** The outcome of samples, in the terms of those who send them. */
const outcomeWords: Readonly<Record<string, string>> = {
  evaluated: 'evaluated',
  late: 'evaluated, though late',
  damaged: 'in a damaged batch',
  no_key: 'without a name',
  bad_name: 'with an invalid name',
  tombstone: 'without a value',
  too_large: 'too large',
  bad_utf8: 'not UTF-8',
  bad_json: 'not JSON',
  not_an_object: 'no JSON object',
  missing_value: 'without a number',
  bad_value: 'with an invalid value',
  bad_tags: 'with invalid tags',
  bad_timestamp: 'with an invalid time',
  too_many_series: 'of new series, over the limit',
  misplaced: 'in a wrong partition',
};

/** What is wrong besides skipped samples. */
function wrongs(system: SystemView): [what: string, count: number][] {
  const skewed = (what: string, { first, ...all }: SystemView['series_ahead']): [string, number] => {
    const names = first.map(({ series, seconds }) => `${series} by ${durationText(seconds * 1_000)}`);
    return [`${what}: ${names.join(', ')}`, all.count];
  };
  return [
    ['metrics in a wrong partition: set their writer to murmur2', system.misrouted_metrics],
    ['rules whose newest record cannot be read: the last good version is evaluated', system.rules_unreadable],
    skewed('series whose clock is ahead', system.series_ahead),
    skewed('series that arrive late', system.series_behind),
  ];
}

function Skipped({ system }: { readonly system: SystemView }) {
  const rows = Object.entries(system.samples).toSorted(([, a], [, b]) => b - a);
  const isSkipped = (outcome: string): boolean => outcome !== 'evaluated' && outcome !== 'late';
  const skipped = rows.filter(([outcome]) => isSkipped(outcome)).reduce((sum, [, samples]) => sum + samples, 0);
  return (
    <section class={`card ${css.systemCard}`}>
      <div class="section-head">
        <h2>Sample processing</h2>
        <p class="hint">{skipped === 0 ? 'No samples' : count(skipped, 'sample', 'samples')} skipped since start.</p>
      </div>
      <dl class={css.outcomes}>
        {rows.map(([outcome, samples]) => (
          <div
            key={outcome}
            class={isSkipped(outcome) ? `${css.outcome} ${css.outcomeBad}` : css.outcome}
            data-part="outcome"
          >
            <dt>{outcomeWords[outcome] ?? outcome}</dt>
            <dd>{grouped(samples)}</dd>
          </div>
        ))}
        {wrongs(system).map(
          ([what, number]) =>
            number > 0 && (
              <div key={what} class={`${css.outcome} ${css.outcomeBad}`} data-part="outcome">
                <dt>{what}</dt>
                <dd>{grouped(number)}</dd>
              </div>
            ),
        )}
      </dl>
    </section>
  );
}
