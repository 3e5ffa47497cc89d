// Ours, by production entry points: the rules followed from their topic, the evaluator on the group's partitions.
// Arguments: BOOTSTRAP RECORDS FROM UNTIL. The verdict is read afterwards from what it wrote to `notifications`.
import { Health } from '../../src/base/health.ts';
import { createLogger } from '../../src/base/logger.ts';
import { Meter } from '../../src/base/meter.ts';
import { createEvaluate } from '../../src/evaluate/evaluate.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { createRules } from '../../src/rules/rules.ts';
import { topics } from '../../src/topics.ts';
import { finish } from '../peers/crossing-rules.ts';
import { MeasuredSpan } from '../support/measured-span.ts';
import { verdictOf } from '../support/verdict.ts';
import { watchedLog } from './watched-log.ts';

const [bootstrap, ...numbers] = process.argv.slice(2) as [string, ...string[]];
const [records, from, until] = numbers.map(Number) as [number, number, number];
const logger = createLogger('warn', 'bench');
const span = new MeasuredSpan(from, until);
const stop = new AbortController();
let judged = 0;
const kafka = await openKafkaLog({ bootstrap, clientId: 'bench', logger });
const log = watchedLog(kafka, {
  worked(chunk) {
    judged += chunk.nextOffset - chunk.firstOffset;
    span.reached(judged);
    if (judged >= records) stop.abort();
  },
});
await log.ensureTopics(Object.values(topics));
const [health, meter] = [new Health(), new Meter()];
const rules = createRules({ log, health, meter, logger });
const running = [
  rules.service.run(stop.signal),
  createEvaluate({ log, rules: rules.feed, health, meter, logger }).run(stop.signal),
];
// Aborted when the last chunk has been worked on; what follows from it is acknowledged before these resolve.
await Promise.all(running);
const figures = span.figures(judged);
finish(figures, await verdictOf(kafka));
