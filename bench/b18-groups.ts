// B18: rules on groups. 100,000 series of one metric, each sample recomputes its group's value: a sum by service, a ratio of two
// sums, a share of members. The same series in few large groups and in many small ones show that the cost does not depend on the
// number of members. The peer is Prometheus, which evaluates the same sum over all series every 15 s, the interval of the samples.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PartitionEvaluator } from '../src/evaluate/partition-evaluator.ts';
import { SeriesBudget } from '../src/evaluate/series-budget.ts';
import { encodeBatch, setBaseOffset } from '../src/log/batch.ts';
import { RuleBook } from '../src/rule/rule-book.ts';
import { freePorts } from '../test/support/kafka/kafka-broker.ts';
import { onSubjectCore } from './support/host.ts';
import { heldBytes } from './support/memory.ts';
import type { Options } from './support/options.ts';
import { start } from './support/processes.ts';
import { randomNumbers } from './support/random.ts';
import { once, type Result } from './support/result.ts';
import { ruleRecord } from './support/rule-record.ts';
import { bootstrap } from './support/statistics.ts';

const metric = 'requests';
const batchRecords = 1_000;
const sampleEveryMs = 15_000;
const fewGroups = 100;
/** Rules whose value stays on one side of their threshold: what is measured is the evaluation, not alarms. */
const rules = {
  'no group': {},
  'sum by service': { group_by: ['service'], aggregate: 'sum' },
  'average by service': { group_by: ['service'], aggregate: 'average' },
  'max by service': { group_by: ['service'], aggregate: 'max' },
  'share_where by service': {
    group_by: ['service'],
    aggregate: 'share_where',
    aggregate_where: { operator: '>', threshold: 90 },
  },
  'ratio of two sums by service': {
    group_by: ['service'],
    aggregate: 'sum',
    tags: { status: { like: '5*' } },
    divide_by: { tags: {} },
  },
} as const satisfies Record<string, object>;
type RuleName = keyof typeof rules;
const grouped = (Object.keys(rules) as RuleName[]).filter((name) => name !== 'no group');
const goalNs = 400;
/** Debian's package. */
const peer = 'prometheus';

export async function groupsOfSeries({ isShort }: Options): Promise<Result[]> {
  const series = isShort ? 2_000 : 100_000;
  const rounds = isShort ? 2 : 4;
  const [few, many] = [batchesOf(series, fewGroups), batchesOf(series, series / 10)];
  const results: Result[] = [];
  const plainBytes = await bytesPerSeries('no group', few, series);
  for (const name of grouped) {
    const [own, extra, growth]: number[][] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      const plain = nsPerSample('no group', few, series);
      const large = nsPerSample(name, few, series);
      own!.push(large);
      extra!.push(large - plain);
      growth!.push(large / nsPerSample(name, many, series));
    }
    const say = (what: string): Pick<Result, 'scenario' | 'what'> => ({ scenario: 'B18', what: `${name}: ${what}` });
    const where = `${series} series at random, ${fewGroups} groups`;
    results.push(
      { ...say(`a sample, ${where}`), value: bootstrap(own!), unit: 'ns', goal: { atMost: goalNs } },
      { ...say('of these for the group'), value: bootstrap(extra!), unit: 'ns' },
      {
        ...say(`${series / fewGroups} members / 10 members`),
        value: bootstrap(growth!),
        unit: 'x',
        goal: { atMost: 1.5 },
      },
      {
        ...say('bytes a series for the group'),
        value: once((await bytesPerSeries(name, few, series)) - plainBytes),
        unit: 'B',
      },
    );
  }
  return [...results, ...(isShort ? [] : await prometheusSum(series, rounds))];
}

interface Load {
  /** One sample of every series. */
  readonly first: readonly Uint8Array[];
  /** Samples of series drawn at random. */
  readonly next: readonly Uint8Array[];
}

function batchesOf(series: number, groups: number): Load {
  const chance = randomNumbers(18);
  const record = (index: number, timestampMs: number) => ({
    key: Buffer.from(metric),
    value: Buffer.from(
      `{"value": ${(chance() * 80).toFixed(2)}, "tags": {"host": "host-${index}", "service": "service-${index % groups}", "status": "${index % 7 === 0 ? 500 : 200}"}}`,
    ),
    timestampMs,
  });
  const beganMs = Date.now();
  const batch = (pick: (index: number) => number, timestampMs: number): Uint8Array =>
    encodeBatch(Array.from({ length: batchRecords }, (_, index) => record(pick(index), timestampMs)));
  return {
    first: Array.from({ length: series / batchRecords }, (_, at) =>
      batch((index) => at * batchRecords + index, beganMs),
    ),
    next: Array.from({ length: (series / batchRecords) * 2 }, () =>
      batch(() => Math.floor(chance() * series), beganMs + sampleEveryMs),
    ),
  };
}

function evaluatorOf(name: RuleName, series: number): PartitionEvaluator {
  const book = new RuleBook();
  const { key, value } = ruleRecord(0, { metric_name: metric, threshold: 1e12, ...rules[name] });
  book.apply({ key, value, partition: 0, offset: 0 });
  const evaluator = new PartitionEvaluator(book, new SeriesBudget(2 * series, 2 * series));
  evaluator.place = { partition: 0, owns: () => true };
  return evaluator;
}

/** Returns the next offset. Throws unless every record was evaluated. */
function take(evaluator: PartitionEvaluator, batches: readonly Uint8Array[], from: number): number {
  let offset = from;
  let evaluated = 0;
  for (const batch of batches) {
    setBaseOffset(batch, offset);
    const nextOffset = offset + batchRecords;
    evaluator.evaluateChunk(
      { partition: 0, batches: [batch], firstOffset: offset, nextOffset, headOffset: nextOffset },
      (outcome, records) => void (evaluated += outcome === 'evaluated' ? records : 0),
    );
    evaluator.drain();
    offset = nextOffset;
  }
  if (evaluated !== offset - from) throw new Error(`${evaluated} of ${offset - from} records were evaluated`);
  return offset;
}

function nsPerSample(name: RuleName, { first, next }: Load, series: number): number {
  const evaluator = evaluatorOf(name, series);
  const offset = take(evaluator, next, take(evaluator, first, 0));
  const begin = process.cpuUsage();
  const end = take(evaluator, next, offset);
  const { user, system } = process.cpuUsage(begin);
  return ((user + system) * 1_000) / (end - offset);
}

async function bytesPerSeries(name: RuleName, { first }: Load, series: number): Promise<number> {
  const emptyBytes = await heldBytes();
  const evaluator = evaluatorOf(name, series);
  take(evaluator, first, 0);
  const bytes = (await heldBytes()) - emptyBytes;
  // Held until here.
  evaluator.close();
  return bytes / series;
}

/** CPU time of Prometheus for one evaluation of the sum, over the number of series. Left out where it is not installed. */
async function prometheusSum(series: number, rounds: number): Promise<Result[]> {
  if (spawnSync(peer, ['--version']).error) return [];
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-prometheus-'));
  const lines = Array.from(
    { length: series },
    (_, index) => `requests{host="host-${index}",service="service-${index % fewGroups}"} ${index % 97}\n`,
  ).join('');
  const exporter = createServer((_request, response) => response.end(lines));
  await new Promise<void>((resolve) => exporter.listen(0, '127.0.0.1', resolve));
  const [port] = (await freePorts(1)) as [number];
  const target = `127.0.0.1:${(exporter.address() as AddressInfo).port}`;
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `scrape_configs: [{ job_name: load, scrape_interval: 1m, scrape_timeout: 30s, static_configs: [{ targets: ['${target}'] }] }]\n`,
  );
  const prometheus = start(
    onSubjectCore([
      peer,
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]),
  );
  const ask = async (query: string): Promise<unknown[]> => {
    const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`;
    const answer = (await (await fetch(url)).json()) as { data?: { result?: unknown[] } };
    return answer.data?.result ?? [];
  };
  try {
    const sum = 'sum by (service) (requests)';
    for (let tries = 0; (await ask(sum).catch(() => [])).length < fewGroups; tries++) {
      if (tries > 120) throw new Error('Prometheus has not scraped its target within a minute');
      await sleep(500);
    }
    const found: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = cpuNs(prometheus.pid);
      const times = 10;
      for (let index = 0; index < times; index++) await ask(sum);
      found.push((cpuNs(prometheus.pid) - before) / times / series);
    }
    const what = 'Prometheus: one evaluation of the sum by service, for each series';
    return [{ scenario: 'B18', what, value: bootstrap(found), unit: 'ns' }];
  } finally {
    await prometheus.end();
    exporter.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** proc(5): utime and stime are the fields 14 and 15, in ticks of 10 ms. */
function cpuNs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 1e7;
}
