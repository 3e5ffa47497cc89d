// Ours, by production entry points: the alarms service, evaluate and notify in one process. Arguments: BOOTSTRAP DISCORD_API_BASE.
// Prints a line when it owns all partitions of both its topics; `take` prints the pauses of the collector since the last one.
import { systemClock } from '../../src/base/clock.ts';
import { PerformanceObserver } from 'node:perf_hooks';
import { Health } from '../../src/base/health.ts';
import { createLogger } from '../../src/base/logger.ts';
import { Meter } from '../../src/base/meter.ts';
import { createEvaluate } from '../../src/evaluate/evaluate.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { createNotify } from '../../src/notify/notify.ts';
import { createRules } from '../../src/rules/rules.ts';
import { topics } from '../../src/topics.ts';
import { onCommand } from '../support/commands.ts';
import { watchedLog } from './watched-log.ts';

const [bootstrap, discordApiBase] = process.argv.slice(2) as [string, string];
const logger = createLogger('warn', 'bench');
let claims = 0;
const log = watchedLog(await openKafkaLog({ bootstrap, clientId: 'bench', logger }), {
  claim(claim) {
    claims++;
    // A moment later they have been restored, and wait for records.
    if (claims === topics.metrics.partitions + topics.notifications.partitions)
      setTimeout(() => console.log(JSON.stringify({ ready: true })), 1_000);
    return claim;
  },
});
const common = { log, health: new Health(), meter: new Meter(), logger, discordApiBase, version: '0.0.0' };
const rules = createRules(common);
let pausesMs: number[] = [];
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) pausesMs.push(duration);
}).observe({ entryTypes: ['gc'] });
onCommand({
  take() {
    console.log(JSON.stringify({ pausesMs }));
    pausesMs = [];
  },
});
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
await Promise.all([
  rules.service.run(stop.signal),
  createEvaluate({ ...common, clock: systemClock, rules: rules.feed }).run(stop.signal),
  createNotify({ ...common, rules: rules.feed }).run(stop.signal),
]);
await log.close();
process.exit(0);
