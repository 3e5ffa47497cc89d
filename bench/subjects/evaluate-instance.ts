// Ours, one instance of several, by production entry points: BOOTSTRAP [off]. It is ready when it has read the rules, joins its group when it
// is told to `go`, tells how far it has come when it is told to `take`, and of `edits` when they were in force, and gives its partitions back at SIGTERM. Off: see loose-claim.ts.
import { systemClock } from '../../src/base/clock.ts';
import { Health } from '../../src/base/health.ts';
import { createLogger } from '../../src/base/logger.ts';
import { Meter } from '../../src/base/meter.ts';
import { createEvaluate } from '../../src/evaluate/evaluate.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { createRules } from '../../src/rules/rules.ts';
import { topics } from '../../src/topics.ts';
import { onCommand } from '../support/commands.ts';
import { momentAt } from '../support/measured-span.ts';
import { nowNs } from '../support/open-loop.ts';
import { probePrefix, type InForce } from '../support/rule-edits.ts';
import { LooseAppends } from './loose-claim.ts';
import { watchedLog } from './watched-log.ts';

const [bootstrap, guarantees] = process.argv.slice(2) as [string, string?];
const logger = createLogger('warn', 'bench');
let judged = 0;
const loose = new LooseAppends();
const kafka = await openKafkaLog({ bootstrap, clientId: 'bench', logger });
const log = watchedLog(kafka, {
  worked(chunk) {
    judged += chunk.nextOffset - chunk.firstOffset;
  },
  ...(guarantees === 'off' && { claim: (claim) => loose.claim(claim, kafka) }),
});
await log.ensureTopics(Object.values(topics));
const [health, meter] = [new Health(), new Meter()];
const rules = createRules({ log, health, meter, logger });
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const following = rules.service.run(stop.signal);
await rules.feed.caughtUp;
const go = Promise.withResolvers<void>();
const inForce: [string, number][] = [];
rules.feed.subscribe((change) => {
  const description = change.kind === 'set' ? change.entry.rule.description : undefined;
  if (description?.startsWith(probePrefix)) inForce.push([description, nowNs()]);
});
onCommand({
  go: () => go.resolve(),
  take: () => console.log(JSON.stringify(momentAt(judged))),
  edits: () => console.log(JSON.stringify({ inForce } satisfies InForce)),
});
console.log(JSON.stringify({ ready: true }));
await Promise.race([go.promise, new Promise((resolve) => stop.signal.addEventListener('abort', resolve))]);
await Promise.all([
  following,
  createEvaluate({ log, clock: systemClock, rules: rules.feed, health, meter, logger }).run(stop.signal),
]);
await log.close();
process.exit(0);
