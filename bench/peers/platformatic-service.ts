// A service on @platformatic/kafka's own consumer stream. Arguments: BOOTSTRAP TOPIC RECORDS RULES.
import { Consumer, stringDeserializer } from '@platformatic/kafka';
import { CrossingRules, finish, started } from './crossing-rules.ts';

const [bootstrap, topic, recordsText, rulesText] = process.argv.slice(2) as [string, string, string, string];
const records = Number(recordsText);
const rules = new CrossingRules(Number(rulesText));
const consumer = new Consumer({
  clientId: 'peer',
  groupId: `peer-${process.pid}-${Date.now()}`,
  bootstrapBrokers: [bootstrap],
  autocommit: false,
  deserializers: { key: stringDeserializer, value: stringDeserializer },
});
const stream = await consumer.consume({
  topics: [topic],
  mode: 'earliest',
  maxBytes: 50 * 1024 * 1024,
  highWaterMark: 16_384,
});
let seen = 0;
let begun: ReturnType<typeof started> | undefined;
stream.on('data', (message) => {
  begun ??= started();
  seen++;
  const { value } = JSON.parse(message.value) as { value: number };
  rules.judge(message.key, value, Number(message.offset) * 20 + message.partition);
  if (seen >= records) finish(begun, seen, rules);
});
