// B1: reading alone. 144-byte records, about 1,000 a batch, checksums on, plain and compressed: what a client takes to hand over each
// record's key and value. From a real broker, whose own time does not count.
import assert from 'node:assert/strict';
import { coldNsPerRecord, describeConsumed, nsPerRecord, rate } from './support/consumers.ts';
import type { SpanFigures } from './support/measured-span.ts';
import { withBroker, withLog } from './support/metrics-load.ts';
import { pairsOf, type Options } from './support/options.ts';
import { ratios, runPairs } from './support/pairs.ts';
import { buildC, javaCommand, nodeCommand, runSubject, runToEnd } from './support/processes.ts';
import { assertRandomKeys, keysIn } from './support/random-keys.ts';
import type { Result } from './support/result.ts';
import { bootstrap } from './support/statistics.ts';

interface Read extends SpanFigures {
  readonly checksum: number;
}

const partitions = 20;
const goals: Readonly<Record<string, Result['goal']>> = {
  kafkajs: { atLeast: 8 },
  platformatic: { atLeast: 4 },
  // At most 0.65 times its CPU.
  librdkafka: { atLeast: 1 / 0.65 },
};

export async function consuming(options: Options): Promise<Result[]> {
  const { records, from, until } = options.isShort
    ? { records: 150_000, from: 30_000, until: 120_000 }
    : { records: 2_500_000, from: 800_000, until: 2_000_000 };
  const names = options.isShort ? 2_000 : 20_000;
  const codecs = options.isShort ? ['zstd'] : ['none', 'lz4', 'zstd'];
  return withBroker(async ({ bootstrap: servers }) => {
    const results: Result[] = [];
    for (const codec of codecs) {
      const topic = `bench-${codec}`;
      await withLog(servers, async (log) => {
        await log.ensureTopics([{ name: topic, partitions, cleanup: 'delete' }]);
        await runToEnd(javaCommand('WideLoad', servers, topic, records, names, codec));
        // Of one partition's names there are too few in the short load to tell.
        if (!options.isShort) assertRandomKeys(await keysIn(log, topic, 0));
      });
      const args = [servers, topic, records, from, until] as const;
      const c = buildC('librdkafka-consumer', ['-lrdkafka']);
      const subjects: Record<string, () => Promise<Read>> = {
        ours: () => runSubject(nodeCommand('subjects/consume.ts', ...args)),
        kafkajs: () => runSubject(nodeCommand('peers/kafkajs-consume.ts', ...args)),
        platformatic: () => runSubject(nodeCommand('peers/platformatic-consume.ts', ...args)),
      };
      if (c !== undefined) subjects['librdkafka'] = () => runSubject([c, ...args.map(String)]);
      const runs = await runPairs(
        {
          scenario: `B1 ${codec}`,
          pairs: pairsOf(options, 10),
          subjects,
          describe: describeConsumed,
        },
        options,
      );
      equalWork(records, runs);
      results.push(...rows(codec, runs));
    }
    return results;
  });
}

function equalWork(records: number, runs: Readonly<Record<string, readonly Read[]>>): void {
  const { checksum } = runs['ours']![0]!;
  for (const [name, reads] of Object.entries(runs)) {
    for (const read of reads)
      assert.deepEqual({ records: read.records, checksum: read.checksum }, { records, checksum }, `${name} read else`);
  }
}

function rows(codec: string, runs: Readonly<Record<string, readonly Read[]>>): Result[] {
  const ours = runs['ours']!.map(nsPerRecord);
  return Object.entries(runs).flatMap(([name, reads]): Result[] => {
    const theirs = reads.map(nsPerRecord);
    const label = `${codec}: ${name}`;
    const isFloor = name === 'ours' && codec === 'none';
    const what = { scenario: 'B1', unit: 'ns' };
    return [
      { ...what, what: `${label}, CPU a record`, value: bootstrap(theirs), ...(isFloor && { goal: { atMost: 290 } }) },
      ...(name === 'ours'
        ? []
        : [
            {
              scenario: 'B1',
              what: `${label} / ours`,
              value: bootstrap(ratios(theirs, ours)),
              unit: 'x',
              goal: goals[name]!,
            },
          ]),
      { ...what, what: `${label}, cold: CPU a record`, value: bootstrap(reads.map(coldNsPerRecord)) },
      { scenario: 'B1', what: `${label}, by the wall clock`, value: bootstrap(reads.map(rate)), unit: 'M/s' },
    ];
  });
}
