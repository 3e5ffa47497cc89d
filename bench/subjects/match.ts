// Ours, matching: rules in the book, batches of 1,000 events through PartitionEvaluator.evaluateChunk, what follows drained. Arguments:
// RULES SETS EVENTS_FILE. Warm: each series has been seen, and all events once.
import { parseNotification } from '../../src/alarm/notification.ts';
import { PartitionEvaluator } from '../../src/evaluate/partition-evaluator.ts';
import { SeriesBudget } from '../../src/evaluate/series-budget.ts';
import { encodeBatch, setBaseOffset } from '../../src/log/batch.ts';
import type { RecordChunk } from '../../src/log/record.ts';
import { RuleBook } from '../../src/rule/rule-book.ts';
import {
  eachSeries,
  lookedAt,
  matchThreshold,
  readEvents,
  ruleOn,
  type Matched,
  type MatchEvent,
} from '../support/match-load.ts';
import { heldBytes } from '../support/memory.ts';
import { ruleRecord } from '../support/rule-record.ts';

const [rulesText, setsText, file] = process.argv.slice(2) as [string, string, string];
const [rules, sets] = [Number(rulesText), Number(setsText)];
const batchRecords = 1_000;
const timedPasses = 4;
const timestampMs = Date.now();

const records = Array.from({ length: rules }, (_, series) => {
  const { metric, tags } = ruleOn(series, sets);
  return ruleRecord(series, { metric_name: metric, tags, threshold: matchThreshold, trigger: 'every_sample' });
});
const emptyBytes = await heldBytes();
const book = new RuleBook();
const beganMs = performance.now();
for (const [offset, { key, value }] of records.entries()) book.apply({ key, value, partition: 0, offset });
const buildMs = performance.now() - beganMs;
const bytesPerRule = ((await heldBytes()) - emptyBytes) / rules;
records.length = 0;

const evaluator = new PartitionEvaluator(book, new SeriesBudget(rules));
const batches = (await readEvents(file)).reduce<MatchEvent[][]>(gather, []).map(batchOf);
let offset = 0;
let outcomes = 0;

function gather(all: MatchEvent[][], event: MatchEvent): MatchEvent[][] {
  if (all.length === 0 || all.at(-1)!.length === batchRecords) all.push([]);
  all.at(-1)!.push(event);
  return all;
}

function batchOf(events: readonly MatchEvent[]): Uint8Array {
  return encodeBatch(
    events.map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value), timestampMs })),
  );
}

function evaluate(batch: Uint8Array, count: number): ReturnType<PartitionEvaluator['drain']> {
  setBaseOffset(batch, offset);
  const chunk: RecordChunk = {
    partition: 0,
    batches: [batch],
    firstOffset: offset,
    nextOffset: offset + count,
    headOffset: offset + count,
  };
  offset += count;
  evaluator.evaluateChunk(chunk, (_outcome, many) => (outcomes += many));
  return evaluator.drain();
}

let gathered: MatchEvent[] = [];
for (const event of eachSeries(rules)) {
  gathered.push(event);
  if (gathered.length < batchRecords) continue;
  evaluate(batchOf(gathered), gathered.length);
  gathered = [];
}
const found: Record<string, { matched: number; places: number }> = {};
const beginOffset = offset;
let matched = 0;
let places = 0;
/** What resolves is written, too. */
let written = 0;
for (const batch of batches) {
  for (const { value } of evaluate(batch, batchRecords).notifications) {
    const notification = parseNotification(value!);
    if ('problem' in notification) throw new Error(notification.problem);
    written++;
    if (notification.kind !== 'fired') continue;
    matched++;
    places += notification.sample.offset - beginOffset;
  }
  const events = offset - beginOffset;
  if (lookedAt.includes(events)) found[events] = { matched, places };
}
const cpu = process.cpuUsage();
let drained = 0;
for (let pass = 0; pass < timedPasses; pass++) {
  for (const batch of batches) drained += evaluate(batch, batchRecords).notifications.length;
}
const { user, system } = process.cpuUsage(cpu);
if (drained !== written * timedPasses || outcomes !== offset) throw new Error('a pass found something else');
const nsPerEvent = ((user + system) * 1_000) / (timedPasses * batches.length * batchRecords);
console.log(JSON.stringify({ nsPerEvent, buildMs, bytesPerRule, found } satisfies Matched));
process.exit(0);
