// What judging allocates when nothing happens: batches of 1,000 samples inside of their rules, through PartitionEvaluator.evaluateChunk.
// Run with a young generation so large that nothing is collected meanwhile: then the heap has grown by what was allocated.
import { PartitionEvaluator } from '../../src/evaluate/partition-evaluator.ts';
import { encodeBatch, setBaseOffset } from '../../src/log/batch.ts';
import { RuleBook } from '../../src/rule/rule-book.ts';
import { metricName } from '../support/metric-name.ts';
import { randomNumbers } from '../support/random.ts';
import { ruleRecord } from '../support/rule-record.ts';

const rules = 10_000;
const batchRecords = 1_000;
// Until the optimizing compiler has done its work, on a busy machine too: before, numbers are boxed.
const warmBatches = 15_000;
const timedBatches = 3_000;
const chance = randomNumbers(9);
const book = new RuleBook();
for (let index = 0; index < rules; index++) {
  const { key, value } = ruleRecord(index);
  book.apply({ key, value, partition: 0, offset: index });
}
const evaluator = new PartitionEvaluator(book);
const batches = Array.from({ length: 100 }, () =>
  encodeBatch(
    Array.from({ length: batchRecords }, () => ({
      key: Buffer.from(metricName(Math.floor(chance() * rules))),
      value: Buffer.from(`{"value": ${(chance() * 80).toFixed(2)}}`),
      timestampMs: Date.now(),
    })),
  ),
);
let offset = 0;
let judged = 0;
const count = (_outcome: unknown, records: number): void => void (judged += records);

function run(times: number): void {
  for (let index = 0; index < times; index++) {
    const batch = batches[index % batches.length]!;
    setBaseOffset(batch, offset);
    const nextOffset = offset + batchRecords;
    evaluator.evaluateChunk(
      { partition: 0, batches: [batch], firstOffset: offset, nextOffset, headOffset: nextOffset },
      count,
    );
    evaluator.drain();
    offset = nextOffset;
  }
}

run(warmBatches);
// The buffers that the batches were made of are freed after the first collection, by another thread: they are not looked at.
globalThis.gc?.();
globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
run(timedBatches);
const after = process.memoryUsage().heapUsed;
if (judged !== offset) throw new Error('not all was judged');
console.log(JSON.stringify({ bytesPerRecord: (after - before) / (timedBatches * batchRecords) }));
