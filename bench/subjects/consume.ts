// Ours, reading alone: the production fetcher, checksums checked, batches unpacked, every record's key and value found. Arguments:
// BOOTSTRAP TOPIC RECORDS FROM UNTIL.
import { createLogger } from '../../src/base/logger.ts';
import { RecordSpans, scanBatch } from '../../src/log/batch.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { MeasuredSpan } from '../support/measured-span.ts';

const [bootstrap, topic, ...numbers] = process.argv.slice(2) as [string, string, ...string[]];
const [records, from, until] = numbers.map(Number) as [number, number, number];
const span = new MeasuredSpan(from, until);
const spans = new RecordSpans();
const log = await openKafkaLog({ bootstrap, clientId: 'bench', logger: createLogger('warn', 'bench') });
const stop = new AbortController();
let seen = 0;
let checksum = 0;

/** As bench/support/checksum.ts, in place. */
function checksumOf(batch: Uint8Array): number {
  const { keyEnd, valueStart, valueEnd } = spans;
  let sum = 0;
  for (let index = 0; index < spans.count; index++) {
    const start = valueStart[index]!;
    sum += batch[keyEnd[index]! - 1]! + batch[start + 12]! + (valueEnd[index]! - start);
  }
  return sum;
}

await log.process(
  topic,
  `bench-${process.pid}-${Date.now()}`,
  async (claim) => {
    for await (const { batches, firstOffset, nextOffset } of claim.read(0)) {
      for (const batch of batches) {
        scanBatch(batch, spans, firstOffset, nextOffset);
        checksum += checksumOf(batch);
        seen += spans.count;
      }
      span.reached(seen);
      if (seen >= records) stop.abort();
    }
  },
  stop.signal,
);
console.log(JSON.stringify({ ...span.figures(seen), checksum }));
process.exit(0);
