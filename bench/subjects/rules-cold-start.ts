// The rules view from an empty process: how long until all rules of the topic are in the book, and what they hold. Argument: BOOTSTRAP.
import { Health } from '../../src/base/health.ts';
import { createLogger } from '../../src/base/logger.ts';
import { Meter } from '../../src/base/meter.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { createRules } from '../../src/rules/rules.ts';
import { heldBytes } from '../support/memory.ts';

const [bootstrap] = process.argv.slice(2) as [string];
const logger = createLogger('warn', 'bench');
const log = await openKafkaLog({ bootstrap, clientId: 'bench', logger });
const rules = createRules({ log, health: new Health(), meter: new Meter(), logger });
const emptyBytes = await heldBytes();
const cpu = process.cpuUsage();
const beganMs = performance.now();
const stop = new AbortController();
const running = rules.service.run(stop.signal);
await rules.feed.caughtUp;
const wallMs = performance.now() - beganMs;
const { user, system } = process.cpuUsage(cpu);
const { size } = rules.feed.book;
console.log(
  JSON.stringify({
    size,
    wallMs,
    cpuMs: (user + system) / 1_000,
    bytesPerRule: ((await heldBytes()) - emptyBytes) / size,
  }),
);
stop.abort();
await running;
await log.close();
process.exit(0);
