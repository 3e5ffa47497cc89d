// B3: the evaluator on a real broker, 20 partitions, 10,000 rules, random keys, against its peers. CPU time a record.
import assert from 'node:assert/strict';
import { Admin } from '@platformatic/kafka';
import { startKafka } from '../test/support/kafka/kafka-broker.ts';
import { createLogger } from '../src/base/logger.ts';
import { evaluateGroup } from '../src/evaluate/evaluate.ts';
import { openKafkaLog } from '../src/log/kafka/kafka-log.ts';
import { topics } from '../src/topics.ts';
import { consumers, produceLoad, type Consumed, type Load } from './support/consume-run.ts';
import { bootstrap } from './support/statistics.ts';
import type { Result } from './support/result.ts';

const ruleCount = 10_000;
const written = [topics.alarms.name, topics.notifications.name, topics.deliveries.name];

export async function evaluatorOnKafka(isShort: boolean): Promise<Result[]> {
  const kafka = await startKafka({ properties: { 'log.retention.ms': '-1' } });
  try {
    const load: Load = {
      bootstrap: kafka.bootstrap,
      topic: topics.metrics.name,
      records: isShort ? 1_000_000 : 8_000_000,
      rules: ruleCount,
    };
    await writeRules(load.bootstrap);
    await produceLoad(load);
    const peers = isShort
      ? (['kafkajs', 'javaRaw'] as const)
      : (['kafkajs', 'platformatic', 'javaRaw', 'javaJackson', 'streamsAtLeastOnce', 'streamsExactlyOnce'] as const);
    const pairs = isShort ? 1 : 10;
    const runs = new Map<string, Consumed[]>();
    for (let pair = 0; pair < pairs; pair++) {
      // ABBA: what drifts with time meets both.
      const order = ['ours' as const, ...peers];
      for (const name of pair % 2 === 0 ? order : order.toReversed()) {
        if (name === 'ours') await forgetWhatWasWritten(load.bootstrap);
        const consumed = await consumers[name](load);
        runs.set(name, [...(runs.get(name) ?? []), consumed]);
        console.error(
          `B3 ${name}: ${nsPerRecord(consumed).toFixed(0)} ns/record, ${((consumed.records * 1e3) / consumed.wallNs).toFixed(2)} M/s`,
        );
      }
    }
    equalWork(runs);
    return results(runs, peers);
  } finally {
    await kafka.stop();
  }
}

function nsPerRecord({ cpuNs, records }: Consumed): number {
  return cpuNs / records;
}

/** No time counts before all found the same alarms at the same places. The raw consumer finds none: it only hands over. */
function equalWork(runs: ReadonlyMap<string, readonly Consumed[]>): void {
  const [ours] = runs.get('ours')!;
  for (const [name, consumed] of runs) {
    for (const { fired, places } of name === 'javaRaw' ? [] : consumed) {
      assert.deepEqual(
        { fired, places },
        { fired: ours!.fired, places: ours!.places },
        `${name} found other alarms than ours`,
      );
    }
  }
}

const ratioGoals: Partial<Record<string, number>> = { kafkajs: 10, streamsExactlyOnce: 8, javaRaw: 2 };

function results(runs: ReadonlyMap<string, readonly Consumed[]>, peers: readonly string[]): Result[] {
  const ours = runs.get('ours')!.map(nsPerRecord);
  return [
    { scenario: 'B3', what: 'ours, CPU a record', value: bootstrap(ours), unit: 'ns', goal: { atMost: 250 } },
    ...peers.flatMap((peer): Result[] => {
      const theirs = runs.get(peer)!.map(nsPerRecord);
      const goal = ratioGoals[peer];
      return [
        { scenario: 'B3', what: `${peer}, CPU a record`, value: bootstrap(theirs), unit: 'ns' },
        {
          scenario: 'B3',
          what: `${peer} / ours`,
          value: bootstrap(theirs.map((value, pair) => value / ours[pair]!)),
          unit: 'x',
          ...(goal !== undefined && { goal: { atLeast: goal } }),
        },
      ];
    }),
  ];
}

async function writeRules(bootstrapServers: string): Promise<void> {
  const log = await openKafkaLog({
    bootstrap: bootstrapServers,
    clientId: 'bench',
    logger: createLogger('warn', 'bench'),
  });
  await log.ensureTopics(Object.values(topics));
  const records = Array.from({ length: ruleCount }, (_, index) => {
    const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
    const url = `https://discord.com/api/webhooks/123456789012345678/${'a'.repeat(68)}`;
    const rule = { id, metric_name: `cpu-usage-server-${index}`, threshold: 90, discord_webhook_url: url };
    return { key: Buffer.from(id), value: Buffer.from(JSON.stringify(rule)), timestampMs: Date.now() };
  });
  await log.append(topics.rules.name, records);
  await log.close();
}

/** Each round begins where the first did: what ours wrote is gone, and so is its group's position. */
async function forgetWhatWasWritten(bootstrapServers: string): Promise<void> {
  const admin = new Admin({ clientId: 'bench', bootstrapBrokers: [bootstrapServers] });
  await admin.deleteTopics({ topics: written });
  await admin.deleteGroups({ groups: [evaluateGroup] }).catch(() => {});
  await admin.close();
  const log = await openKafkaLog({
    bootstrap: bootstrapServers,
    clientId: 'bench',
    logger: createLogger('silent', 'bench'),
  });
  await log.ensureTopics(Object.values(topics));
  // A group without a position begins ten minutes back, and the load may be older: so it is given one.
  const stop = new AbortController();
  let positioned = 0;
  await log.process(
    topics.metrics.name,
    evaluateGroup,
    async (claim) => {
      await claim.commit(0);
      if (++positioned === topics.metrics.partitions) stop.abort();
      await new Promise((resolve) => claim.signal.addEventListener('abort', resolve));
    },
    stop.signal,
  );
  await log.close();
}
