import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { recordsOf } from '../../log/batch.ts';
import type { Log } from '../../log/log.ts';
import { openSqliteLog, type SqliteLog } from '../../log/sqlite/sqlite-log.ts';
import { topics } from '../../topics.ts';
import { testLogger } from './test-server.ts';

export interface TestLog {
  readonly log: SqliteLog;
  /** All records of a topic, partition by partition, as text. */
  records(topic: string): Promise<{ readonly key: string; readonly value: string | null }[]>;
  /** Closes the log and removes its folder. */
  remove(): Promise<void>;
}

/** An embedded log of its own in a temporary folder, with all topics. */
export async function openTestLog(): Promise<TestLog> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ssrms-test-'));
  const log = await openSqliteLog({ dataDir, logger: testLogger });
  await log.ensureTopics(Object.values(topics));
  return {
    log,
    async records(topic) {
      const found: { key: string; value: string | null }[] = [];
      for (let partition = 0; partition < (await log.partitionCount(topic)); partition++) {
        for await (const chunk of log.read(topic, partition, { from: { offset: 0 } })) {
          for (const { key, value } of recordsOf(chunk))
            found.push({ key: textOf(key), value: value === null ? null : textOf(value) });
        }
      }
      return found;
    },
    async remove() {
      await log.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function textOf(bytes: Uint8Array | null): string {
  return Buffer.from(bytes ?? []).toString();
}

/** The same log as if its disk and its followers were slow: both take `lagMs`, and keep all that is promised. */
export function slowLog(log: Log, lagMs: number): Log {
  const append: Log['append'] = async (topic, records) => {
    await sleep(lagMs);
    return log.append(topic, records);
  };
  const view: Log['view'] = (topic, apply, signal, fromMs) => {
    const real = log.view(topic, (chunk) => void setTimeout(() => apply(chunk), lagMs), signal, fromMs);
    const later = <Value>(promise: Promise<Value>): Promise<Value> =>
      promise.then(async (value) => {
        await sleep(lagMs + 5);
        return value;
      });
    const caughtUp = later(real.caughtUp);
    caughtUp.catch(() => {});
    return { caughtUp, applied: (place) => later(real.applied(place)), ended: real.ended };
  };
  return Object.create(log, { append: { value: append }, view: { value: view } }) as Log;
}
