// B9: what the guarantees cost. On: notifications, then states, then the position, each acknowledged before the next. Off: a claim of the
// benchmark's own says that everything is done at once. And what Kafka Streams pays for its own.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  consumers,
  describeConsumed,
  nsPerRecord,
  peerTopic,
  rate,
  type Consumed,
  type ConsumedLoad,
} from './support/consumers.ts';
import { detect, type Detected } from './support/detection-run.ts';
import { onSubjectCore } from './support/host.ts';
import { forgetWhatWasWritten, prepareLoad, withBroker, withLog } from './support/metrics-load.ts';
import { pairsOf, type Options } from './support/options.ts';
import { ratios, runPairs } from './support/pairs.ts';
import { nodeCommand, start } from './support/processes.ts';
import { quantile, quantileRows } from './support/quantiles.ts';
import type { Result } from './support/result.ts';
import { bootstrap } from './support/statistics.ts';

const names = 10_000;
type Mode = 'on' | 'off';

export async function guarantees(options: Options): Promise<Result[]> {
  const sizes = options.isShort
    ? { records: 500_000, from: 100_000, until: 450_000 }
    : { records: 8_000_000, from: 2_000_000, until: 7_000_000 };
  return withBroker(async (kafka) => {
    const load: ConsumedLoad = { bootstrap: kafka.bootstrap, rules: names, ...sizes };
    await prepareLoad(load);
    await withLog(load.bootstrap, (log) => log.ensureTopics([peerTopic]));
    return [...(await throughput(load, options)), ...(await latency(load.bootstrap, options))];
  });
}

async function throughput(load: ConsumedLoad, options: Options): Promise<Result[]> {
  const ours = async (mode: Mode): Promise<Consumed> => {
    await forgetWhatWasWritten(load.bootstrap);
    return mode === 'on' ? consumers.ours(load) : consumers.oursLoose(load);
  };
  const subjects: Record<string, () => Promise<Consumed>> = { on: () => ours('on'), off: () => ours('off') };
  if (!options.isShort) {
    subjects['streamsAtLeastOnce'] = () => consumers.streamsAtLeastOnce(load);
    subjects['streamsExactlyOnce'] = () => consumers.streamsExactlyOnce(load);
  }
  const runs = await runPairs(
    { scenario: 'B9', pairs: pairsOf(options, 6), subjects, describe: describeConsumed },
    options,
  );
  const { fired, places } = runs['on']![0]!;
  assert.ok(fired > 0, 'nothing fired: there was no work');
  for (const [name, all] of Object.entries(runs)) {
    for (const found of all)
      assert.deepEqual({ fired: found.fired, places: found.places }, { fired, places }, `${name} found other alarms`);
  }
  const slower = (on: string, off: string, of: (found: Consumed) => number): number[] =>
    ratios(runs[off]!.map(of), runs[on]!.map(of));
  const rows: Result[] = [
    { scenario: 'B9', what: 'guarantees on, by the wall clock', value: bootstrap(runs['on']!.map(rate)), unit: 'M/s' },
    {
      scenario: 'B9',
      what: 'rate with guarantees off / on',
      value: bootstrap(slower('on', 'off', rate)),
      unit: 'x',
      goal: { atMost: 1.05 },
    },
    {
      scenario: 'B9',
      what: 'CPU a record with guarantees on / off',
      value: bootstrap(slower('off', 'on', nsPerRecord)),
      unit: 'x',
    },
  ];
  if (options.isShort) return rows;
  const value = bootstrap(slower('streamsExactlyOnce', 'streamsAtLeastOnce', rate));
  return [...rows, { scenario: 'B9', what: "Kafka Streams' rate at least once / exactly once", value, unit: 'x' }];
}

/** From when a sample is due to its notification in the log, in an open loop. */
async function latency(servers: string, options: Options): Promise<Result[]> {
  const shape = {
    bootstrap: servers,
    names,
    perSecond: 5_000,
    alarmsPerSecond: 50,
    seconds: options.isShort ? 2 : 12,
  };
  const measure = (mode: Mode) => async (): Promise<Detected> => {
    await forgetWhatWasWritten(servers, 'next');
    const ears = start(nodeCommand('subjects/notification-ears.ts', servers));
    const subject = start(onSubjectCore(nodeCommand('subjects/evaluate-instance.ts', servers, mode)));
    try {
      await Promise.all([ears.next(), subject.next()]);
      subject.tell('go');
      await sleep(2_000);
      return await detect(shape, ears);
    } finally {
      await subject.end();
      await ears.end('SIGKILL');
    }
  };
  const describe = ({ latenciesMs }: Detected): string =>
    `p50 ${quantile(latenciesMs, 0.5).toFixed(1)} p99 ${quantile(latenciesMs, 0.99).toFixed(1)} ms of ${latenciesMs.length}`;
  const subjects = { on: measure('on'), off: measure('off') };
  const runs = await runPairs({ scenario: 'B9 latency', pairs: pairsOf(options, 4), subjects, describe }, options);
  for (const { missing } of [...runs.on, ...runs.off]) assert.equal(missing, 0, 'alarms are missing');
  const p99 = (found: Detected): number => quantile(found.latenciesMs, 0.99);
  const all = (mode: Mode): number[] => runs[mode].flatMap(({ latenciesMs }) => [...latenciesMs]);
  return [
    ...quantileRows('B9', 'sample due to notification in the log, guarantees on', all('on')),
    ...quantileRows('B9', 'sample due to notification in the log, guarantees off', all('off')),
    {
      scenario: 'B9',
      what: 'p99 with guarantees on, less that without',
      value: bootstrap(runs.on.map((found, pair) => p99(found) - p99(runs.off[pair]!))),
      unit: 'ms',
      goal: { atMost: 5 },
    },
  ];
}
