// Appends numbered records to an embedded log until it is killed, and says on standard output which are acknowledged:
//   node test/fault/log-writer.ts <folder>
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '../../src/base/logger.ts';
import { openSqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import { bodyOf, topic } from './numbered-records.ts';

const log = await openSqliteLog({ dataDir: process.argv[2]!, logger: createLogger('silent', 'test') });
await log.ensureTopics([topic]);
for (let number = 0; ;) {
  const numbers = Array.from({ length: 1 + (number % 5) }, () => number++);
  await log.append(
    topic.name,
    numbers.map((one) => ({ key: Buffer.from(String(one)), value: Buffer.from(bodyOf(one)), timestampMs: Date.now() })),
  );
  process.stdout.write(`${number}\n`);
  await sleep(1);
}
