// The bare two hops: append, fetch, append, fetch, with the client that the product has, over the same load: it reads all of
// `metrics`, appends each alarm's sample to another topic, and notes when that one comes out. Argument: BOOTSTRAP.
import { createLogger } from '../../src/base/logger.ts';
import { recordsOf } from '../../src/log/batch.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import type { Claim } from '../../src/log/log.ts';
import { topics } from '../../src/topics.ts';
import { onCommand } from '../support/commands.ts';
import { alarmValue, type Arrivals } from '../support/detection.ts';
import { nowNs } from '../support/open-loop.ts';

const [bootstrap] = process.argv.slice(2) as [string];
const middle = { name: 'bench-middle', partitions: topics.notifications.partitions, cleanup: 'delete' } as const;
/** Only an alarm's value is so long: what else is in a record need not be looked at. */
const alarmBytes = `{"value": ${alarmValue}}`.length;
const log = await openKafkaLog({ bootstrap, clientId: 'bench', logger: createLogger('warn', 'bench') });
await log.ensureTopics([middle]);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
let claims = 0;
let arrivals: [number, number][] = [];

function begun(): void {
  claims++;
  if (claims === topics.metrics.partitions + middle.partitions)
    setTimeout(() => console.log(JSON.stringify({ ready: true })), 1_000);
}

async function firstHop(claim: Claim): Promise<void> {
  begun();
  for await (const chunk of claim.read(claim.head().offset)) {
    for (const { key, value, timestampMs } of recordsOf(chunk)) {
      if (value === null || value.length < alarmBytes) continue;
      claim.append(middle.name, [{ key: key!, value, timestampMs }]).catch(() => {});
    }
  }
}

async function secondHop(claim: Claim): Promise<void> {
  begun();
  for await (const chunk of claim.read(claim.head().offset)) {
    const heardNs = nowNs();
    for (const { value } of recordsOf(chunk)) {
      const text = Buffer.from(value!).toString();
      arrivals.push([(JSON.parse(text) as { value: number }).value - alarmValue, heardNs]);
    }
  }
}

onCommand({
  take() {
    console.log(JSON.stringify({ arrivals } satisfies Arrivals));
    arrivals = [];
  },
});
await Promise.all([
  log.process(topics.metrics.name, 'bench-first-hop', firstHop, stop.signal),
  log.process(middle.name, 'bench-second-hop', secondHop, stop.signal),
]);
await log.close();
process.exit(0);
