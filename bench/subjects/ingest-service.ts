// Ours, by production entry points: the ingest service alone. Argument: BOOTSTRAP. Prints where it listens.
import { Health } from '../../src/base/health.ts';
import { createLogger } from '../../src/base/logger.ts';
import { Meter } from '../../src/base/meter.ts';
import { createServer } from '../../src/http/server.ts';
import { createIngest } from '../../src/ingest/ingest.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { topics } from '../../src/topics.ts';

const [bootstrap] = process.argv.slice(2) as [string];
const logger = createLogger('warn', 'bench');
const log = await openKafkaLog({ bootstrap, clientId: 'bench', logger });
await log.ensureTopics([topics.metrics]);
const parts = { log, health: new Health(), meter: new Meter(), logger };
const server = await createServer({ ...parts, auth: undefined, version: '0.0.0' });
await server.mount(createIngest(parts).routes);
const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
console.log(JSON.stringify({ url }));
process.once('SIGTERM', () => void server.close().then(() => log.close()));
