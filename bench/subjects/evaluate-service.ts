// Ours, by production entry points: the rules followed from their topic, the evaluator on the group's partitions, from where the group
// stands to the end of the load. Arguments: BOOTSTRAP RECORDS FROM UNTIL [loose]. The verdict is read afterwards from what was
// written to `notifications`. Loose: see loose-claim.ts.
import { systemClock } from '../../src/base/clock.ts';
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
import { LooseAppends } from './loose-claim.ts';
import { watchedLog } from './watched-log.ts';

const [bootstrap, recordsText, fromText, untilText, mode] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string?,
];
const records = Number(recordsText);
const logger = createLogger('warn', 'bench');
const span = new MeasuredSpan(Number(fromText), Number(untilText));
const stop = new AbortController();
const loose = new LooseAppends();
/** Where each partition stands, and how far that is in all: one that was begun further on counts as done up to there. */
const positions = new Map<number, number>();
let done = 0;
const kafka = await openKafkaLog({ bootstrap, clientId: 'bench', logger });
const log = watchedLog(kafka, {
  worked({ partition, nextOffset }) {
    done += nextOffset - (positions.get(partition) ?? 0);
    positions.set(partition, nextOffset);
    span.reached(done);
    if (done >= records) stop.abort();
  },
  ...(mode === 'loose' && { claim: (claim) => loose.claim(claim, kafka) }),
});
await log.ensureTopics(Object.values(topics));
const [health, meter] = [new Health(), new Meter()];
const rules = createRules({ log, health, meter, logger });
const running = [
  rules.service.run(stop.signal),
  createEvaluate({ log, clock: systemClock, rules: rules.feed, health, meter, logger }).run(stop.signal),
];
// Aborted when the last chunk has been worked on; what follows from it is acknowledged before these resolve.
await Promise.all(running);
await loose.settled();
const figures = span.figures(done);
finish(figures, await verdictOf(kafka));
