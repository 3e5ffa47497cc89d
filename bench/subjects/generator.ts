// The open loop's generator: samples at random times over random names, among them some that cross their rule's threshold. Its
// first seconds are not counted: connections open then, and code is compiled.
// Arguments: BOOTSTRAP RATE SECONDS ALARMS_PER_SECOND FIRST_ALARM NAMES. An alarm's value is alarmValue + its number, so that
// whoever hears of it can be told which one it was. Prints when each was due, and how late the sends were.
import { createLogger } from '../../src/base/logger.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import type { NewRecord } from '../../src/log/record.ts';
import { topics } from '../../src/topics.ts';
import { alarmValue, type Generated } from '../support/detection.ts';
import { goFirst } from '../support/host.ts';
import { metricName } from '../support/metric-name.ts';
import { nowNs, poissonTimes, runOpenLoop } from '../support/open-loop.ts';
import { randomNumbers } from '../support/random.ts';

const warmSeconds = 2;
const [bootstrap, ...numbers] = process.argv.slice(2) as [string, ...string[]];
const [perSecond, seconds, alarmsPerSecond, firstAlarm, names] = numbers.map(Number) as [
  number,
  number,
  number,
  number,
  number,
];
const log = await openKafkaLog({ bootstrap, clientId: 'load', logger: createLogger('silent', 'load') });
const keys = Array.from({ length: names }, (_, index) => Buffer.from(metricName(index)));
const ordinary = Array.from({ length: 900 }, (_, tenths) => Buffer.from(`{"value": ${(tenths / 10).toFixed(1)}}`));
const chance = randomNumbers(firstAlarm + 1);
const times = poissonTimes({ perSecond, seconds: warmSeconds + seconds, seed: firstAlarm + 2 });
const alarms: [number, number][] = [];
const pending = new Set<Promise<unknown>>();
let failures = 0;

function recordDue(event: number, beginNs: number): NewRecord {
  const timestampMs = Date.now();
  if (chance() * perSecond >= alarmsPerSecond) {
    const value = ordinary[Math.floor(chance() * ordinary.length)]!;
    return { key: keys[Math.floor(chance() * names)]!, value, timestampMs };
  }
  // Each alarm has a name of its own, as long as there are enough of them: it fires, whatever came before.
  const number = firstAlarm + alarms.length;
  alarms.push([number, beginNs + times[event]!]);
  return { key: keys[number % names]!, value: Buffer.from(`{"value": ${alarmValue + number}}`), timestampMs };
}

goFirst();
await log.append(topics.metrics.name, [{ key: keys[0]!, value: ordinary[0]!, timestampMs: Date.now() }]);
const beginNs = nowNs() + 50e6;
const lateness = await runOpenLoop(times, { beginNs, countFromNs: warmSeconds * 1e9 }, (from, to) => {
  const records: NewRecord[] = [];
  for (let event = from; event < to; event++) records.push(recordDue(event, beginNs));
  const appended = log
    .append(topics.metrics.name, records)
    .catch(() => failures++)
    .finally(() => pending.delete(appended));
  pending.add(appended);
});
await Promise.all(pending);
await log.close();
const counted = alarms.filter(([, dueNs]) => dueNs >= beginNs + warmSeconds * 1e9);
console.log(JSON.stringify({ alarms: counted, lateness, failures } satisfies Generated));
process.exit(0);
