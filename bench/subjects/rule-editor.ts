// An open loop of rule edits: BOOTSTRAP RATE SECONDS RULES PROBE. Each edit is a whole rule with another description; one in a hundred can be
// told by it. Prints when each of these was acknowledged, and how late the edits were sent.
import { createLogger } from '../../src/base/logger.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import type { NewRecord } from '../../src/log/record.ts';
import { topics } from '../../src/topics.ts';
import type { Edited } from '../support/rule-edits.ts';
import { nowNs, poissonTimes, runOpenLoop } from '../support/open-loop.ts';
import { randomNumbers } from '../support/random.ts';
import { ruleRecord } from '../support/rule-record.ts';

const probeEvery = 100;
const [bootstrap, rateText, secondsText, rulesText, probeText] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const log = await openKafkaLog({ bootstrap, clientId: 'editor', logger: createLogger('silent', 'editor') });
await log.partitionCount(topics.rules.name);
const times = poissonTimes({ perSecond: Number(rateText), seconds: Number(secondsText), seed: 5 });
const chance = randomNumbers(6);
const answered: [string, number][] = [];
const pending = new Set<Promise<unknown>>();
let failures = 0;
const lateness = await runOpenLoop(times, { beginNs: nowNs() + 50e6, countFromNs: 1e9 }, (from, to) => {
  const edits: NewRecord[] = [];
  const probes: string[] = [];
  for (let event = from; event < to; event++) {
    const isProbe = event % probeEvery === 0;
    const description = `${isProbe ? probeText : 'edit'}-${event}`;
    if (isProbe) probes.push(description);
    edits.push(ruleRecord(Math.floor(chance() * Number(rulesText)), { description }));
  }
  const appended = log
    .append(topics.rules.name, edits)
    .then(
      () => answered.push(...probes.map((probe): [string, number] => [probe, nowNs()])),
      () => failures++,
    )
    .finally(() => pending.delete(appended));
  pending.add(appended);
});
await Promise.all(pending);
await log.close();
console.log(JSON.stringify({ answered, lateness, failures, edits: times.length } satisfies Edited));
process.exit(0);
