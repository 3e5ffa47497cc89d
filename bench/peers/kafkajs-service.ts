// A service on KafkaJS at its best documented settings: eachBatch, no commit. Arguments: BOOTSTRAP TOPIC RECORDS FROM UNTIL RULES.
// It decodes a whole answer before it hands over the first record, so it is counted between its fetches, where nothing is
// decoded ahead: the moment before the first one would be too late, and in the middle of one part of the work is already done.
import { Kafka, logLevel } from 'kafkajs';
import { MeasuredSpan } from '../support/measured-span.ts';
import { CrossingRules, finish } from './crossing-rules.ts';

const [bootstrap, topic, ...numbers] = process.argv.slice(2) as [string, string, ...string[]];
const [records, from, until, ruleCount] = numbers.map(Number) as [number, number, number, number];
const rules = new CrossingRules(ruleCount);
const span = new MeasuredSpan(from, until);
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({
  groupId: `peer-${process.pid}-${Date.now()}`,
  maxBytes: 50 * 1024 * 1024,
  maxBytesPerPartition: 4 * 1024 * 1024,
});
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
let seen = 0;
consumer.on(consumer.events.FETCH_START, () => span.reached(seen));
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: true,
  partitionsConsumedConcurrently: 20,
  async eachBatch({ batch }) {
    for (const message of batch.messages) {
      seen++;
      const { value } = JSON.parse(message.value!.toString()) as { value: number };
      rules.judge(message.key!.toString(), value, Number(message.offset) * 20 + batch.partition);
    }
    if (seen >= records) finish(span.figures(seen), rules);
  },
});
