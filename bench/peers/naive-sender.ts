// The sender that one writes first: KafkaJS, a message for each alarm as soon as it fires, and on a 429 a wait for `retry_after` and
// another try, three times in all. Arguments: BOOTSTRAP TOPIC RULES DISCORD_API_BASE WEBHOOKS STORM (alarms, of which the rest are
// bystanders). Prints a line when it has its partitions.
import { Kafka, logLevel } from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { webhookOf } from '../support/storm.ts';
import { CrossingRules } from './crossing-rules.ts';

const [bootstrap, topic, ruleCount, apiBase, webhooks, stormCount] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const triesMax = 3;
const shape = { webhooks: Number(webhooks), alarmsOfEach: Number(stormCount) / Number(webhooks) };
const rules = new CrossingRules(Number(ruleCount));
const agent = new Agent({ keepAliveTimeout: 60_000, connections: 100 });
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({ groupId: `naive-${process.pid}-${Date.now()}`, minBytes: 1, maxWaitTimeInMs: 500 });
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: false });
consumer.on(consumer.events.GROUP_JOIN, () => void setTimeout(() => console.log('{"ready":true}'), 2_000));
process.once('SIGTERM', () => process.exit(0));

async function post(index: number, name: string, value: number): Promise<void> {
  const ruleId = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
  const fields = Object.entries({
    'Rule id': ruleId,
    'Metric name': name,
    'Metric value': value,
    'Rule threshold': 90,
  });
  const embed = {
    title: 'Alarm triggered',
    description: `${name} is ${value} which exceeds the rule threshold (90)`,
    fields: fields.map(([field, text]) => ({ name: field, value: String(text) })),
  };
  const path = new URL(webhookOf(index, shape)).pathname.replace('/api', '');
  for (let tries = 1; tries <= triesMax; tries++) {
    const answer = await request(`${apiBase}${path}`, {
      method: 'POST',
      dispatcher: agent,
      headers: { 'content-type': 'application/json', 'user-agent': 'DiscordBot (https://example.org, 1)' },
      body: JSON.stringify({ embeds: [embed] }),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 429) return;
    const { retry_after: seconds = 1 } = text.startsWith('{') ? (JSON.parse(text) as { retry_after?: number }) : {};
    await sleep(seconds * 1_000);
  }
}

await consumer.run({
  autoCommit: false,
  partitionsConsumedConcurrently: 20,
  async eachBatch({ batch }) {
    for (const message of batch.messages) {
      const name = message.key!.toString();
      const { value } = JSON.parse(message.value!.toString()) as { value: number };
      const before = rules.fired;
      rules.judge(name, value, 0);
      if (rules.fired > before) post(Number(name.split('-').at(-1)), name, value).catch(() => {});
    }
  },
});
