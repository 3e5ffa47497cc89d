// B10: one instance and two, and partitions that move between them. First what a record costs when two instances share the load; then, in
// an open loop, what an alarm waits for when a second instance joins, and when it leaves.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '../src/topics.ts';
import { detect, type Detected } from './support/detection-run.ts';
import { nsPerRecord } from './support/consumers.ts';
import { onSubjectCore } from './support/host.ts';
import type { Moment } from './support/measured-span.ts';
import { forgetWhatWasWritten, prepareLoad, withBroker, withLog } from './support/metrics-load.ts';
import { pairsOf, type Options } from './support/options.ts';
import { ratios, runPairs } from './support/pairs.ts';
import { nodeCommand, start, type BenchProcess } from './support/processes.ts';
import { quantile } from './support/quantiles.ts';
import type { Result } from './support/result.ts';
import { bootstrap } from './support/statistics.ts';
import { verdictOf, type Verdict } from './support/verdict.ts';

const names = 10_000;

export async function instances(options: Options): Promise<Result[]> {
  return withBroker(async (kafka) => {
    const sizes = options.isShort
      ? { records: 500_000, from: 100_000, until: 450_000 }
      : { records: 8_000_000, from: 3_000_000, until: 7_000_000 };
    await prepareLoad({ bootstrap: kafka.bootstrap, rules: names, records: sizes.records });
    const shared = await sharedLoad(kafka.bootstrap, sizes, options);
    return [...shared, ...(await movesInFlight(kafka.bootstrap, options))];
  });
}

interface Sizes {
  readonly records: number;
  readonly from: number;
  readonly until: number;
}

interface Shared {
  /** Of all instances together. */
  readonly warm: Moment;
  readonly verdict: Verdict;
}

async function sharedLoad(servers: string, sizes: Sizes, options: Options): Promise<Result[]> {
  const subjects = { one: () => consumeWith(1, servers, sizes), two: () => consumeWith(2, servers, sizes) };
  const describe = (found: Shared): string =>
    `${nsPerRecord(found).toFixed(0)} ns/record, ${found.verdict.fired} alarms, ${found.verdict.copies} copies`;
  const runs = await runPairs({ scenario: 'B10', pairs: pairsOf(options, 6), subjects, describe }, options);
  const { fired, places } = runs.one[0]!.verdict;
  assert.ok(fired > 0, 'nothing fired: there was no work');
  // What is judged twice has the same id, and counts once: equal verdicts are none missed and none doubled.
  for (const { verdict } of [...runs.one, ...runs.two])
    assert.deepEqual({ fired: verdict.fired, places: verdict.places }, { fired, places }, 'alarms lost, or doubled');
  const [one, two] = [runs.one.map(nsPerRecord), runs.two.map(nsPerRecord)];
  return [
    { scenario: 'B10', what: 'one instance, CPU a record', value: bootstrap(one), unit: 'ns' },
    { scenario: 'B10', what: 'two instances, CPU a record of both', value: bootstrap(two), unit: 'ns' },
    { scenario: 'B10', what: 'two / one', value: bootstrap(ratios(two, one)), unit: 'x', goal: { atMost: 1.1 } },
  ];
}

async function consumeWith(count: number, servers: string, { records, from, until }: Sizes): Promise<Shared> {
  await forgetWhatWasWritten(servers);
  const running = Array.from({ length: count }, () =>
    start(onSubjectCore(nodeCommand('subjects/evaluate-instance.ts', servers))),
  );
  try {
    for (const instance of running) await instance.next();
    for (const instance of running) instance.tell('go');
    const begun = await reached(running, from);
    const ended = await reached(running, until);
    // A partition that moves has some records judged twice: so it is read until the positions say that all are done.
    await reached(running, records);
    for (const instance of running) await instance.end();
    const warm = {
      records: ended.records - begun.records,
      cpuNs: ended.cpuNs - begun.cpuNs,
      wallNs: ended.wallNs - begun.wallNs,
    };
    return { warm, verdict: await withLog(servers, verdictOf) };
  } finally {
    for (const instance of running) await instance.end('SIGKILL');
  }
}

/** The sum of all instances when they have come so far. */
async function reached(running: readonly BenchProcess[], records: number): Promise<Moment> {
  for (;;) {
    let sum: Moment = { records: 0, cpuNs: 0, wallNs: 0 };
    for (const instance of running) {
      instance.tell('take');
      const at = await instance.next<Moment>();
      sum = { records: sum.records + at.records, cpuNs: sum.cpuNs + at.cpuNs, wallNs: Math.max(sum.wallNs, at.wallNs) };
    }
    if (sum.records >= records) return sum;
    await sleep(20);
  }
}

async function movesInFlight(servers: string, options: Options): Promise<Result[]> {
  const shape = {
    bootstrap: servers,
    names,
    perSecond: 4_000,
    alarmsPerSecond: 200,
    seconds: options.isShort ? 5 : 16,
    // A KafkaJS member hears at its next heartbeat that another one left.
    settleMs: options.isShort ? 4_000 : 8_000,
  };
  const discord = start(nodeCommand('subjects/fake-discord.ts'));
  try {
    const { url } = await discord.next<{ url: string }>();
    const moves = async (ears: BenchProcess, command: () => readonly string[]): Promise<Detected> => {
      const [first, second] = [start(onSubjectCore(command())), start(onSubjectCore(command()))];
      try {
        await Promise.all([first.next(), second.next()]);
        first.tell('go');
        await sleep(3_000);
        // Two seconds of the generator are not counted; the second one then joins, and leaves.
        return await detect(shape, ears, async () => {
          await sleep(4_000);
          second.tell('go');
          await sleep((shape.seconds * 1_000) / 2);
          second.signal('SIGTERM');
        });
      } finally {
        for (const instance of [first, second]) await instance.end();
      }
    };
    const subjects: Record<string, () => Promise<Detected>> = {
      ours: async () => {
        await forgetWhatWasWritten(servers, 'next');
        const ears = start(nodeCommand('subjects/notification-ears.ts', servers));
        try {
          await ears.next();
          return await moves(ears, () => nodeCommand('subjects/evaluate-instance.ts', servers));
        } finally {
          await ears.end('SIGKILL');
        }
      },
    };
    if (!options.isShort) {
      subjects['KafkaJS group'] = () => {
        const group = `peer-${Date.now()}`;
        return moves(discord, () =>
          nodeCommand('peers/kafkajs-alarms.ts', servers, topics.metrics.name, names, url, group),
        );
      };
    }
    const describe = (found: Detected): string =>
      `p50 ${quantile(found.latenciesMs, 0.5).toFixed(1)} max ${Math.max(...found.latenciesMs).toFixed(0)} ms of ${found.latenciesMs.length}, ` +
      `${found.missing} missing, ${found.doubled} doubled, ${found.copies} copies`;
    const runs = await runPairs({ scenario: 'B10 moves', pairs: pairsOf(options, 4), subjects, describe }, options);
    return Object.entries(runs).flatMap(([name, found]) => moveRows(name, found));
  } finally {
    await discord.end();
  }
}

function moveRows(name: string, runs: readonly Detected[]): Result[] {
  const isOurs = name === 'ours';
  const gaps = runs.map(({ latenciesMs }) => Math.max(...latenciesMs) - quantile(latenciesMs, 0.5));
  const counted = (what: string, of: (one: Detected) => number): Result => ({
    scenario: 'B10',
    what: `${name}: ${what}, worst round`,
    value: { median: Math.max(...runs.map(of)), low: 0, high: Math.max(...runs.map(of)) },
    unit: '',
    ...(isOurs && { goal: { atMost: 0 } }),
  });
  return [
    {
      scenario: 'B10',
      what: `${name}: gap of a move, the longest that an alarm waited beyond the median`,
      value: bootstrap(gaps),
      unit: 'ms',
      ...(isOurs && { goal: { atMost: 500 } }),
    },
    counted('alarms missed', ({ missing }) => missing),
    counted('alarms doubled', ({ doubled }) => doubled),
  ];
}
