// @platformatic/kafka's own consumer stream, reading alone: BOOTSTRAP TOPIC RECORDS FROM UNTIL.
import { Consumer } from '@platformatic/kafka';
import { recordChecksum } from '../support/checksum.ts';
import { MeasuredSpan } from '../support/measured-span.ts';

const [bootstrap, topic, ...numbers] = process.argv.slice(2) as [string, string, ...string[]];
const [records, from, until] = numbers.map(Number) as [number, number, number];
const span = new MeasuredSpan(from, until);
const consumer = new Consumer({
  clientId: 'peer',
  groupId: `peer-${process.pid}-${Date.now()}`,
  bootstrapBrokers: [bootstrap],
  autocommit: false,
});
const stream = await consumer.consume({
  topics: [topic],
  mode: 'earliest',
  maxBytes: 50 * 1024 * 1024,
  highWaterMark: 16_384,
});
let seen = 0;
let checksum = 0;
stream.on('data', ({ key, value }) => {
  seen++;
  checksum += recordChecksum(key, value);
  if (seen >= span.next) span.reached(seen);
  if (seen < records) return;
  console.log(JSON.stringify({ ...span.figures(seen), checksum }));
  process.exit(0);
});
