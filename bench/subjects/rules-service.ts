// Ours, by production entry points: the rules service alone, on an embedded log. Argument: its folder. Prints where it listens.
import { Health } from '../../src/base/health.ts';
import { createLogger } from '../../src/base/logger.ts';
import { Meter } from '../../src/base/meter.ts';
import { createServer } from '../../src/http/server.ts';
import { openSqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import { createRules } from '../../src/rules/rules.ts';
import { topics } from '../../src/topics.ts';

const [dataDir] = process.argv.slice(2) as [string];
// Each change has its line, as in production.
const logger = createLogger('info', 'bench');
const log = await openSqliteLog({ dataDir, logger });
await log.ensureTopics(Object.values(topics));
const common = { log, logger, health: new Health(), meter: new Meter(), version: '0.0.0' };
const rules = createRules(common);
const stop = new AbortController();
const running = rules.service.run(stop.signal);
await rules.feed.caughtUp;
const server = await createServer({ ...common, auth: undefined });
await server.mount(rules.routes);
const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
console.log(JSON.stringify({ url }));
process.once('SIGTERM', () => {
  stop.abort();
  void Promise.all([server.close(), running]).then(() => log.close());
});
