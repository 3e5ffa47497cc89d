// A service on KafkaJS at its best documented settings: eachBatch, no commit. Arguments: BOOTSTRAP TOPIC RECORDS RULES.
import { Kafka, logLevel } from 'kafkajs';
import { CrossingRules, finish, started } from './crossing-rules.ts';

const [bootstrap, topic, recordsText, rulesText] = process.argv.slice(2) as [string, string, string, string];
const records = Number(recordsText);
const rules = new CrossingRules(Number(rulesText));
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({
  groupId: `peer-${process.pid}-${Date.now()}`,
  maxBytes: 50 * 1024 * 1024,
  maxBytesPerPartition: 4 * 1024 * 1024,
});
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
let seen = 0;
let begun: ReturnType<typeof started> | undefined;
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: true,
  partitionsConsumedConcurrently: 20,
  async eachBatch({ batch }) {
    begun ??= started();
    for (const message of batch.messages) {
      seen++;
      const { value } = JSON.parse(message.value!.toString()) as { value: number };
      rules.judge(message.key!.toString(), value, Number(message.offset) * 20 + batch.partition);
    }
    if (seen >= records) finish(begun, seen, rules);
  },
});
