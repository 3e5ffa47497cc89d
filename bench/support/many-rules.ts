// The console with a great many rules on an embedded log, in a process of its own: what B13 and B15 ask.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../src/base/logger.ts';
import { openSqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import { topics } from '../../src/topics.ts';
import { onSubjectCore } from './host.ts';
import { nodeCommand, start, type BenchProcess } from './processes.ts';

export const kinds = ['cpu-usage', 'http-errors', 'queue-length', 'packages-received', 'disk-free', 'login-failures'];
const teams = ['payments', 'search', 'warehouse', 'identity', 'delivery', 'catalogue', 'billing'];
const recordsAtOnce = 2_000;
export const hostCount = 5_000;
/** Rules of one service. */
export const rulesPerService = 60;

export interface ManyRules extends BenchProcess {
  readonly url: string;
  readonly size: number;
  /** What the search's index took. */
  readonly builtMs: number;
  readonly cpuMs: number;
  readonly bytesPerRule: number;
}

export async function withManyRules<Value>(count: number, work: (rules: ManyRules) => Promise<Value>): Promise<Value> {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-rules-'));
  try {
    await fill(folder, count);
    const subject = start(onSubjectCore(nodeCommand('subjects/rules-list.ts', folder)));
    try {
      const ready = await subject.next<Omit<ManyRules, keyof BenchProcess>>();
      assert.equal(ready.size, count);
      return await work({ ...subject, ...ready });
    } finally {
      await subject.end('SIGKILL');
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Six metrics of each of many services; a host for each rule, a team's words with each second. */
async function fill(folder: string, count: number): Promise<void> {
  const log = await openSqliteLog({ dataDir: folder, logger: createLogger('warn', 'bench') });
  await log.ensureTopics(Object.values(topics));
  const url = `https://discord.com/api/webhooks/123456789012345678/${'a'.repeat(68)}`;
  for (let at = 0; at < count; at += recordsAtOnce) {
    const batch = Array.from({ length: recordsAtOnce }, (_, offset) => {
      const index = at + offset;
      const id = randomUUID();
      const rule = {
        id,
        metric_name: `service-${Math.floor(index / rulesPerService)}.${kinds[index % kinds.length]}`,
        threshold: index % 1_000,
        discord_webhook_url: url,
        tags: { host: `web-${(index * 7) % hostCount}` },
        ...(index % 2 === 0 && { description: `Call the ${teams[index % teams.length]} team, case ${index}` }),
        ...(index % 50_000 === 0 && { enabled: false }),
      };
      return { key: Buffer.from(id), value: Buffer.from(JSON.stringify(rule)), timestampMs: Date.now() };
    });
    await log.append(topics.rules.name, batch);
  }
  await log.close();
}
