// A service on @platformatic/kafka's own consumer stream. Arguments: BOOTSTRAP TOPIC RECORDS FROM UNTIL RULES.
import { Consumer, stringDeserializer } from '@platformatic/kafka';
import { MeasuredSpan } from '../support/measured-span.ts';
import { CrossingRules, finish } from './crossing-rules.ts';

const [bootstrap, topic, ...numbers] = process.argv.slice(2) as [string, string, ...string[]];
const [records, from, until, ruleCount] = numbers.map(Number) as [number, number, number, number];
const rules = new CrossingRules(ruleCount);
const span = new MeasuredSpan(from, until);
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
stream.on('data', (message) => {
  seen++;
  const { value } = JSON.parse(message.value) as { value: number };
  rules.judge(message.key, value, Number(message.offset) * 20 + message.partition);
  if (seen >= span.next) span.reached(seen);
  if (seen >= records) finish(span.figures(seen), rules);
});
