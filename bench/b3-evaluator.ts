// B3: the evaluator on a real broker, 20 partitions, 10,000 rules, random keys, against its peers. CPU time a record.
import assert from 'node:assert/strict';
import {
  coldNsPerRecord,
  consumers,
  describeConsumed,
  nsPerRecord,
  peerTopic,
  rate,
  type Consumed,
  type ConsumedLoad,
} from './support/consumers.ts';
import { forgetWhatWasWritten, prepareLoad, withBroker, withLog } from './support/metrics-load.ts';
import { pairsOf, type Options } from './support/options.ts';
import { ratios, runPairs } from './support/pairs.ts';
import { bootstrap } from './support/statistics.ts';
import type { Result } from './support/result.ts';

type Name = keyof typeof consumers;

const shortPeers: readonly Name[] = ['kafkajs', 'javaRaw'];
const allPeers: readonly Name[] = [
  'kafkajs',
  'platformatic',
  'javaRaw',
  'javaJackson',
  'streamsAtLeastOnce',
  'streamsExactlyOnce',
];

export async function evaluatorOnKafka(options: Options): Promise<Result[]> {
  const sizes = options.isShort
    ? { records: 500_000, from: 100_000, until: 450_000 }
    : // Until the compilers are done: at a million records a second or three, that is two seconds and some.
      { records: 12_000_000, from: 5_000_000, until: 11_000_000 };
  return withBroker(async (kafka) => {
    const load: ConsumedLoad = { bootstrap: kafka.bootstrap, rules: 10_000, ...sizes };
    await prepareLoad(load);
    await withLog(load.bootstrap, (log) => log.ensureTopics([peerTopic]));
    const peers = options.isShort ? shortPeers : allPeers;
    const runs = await runPairs(
      {
        scenario: 'B3',
        pairs: pairsOf(options, 10),
        subjects: {
          ours: async () => {
            await forgetWhatWasWritten(load.bootstrap);
            return consumers.ours(load);
          },
          ...Object.fromEntries(peers.map((peer) => [peer, () => consumers[peer](load)])),
        } as Record<Name, () => Promise<Consumed>>,
        describe: describeConsumed,
      },
      options,
    );
    equalWork(runs);
    return results(runs, peers);
  });
}

/** No time counts before all found the same alarms at the same places. The raw consumer finds none: it only hands over. */
function equalWork(runs: Record<Name, readonly Consumed[]>): void {
  const { fired, places } = runs.ours[0]!;
  assert.ok(fired > 0, 'nothing fired: there was no work');
  for (const [name, consumed] of Object.entries(runs)) {
    for (const found of name === 'javaRaw' ? [] : consumed) {
      const theirs = { fired: found.fired, places: found.places };
      assert.deepEqual(theirs, { fired, places }, `${name} found other alarms than ours`);
    }
  }
}

const ratioGoals: Partial<Record<Name, number>> = { kafkajs: 10, streamsExactlyOnce: 8, javaRaw: 2 };

function results(runs: Record<Name, readonly Consumed[]>, peers: readonly Name[]): Result[] {
  const ours = runs.ours.map(nsPerRecord);
  const context = (name: Name): Result[] => [
    {
      scenario: 'B3',
      what: `${name}, cold: CPU a record from the start of the process`,
      value: bootstrap(runs[name].map(coldNsPerRecord)),
      unit: 'ns',
    },
    { scenario: 'B3', what: `${name}, by the wall clock`, value: bootstrap(runs[name].map(rate)), unit: 'M/s' },
  ];
  return [
    { scenario: 'B3', what: 'ours, CPU a record', value: bootstrap(ours), unit: 'ns', goal: { atMost: 250 } },
    ...context('ours'),
    ...peers.flatMap((peer): Result[] => {
      const theirs = runs[peer].map(nsPerRecord);
      const goal = ratioGoals[peer];
      return [
        { scenario: 'B3', what: `${peer}, CPU a record`, value: bootstrap(theirs), unit: 'ns' },
        {
          scenario: 'B3',
          what: `${peer} / ours`,
          value: bootstrap(ratios(theirs, ours)),
          unit: 'x',
          ...(goal !== undefined && { goal: { atLeast: goal } }),
        },
        ...context(peer),
      ];
    }),
  ];
}
