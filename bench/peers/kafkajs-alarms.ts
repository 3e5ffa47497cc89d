// The service that one writes first: KafkaJS, rules in a Map, and a POST as soon as a threshold is crossed. Nothing of it
// survives a crash. Arguments: BOOTSTRAP TOPIC RULES DISCORD [GROUP]. Alone it prints a line when it has its partitions; with a group
// that it shares it commits, is ready when it is connected, and joins when it is told to `go`.
import { Kafka, logLevel } from 'kafkajs';
import { Agent, request } from 'undici';
import { onCommand } from '../support/commands.ts';
import { CrossingRules } from './crossing-rules.ts';

const [bootstrap, topic, ruleCount, discord, group] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string?,
];
const rules = new CrossingRules(Number(ruleCount));
const agent = new Agent({ keepAliveTimeout: 60_000 });
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
const groupId = group ?? `peer-${process.pid}-${Date.now()}`;
const consumer = kafka.consumer({ groupId, minBytes: 1, maxWaitTimeInMs: 500 });
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: false });
const tellReady = (): void => console.log(JSON.stringify({ ready: true }));
if (group === undefined) consumer.on(consumer.events.GROUP_JOIN, () => void setTimeout(tellReady, 2_000));
else {
  const go = new Promise<void>((resolve) => onCommand({ go: resolve }));
  tellReady();
  await go;
}
process.once('SIGTERM', () => {
  // It leaves its group, so that the others need not wait for its session to end.
  consumer.disconnect().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});

async function post(name: string, value: number): Promise<void> {
  const embed = {
    title: 'Alarm triggered',
    description: `${name} is ${value} which exceeds the rule threshold (90)`,
    fields: [{ name: 'Metric value', value: String(value) }],
  };
  const answer = await request(`${discord}/webhooks/1/token`, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ embeds: [embed] }),
  });
  await answer.body.dump();
}

await consumer.run({
  autoCommit: group !== undefined,
  partitionsConsumedConcurrently: 20,
  async eachBatch({ batch }) {
    for (const message of batch.messages) {
      const name = message.key!.toString();
      const { value } = JSON.parse(message.value!.toString()) as { value: number };
      const before = rules.fired;
      rules.judge(name, value, 0);
      if (rules.fired > before) post(name, value).catch(() => {});
    }
  },
});
