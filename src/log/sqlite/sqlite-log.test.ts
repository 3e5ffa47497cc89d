import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createLogger } from '../../base/logger.ts';
import { CorruptBatch } from '../batch.ts';
import { newRecord, readAll } from '../contract-bench.ts';
import { logContract } from '../log.contract.ts';
import { OffsetGone } from '../log.ts';
import { packRecords } from '../packed-records.ts';
import { defaultLimits } from './housekeeping.ts';
import { openSqliteLog, type SqliteLog } from './sqlite-log.ts';

const logger = createLogger('silent', 'test');
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-sqlite-'));
  folders.push(folder);
  return folder;
}

function open(dataDir = newFolder()): Promise<SqliteLog> {
  return openSqliteLog({ dataDir, logger });
}

logContract('sqlite', { open: () => open() });

const day = 24 * 3_600_000;

test('what is older than its retention goes, the rest stays', async () => {
  const log = await open();
  await log.ensureTopics([{ name: 'old', partitions: 1, cleanup: 'delete', retentionMs: day }]);
  const nowMs = Date.now();
  for (const ageMs of [3 * day, 2 * day, 1_000])
    await log.append('old', [newRecord('k', 'v', { timestampMs: nowMs - ageMs })]);
  await log.keepHouse(nowMs);
  assert.deepEqual(await log.bounds('old', 0), { first: 2, next: 3 });
  assert.equal((await readAll(log.read('old', 0, { from: { offset: 0 } }))).length, 1);
  await log.keepHouse(nowMs + 2 * day);
  assert.deepEqual(await log.bounds('old', 0), { first: 3, next: 3 });
  assert.deepEqual(await log.append('old', [newRecord('k', 'v')]), [{ partition: 0, offset: 3 }]);
  await log.close();
});

test('records further ahead of its clock than a topic takes are refused, none of them being written', async () => {
  let nowMs = Date.now();
  const dataDir = newFolder();
  // The folder was written by a version that knew no such bound.
  const before = await open(dataDir);
  await before.ensureTopics([{ name: 'bound', partitions: 1, cleanup: 'delete' }]);
  await before.close();
  const log = await openSqliteLog({ dataDir, logger, now: () => nowMs });
  await log.ensureTopics([{ name: 'bound', partitions: 1, cleanup: 'delete', timestampAheadMsMax: 600_000 }]);
  const record = (aheadMs: number) => newRecord('k', 'v', { timestampMs: nowMs + aheadMs });
  const packed = (aheadMs: number) => packRecords([record(0), record(aheadMs)]).records;
  await log.append('bound', [record(600_000)]);
  await log.appendPacked('bound', packed(600_000));
  const refusal = { code: 'invalid_field', message: /^topic bound takes records up to 600 s ahead .* 601 s ahead$/ };
  await assert.rejects(log.append('bound', [record(0), record(601_000)]), refusal);
  await assert.rejects(log.appendPacked('bound', packed(601_000)), refusal);
  nowMs += 1_000;
  await log.append('bound', [record(600_000)]);
  assert.deepEqual(await log.bounds('bound', 0), { first: 0, next: 4 });
  await log.close();
});

test('a partition over its size gives up its oldest batches', async () => {
  const log = await openSqliteLog({
    dataDir: newFolder(),
    logger,
    limits: { ...defaultLimits, partitionBytesMax: 10_000 },
  });
  await log.ensureTopics([{ name: 'large', partitions: 1, cleanup: 'delete' }]);
  for (let index = 0; index < 20; index++) await log.append('large', [newRecord('k', 'x'.repeat(1_000))]);
  await log.keepHouse(Date.now());
  const { first, next } = await log.bounds('large', 0);
  assert.equal(next, 20);
  assert.ok(first >= 10 && first < 20, `it begins at ${first}`);
  await log.keepHouse(Date.now());
  assert.deepEqual(await log.bounds('large', 0), { first, next });
  await log.close();
});

test('compaction keeps the last record of each key with its offset, and tombstones for their time', async () => {
  const log = await openSqliteLog({
    dataDir: newFolder(),
    logger,
    limits: { ...defaultLimits, compactAfter: { records: 0, share: 0 } },
  });
  await log.ensureTopics([{ name: 'state', partitions: 1, cleanup: 'compact', compactionLagMs: 1_000 }]);
  const nowMs = Date.now();
  const at = (ageMs: number): { timestampMs: number } => ({ timestampMs: nowMs - ageMs });
  await log.append('state', [
    newRecord('a', '1', at(5_000)),
    newRecord('b', '1', at(5_000)),
    newRecord('a', '2', at(5_000)),
  ]);
  await log.append('state', [newRecord('b', null, at(4_000)), newRecord('c', '1', at(4_000))]);
  // Younger than the lag: it removes nothing yet, and nothing removes it.
  await log.append('state', [newRecord('c', '2', at(0))]);
  await log.append('state', [newRecord('c', '3', at(0))]);
  await log.keepHouse(nowMs);
  const kept = async (): Promise<string[]> =>
    (await readAll(log.read('state', 0, { from: { offset: 0 } }))).map(
      ({ offset, key, value }) => `${offset} ${key}=${value}`,
    );
  assert.deepEqual(await kept(), ['2 a=2', '3 b=null', '4 c=1', '5 c=2', '6 c=3']);
  await log.keepHouse(nowMs + 2 * day);
  assert.deepEqual(await kept(), ['2 a=2', '6 c=3']);
  await log.close();
});

test('a second owner is refused, in this process and in another, and the first is named', async () => {
  const dataDir = newFolder();
  const log = await open(dataDir);
  await assert.rejects(open(dataDir), new RegExp(`in use by process ${process.pid}`));
  await log.close();
  await (await open(dataDir)).close();
});

test('what was acknowledged is there after a kill -9 in the middle of appends', async () => {
  const dataDir = newFolder();
  const program = `
    import { openSqliteLog } from ${JSON.stringify(new URL('sqlite-log.ts', import.meta.url).href)};
    import { createLogger } from ${JSON.stringify(new URL('../../base/logger.ts', import.meta.url).href)};
    const log = await openSqliteLog({ dataDir: ${JSON.stringify(dataDir)}, logger: createLogger('silent', 'test') });
    await log.ensureTopics([{ name: 'metrics', partitions: 4, cleanup: 'delete' }]);
    for (let number = 0; ; number++) {
      const records = [0, 1, 2, 3].map((partition) => ({ key: Buffer.from('k'), value: Buffer.from(String(number)), timestampMs: Date.now(), partition }));
      await log.append('metrics', records);
      process.stdout.write(number + '\\n');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  for await (const text of child.stdout as AsyncIterable<Buffer>) {
    output += text.toString();
    if (output.split('\n').length > 500) break;
  }
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  const acknowledged = Number(output.split('\n').at(-2));
  const log = await open(dataDir);
  for (let partition = 0; partition < 4; partition++) {
    const values = (await readAll(log.read('metrics', partition, { from: { offset: 0 } }))).map(({ value }) =>
      Number(value),
    );
    assert.deepEqual(
      values,
      values.map((_, index) => index),
      'none is missing, none doubled',
    );
    assert.ok(values.length > acknowledged);
  }
  await log.close();
});

test('damaged bytes are found by their checksum and never read as data', async () => {
  const dataDir = newFolder();
  let log = await open(dataDir);
  await log.ensureTopics([{ name: 'metrics', partitions: 1, cleanup: 'delete' }]);
  await log.append('metrics', [newRecord('k', '{"value": 1}')]);
  await log.close();
  const database = new DatabaseSync(join(dataDir, 'log.sqlite'));
  const row = database.prepare('SELECT rowid AS id, bytes FROM batches').get() as { id: number; bytes: Uint8Array };
  row.bytes[row.bytes.length - 3]! ^= 1;
  database.prepare('UPDATE batches SET bytes = ? WHERE rowid = ?').run(row.bytes, row.id);
  database.close();
  log = await open(dataDir);
  await assert.rejects(readAll(log.read('metrics', 0, { from: { offset: 0 } })), CorruptBatch);
  await log.close();
});

test('bytes that were lent are freed when the next are asked for, and others are not', async () => {
  const log = await open();
  await log.ensureTopics([{ name: 'metrics', partitions: 1, cleanup: 'delete' }]);
  await log.append('metrics', [newRecord('k', 'v')]);
  const lengthsAfter = async (lends: boolean): Promise<number[]> => {
    const read: Uint8Array[] = [];
    for await (const { batches } of log.read('metrics', 0, { from: { offset: 0 }, lends })) {
      assert.ok(batches[0]!.length > 0);
      read.push(...batches);
    }
    return read.map(({ length }) => length);
  };
  assert.deepEqual(await lengthsAfter(true), [0]);
  assert.ok((await lengthsAfter(false))[0]! > 0);
  await log.close();
});

test('a reader that retention has overtaken is told', async () => {
  const log = await open();
  await log.ensureTopics([{ name: 'old', partitions: 1, cleanup: 'delete', retentionMs: day }]);
  await log.append('old', [newRecord('k', 'v', { timestampMs: Date.now() - 2 * day })]);
  await log.keepHouse(Date.now());
  const stop = new AbortController();
  const told = log.process(
    'old',
    'group',
    async (claim) => {
      await assert.rejects(claim.read(0)[Symbol.asyncIterator]().next(), OffsetGone);
      stop.abort();
    },
    stop.signal,
  );
  await told;
  await log.close();
});
