import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { formatAuditRecord, type AuditRecord } from '../../audit/audit-record.ts';
import { systemClock } from '../../base/clock.ts';
import { openTestLog, type TestLog } from '../../http/testing/test-log.ts';
import type { Log } from '../../log/log.ts';
import { topics } from '../../topics.ts';
import { AuditTrail } from './audit-trail.ts';

let storage: TestLog;
before(async () => {
  storage = await openTestLog();
  await storage.log.ensureTopics([topics.audit]);
});
after(() => storage.remove());

const nowMs = Date.now();
const config = { name: 'ops', kind: 'webhook', address: 'https://hooks.example.com/****', has_secret: true };

function edit(number: number, more: Partial<AuditRecord> = {}): AuditRecord {
  const limited = { ...config, limits: { requests_per_minute: number } };
  const common = { kind: 'receiver', id: 'ops', action: 'replaced', version: `"0-${number}"` } as const;
  return { timeMs: nowMs + number, author: `author ${number}`, ...common, before: config, after: limited, ...more };
}

async function write(records: readonly AuditRecord[]): Promise<void> {
  await storage.log.append(
    topics.audit.name,
    records.map((record) => {
      const value = Buffer.from(formatAuditRecord(record));
      return { key: Buffer.from(record.id), value, timestampMs: record.timeMs, partition: 0 };
    }),
  );
}

test('the newest of many changes are held, with the time since when they are complete, and it reads on', async () => {
  const trail = new AuditTrail(storage.log, systemClock);
  await trail.refresh();
  assert.equal(trail.edits.length, 0);
  assert.ok(trail.completeSinceMs < nowMs - 364 * 24 * 3_600_000, 'a year, as the topic is kept');
  await write([edit(0, { kind: 'rule', id: 'r', author: 'alice' })]);
  await write(Array.from({ length: 1_200 }, (_, index) => edit(index + 1)));
  await trail.refresh();
  assert.equal(trail.authorOf('r', { partition: 0, offset: 0 }), 'alice');
  assert.equal(trail.authorOf('r', { partition: 0, offset: 1 }), undefined);
  assert.equal(trail.edits.length, 1_000);
  assert.deepEqual([trail.edits[0]!.author, trail.edits.at(-1)!.author], ['author 1200', 'author 201']);
  assert.equal(trail.completeSinceMs, nowMs + 201);
  await write([edit(1_201, { after: null })]);
  await trail.refresh();
  assert.deepEqual([trail.edits[0]!.edit, trail.edits[0]!.name, trail.edits[1]!.edit], ['deleted', 'ops', 'changed']);

  await write(Array.from({ length: 10_000 }, (_, index) => edit(2_000 + index, { kind: 'rule', id: `r${index}` })));
  const late = new AuditTrail(storage.log, systemClock);
  await late.refresh();
  assert.deepEqual(late.edits, [], 'what stands before the newest ten thousand is not read');
  assert.ok(late.completeSinceMs >= nowMs + 2_000);
  assert.equal(late.authorOf('r9999', { partition: 0, offset: 11_999 }), 'author 11999');
});

test('a log that does not answer, or refuses, holds nobody up for more than a second', async () => {
  const hanging = { bounds: () => new Promise(() => {}) } as unknown as Log;
  const refusing = { bounds: () => Promise.reject(new Error('no right')) } as unknown as Log;
  for (const log of [hanging, refusing]) await new AuditTrail(log, systemClock).refresh();
});
