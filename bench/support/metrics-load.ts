// The load that the evaluator and its peers read from a real broker: 20 partitions, about 22-byte keys drawn at random from as
// many names as there are rules, values of 15 bytes that walk at random and cross the rules' threshold now and then.
import { Admin } from '@platformatic/kafka';
import { createLogger } from '../../src/base/logger.ts';
import { evaluateGroup } from '../../src/evaluate/evaluate.ts';
import { notifyGroup } from '../../src/notify/notify.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import type { Log } from '../../src/log/log.ts';
import { topics } from '../../src/topics.ts';
import { startKafka, type Kafka } from '../../test/support/kafka/kafka-broker.ts';
import { javaCommand, runToEnd } from './processes.ts';
import { assertRandomKeys, keysIn } from './random-keys.ts';
import { ruleRecord } from './rule-record.ts';

export interface Load {
  readonly bootstrap: string;
  readonly records: number;
  readonly rules: number;
}

const rulesAtOnce = 10_000;
const written = [topics.alarms.name, topics.notifications.name, topics.deliveries.name];

/** A broker for the length of `work`, on the core that is not the subject's. */
export async function withBroker<Value>(work: (kafka: Kafka) => Promise<Value>): Promise<Value> {
  const kafka = await startKafka({ properties: { 'log.retention.ms': '-1' } });
  try {
    return await work(kafka);
  } finally {
    await kafka.stop();
  }
}

export async function withLog<Value>(bootstrap: string, work: (log: Log) => Promise<Value>): Promise<Value> {
  const log = await openKafkaLog({ bootstrap, clientId: 'bench', logger: createLogger('silent', 'bench') });
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

/** Makes the topics, and a rule for each name. */
export async function prepareRules(
  log: Log,
  rules: number,
  changesOf: (index: number) => Readonly<Record<string, unknown>> = () => ({}),
): Promise<void> {
  await log.ensureTopics(Object.values(topics));
  for (let from = 0; from < rules; from += rulesAtOnce) {
    const count = Math.min(rulesAtOnce, rules - from);
    const records = Array.from({ length: count }, (_, index) => ruleRecord(from + index, changesOf(from + index)));
    await log.append(topics.rules.name, records);
  }
}

/** Makes the topics and writes rules and records. Fails unless the records' keys are random. */
export async function prepareLoad(load: Load): Promise<void> {
  await withLog(load.bootstrap, async (log) => {
    await prepareRules(log, load.rules);
    await runToEnd(javaCommand('Load', load.bootstrap, topics.metrics.name, load.records, load.rules, 'none'));
    assertRandomKeys(await keysIn(log, topics.metrics.name, 0));
  });
}

/** Each round begins where the first did: what ours wrote is gone, and its groups stand at the beginning of `metrics`, or its end. */
export async function forgetWhatWasWritten(bootstrap: string, beginAt: 'first' | 'next' = 'first'): Promise<void> {
  const admin = new Admin({ clientId: 'bench', bootstrapBrokers: [bootstrap] });
  await admin.deleteTopics({ topics: written });
  for (const group of [evaluateGroup, notifyGroup]) await admin.deleteGroups({ groups: [group] }).catch(() => {});
  await admin.close();
  await withLog(bootstrap, async (log) => {
    await log.ensureTopics(Object.values(topics));
    // A group without a position begins ten minutes back, and the load may be older: so it is given one.
    const stop = new AbortController();
    let positioned = 0;
    await log.process(
      topics.metrics.name,
      evaluateGroup,
      async (claim) => {
        await claim.commit((await log.bounds(topics.metrics.name, claim.partition))[beginAt]);
        if (++positioned === topics.metrics.partitions) stop.abort();
        await new Promise((resolve) => claim.signal.addEventListener('abort', resolve));
      },
      stop.signal,
    );
  });
}
