import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as fc from 'fast-check';
import { createLogger } from '../../base/logger.ts';
import { encodeBatch, setBaseOffset } from '../batch.ts';
import { newRecord, numbers, readAll, type Written } from '../contract-bench.ts';
import { LogUnavailable } from '../log.ts';
import type { NewRecord } from '../record.ts';
import { defaultLimits, type HousekeepingLimits } from './housekeeping.ts';
import { openSqliteLog, type SqliteLog } from './sqlite-log.ts';

const logger = createLogger('silent', 'test');
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-house-'));
  folders.push(folder);
  return folder;
}

const open = (dataDir: string, limits: Partial<HousekeepingLimits> = {}): Promise<SqliteLog> =>
  openSqliteLog({ dataDir, logger, limits: { ...defaultLimits, ...limits } });

const recordsIn = (log: SqliteLog, topic: string): Promise<Written[]> =>
  readAll(log.read(topic, 0, { from: { offset: 0 } }));

/** Looks into the closed log of a folder. */
function inside<Row>(dataDir: string, sql: string): Row[] {
  const database = new DatabaseSync(join(dataDir, 'log.sqlite'));
  const rows = database.prepare(sql).all() as Row[];
  database.close();
  return rows;
}

const second = 1_000;
const lagMs = 10 * second;
const tombstoneMs = 30 * second;

interface Batch {
  readonly records: Written[];
  readonly timestampMs: number;
}

/** What compaction is to leave: of what is settled the last record of each key, and tombstones for their time, and once. */
class Model {
  batches: Batch[] = [];
  #compactedTo = 0;

  compact(nowMs: number): void {
    const settled = this.batches.findIndex(({ timestampMs }) => timestampMs >= nowMs - lagMs);
    const end = settled < 0 ? this.batches.length : settled;
    const old = this.batches.slice(0, end).flatMap(({ records }) => records);
    const last = new Map(old.map(({ key, offset }) => [key, offset]));
    const isKept = ({ key, offset, value, timestampMs }: Written): boolean =>
      last.get(key) === offset && (value !== null || offset >= this.#compactedTo || timestampMs >= nowMs - tombstoneMs);
    const left = this.batches.slice(0, end).map((batch) => ({ ...batch, records: batch.records.filter(isKept) }));
    this.#compactedTo = this.batches[end]?.records[0]?.offset ?? this.next;
    this.batches = [...left.filter(({ records }) => records.length > 0), ...this.batches.slice(end)];
  }

  next = 0;

  add(timestampMs: number, records: Written[]): void {
    this.batches.push({ timestampMs, records });
    this.next += records.length;
  }

  get records(): Written[] {
    return this.batches.flatMap(({ records }) => records);
  }
}

const writtenArbitrary = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  value: fc.option(fc.constantFrom('1', '2')),
});
const batchArbitrary = fc.array(writtenArbitrary, { minLength: 1, maxLength: 5 });
const actArbitrary = fc.oneof(
  { weight: 3, arbitrary: fc.record({ act: fc.constant('append' as const), batch: batchArbitrary }) },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant('house' as const),
      passedMs: fc.nat(20 * second),
      meanwhile: batchArbitrary,
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('reopen' as const) }) },
);

test('compaction after compaction leaves what a look at all records would leave, and knows its bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(actArbitrary, { maxLength: 20 }), async (acts) => {
      const dataDir = newFolder();
      const limits = { tombstoneMs, compactAfter: { records: 0, share: 0 } };
      let log = await open(dataDir, limits);
      await log.ensureTopics([{ name: 'state', partitions: 1, cleanup: 'compact', compactionLagMs: lagMs }]);
      const model = new Model();
      // This computer's clock is not behind any of these times.
      let timestampMs = Date.now() - 3_600 * second;
      const append = async (batch: readonly Pick<Written, 'key' | 'value'>[]): Promise<void> => {
        const places = await log.append(
          'state',
          batch.map(({ key, value }) => newRecord(key!, value, { timestampMs })),
        );
        model.add(
          timestampMs,
          batch.map((record, index) => ({ ...record, timestampMs, ...places[index]! })),
        );
      };
      for (const step of acts) {
        if (step.act === 'append') await append(step.batch);
        else if (step.act === 'reopen') {
          await log.close();
          log = await open(dataDir, limits);
        } else {
          timestampMs += step.passedMs;
          const kept = log.keepHouse(timestampMs);
          model.compact(timestampMs);
          await Promise.all([append(step.meanwhile), kept]);
        }
        assert.deepEqual(await recordsIn(log, 'state'), model.records);
      }
      await log.close();
      const [sum] = inside<{ bytes: number; of_batches: number }>(
        dataDir,
        `SELECT bytes, (SELECT coalesce(sum(length(bytes)), 0) FROM batches) AS of_batches FROM partitions`,
      );
      assert.equal(sum!.bytes, sum!.of_batches);
    }),
    { numRuns: 60 },
  );
});

test('a time is found where the first record at or after it is, in whatever order times come', async () => {
  const timesArbitrary = fc.array(fc.array(fc.nat(50), { minLength: 1, maxLength: 4 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(timesArbitrary, async (batches) => {
      const dataDir = newFolder();
      let log = await open(dataDir);
      await log.ensureTopics([{ name: 'metrics', partitions: 1, cleanup: 'delete' }]);
      for (const [index, times] of batches.entries()) {
        await log.append(
          'metrics',
          times.map((timestampMs) => newRecord('k', 'v', { timestampMs })),
        );
        if (index % 4 !== 2) continue;
        await log.close();
        log = await open(dataDir);
      }
      const all = batches.flat();
      for (let timestampMs = 0; timestampMs <= 51; timestampMs++) {
        const [first] = await readAll(log.read('metrics', 0, { from: { timestampMs } }));
        const expected = all.findIndex((time) => time >= timestampMs);
        assert.equal(first?.offset ?? -1, expected);
      }
      await log.close();
    }),
    { numRuns: 30 },
  );
});

test('a clock that was ahead holds up neither compaction nor the finding of a time for longer than it was', async () => {
  const nowMs = Date.now();
  const yearMs = 365 * 24 * 3_600 * second;
  for (const cleanup of ['compact', 'delete'] as const) {
    const dataDir = newFolder();
    const limits = { compactAfter: { records: 0, share: 0 } };
    let log = await open(dataDir, limits);
    await log.ensureTopics([{ name: 'state', partitions: 1, cleanup, compactionLagMs: lagMs }]);
    const append = (timestampMs: number): Promise<unknown> =>
      log.append('state', [newRecord('k', 'v', { timestampMs })]);
    await append(nowMs + yearMs);
    await log.close();
    log = await open(dataDir, limits);
    for (let n = 1; n <= 30; n++) await append(nowMs - 60 * second + n);
    await append(nowMs);
    await log.keepHouse(nowMs);
    const left = await recordsIn(log, 'state');
    assert.equal(left.length, cleanup === 'compact' ? 2 : 32);
    const young = await readAll(log.read('state', 0, { from: { timestampMs: nowMs - second } }));
    assert.deepEqual(
      young.map(({ offset }) => offset),
      [31],
    );
    await log.close();
  }
});

test('a reader between a value and its tombstone hears of the tombstone', async () => {
  const log = await open(newFolder(), { tombstoneMs, compactAfter: { records: 0, share: 0 } });
  await log.ensureTopics([{ name: 'state', partitions: 1, cleanup: 'compact' }]);
  const append = (key: string, value: string | null): Promise<unknown> =>
    log.append('state', [newRecord(key, value, { timestampMs: 1 })]);
  await append('a', '1');
  await append('a', null);
  await append('b', '1');
  await log.keepHouse(Date.now());
  const left = async (): Promise<string[]> =>
    (await recordsIn(log, 'state')).map(({ key, value }) => `${key} ${value}`);
  assert.deepEqual(await left(), ['a null', 'b 1']);
  await log.keepHouse(Date.now());
  assert.deepEqual(await left(), ['b 1']);
  await log.close();
});

/** Megabytes of records with a value of a kilobyte. */
const manyRecords = (megabytes: number): NewRecord[] =>
  numbers(megabytes * 1_000).map((n) => newRecord(`${n % 500}`, 'v'.repeat(1_000), { timestampMs: 1 }));

for (const cleanup of ['compact', 'delete'] as const)
  test(`others have their turn while much is to be done: ${cleanup}`, async () => {
    const log = await open(newFolder());
    await log.ensureTopics([{ name: 'large', partitions: 1, cleanup, retentionMs: second }]);
    await log.append('large', manyRecords(8));
    let turns = 0;
    let isDone = false;
    const others = (): void => {
      turns++;
      if (!isDone) setImmediate(others);
    };
    setImmediate(others);
    await log.keepHouse(Date.now());
    isDone = true;
    assert.ok(turns >= 8, `${turns} turns`);
    const left = await recordsIn(log, 'large');
    assert.equal(left.length, cleanup === 'delete' ? 0 : 500);
    await log.close();
  });

test('all of a partition is read again only once it has grown by as much as that is worth, also after a restart', async () => {
  const dataDir = newFolder();
  const limits = { compactAfter: { records: 10, share: 0.5 } };
  let log = await open(dataDir, limits);
  await log.ensureTopics([{ name: 'state', partitions: 1, cleanup: 'compact' }]);
  const append = async (keys: readonly number[]): Promise<void> =>
    void (await log.append(
      'state',
      keys.map((key) => newRecord(`${key}`, 'v', { timestampMs: 1 })),
    ));
  const count = async (): Promise<number> => {
    await log.keepHouse(Date.now());
    return (await recordsIn(log, 'state')).length;
  };
  await append([0, 0, 0]);
  assert.equal(await count(), 3);
  await append([...numbers(100), ...numbers(100)]);
  assert.equal(await count(), 100);
  await append(numbers(49));
  assert.equal(await count(), 149);
  await log.close();
  log = await open(dataDir, limits);
  assert.equal(await count(), 149);
  await append([0]);
  assert.equal(await count(), 100);
  await log.close();
});

test('a damaged batch is left as it is, and nothing is written over it', async () => {
  const dataDir = newFolder();
  const limits = { compactAfter: { records: 0, share: 0 } };
  let log = await open(dataDir, limits);
  await log.ensureTopics([{ name: 'state', partitions: 1, cleanup: 'compact' }]);
  await log.append('state', [newRecord('a', '1', { timestampMs: 1 }), newRecord('b', '1', { timestampMs: 1 })]);
  await log.keepHouse(Date.now());
  await log.append('state', [newRecord('a', '2', { timestampMs: 1 })]);
  await log.close();
  const database = new DatabaseSync(join(dataDir, 'log.sqlite'));
  const { id, bytes } = database.prepare('SELECT rowid AS id, bytes FROM batches ORDER BY last').get() as {
    id: number;
    bytes: Uint8Array;
  };
  bytes[bytes.length - 2]! ^= 1;
  database.prepare('UPDATE batches SET bytes = ? WHERE rowid = ?').run(bytes, id);
  database.close();
  log = await open(dataDir, limits);
  await log.keepHouse(Date.now());
  await log.close();
  const [first] = inside<{ bytes: Uint8Array }>(dataDir, 'SELECT bytes FROM batches ORDER BY last');
  assert.deepEqual(first!.bytes, bytes);
});

test('a log of the first version goes on, and one of a newer version is refused and left alone', async () => {
  const dataDir = newFolder();
  const database = new DatabaseSync(join(dataDir, 'log.sqlite'));
  database.exec(`
    CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, settings TEXT NOT NULL) STRICT;
    CREATE TABLE partitions (
      topic INTEGER NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL,
      PRIMARY KEY (topic, partition)) STRICT, WITHOUT ROWID;
    CREATE TABLE batches (
      topic INTEGER NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
      max_timestamp INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
    CREATE UNIQUE INDEX batches_by_last ON batches (topic, partition, last);
    CREATE TABLE positions (
      topic INTEGER NOT NULL, member_group TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
      PRIMARY KEY (topic, member_group, partition)) STRICT, WITHOUT ROWID;`);
  const settings = { name: 'metrics', partitions: 2, cleanup: 'delete' };
  database.prepare('INSERT INTO topics VALUES (1, ?, ?)').run('metrics', JSON.stringify(settings));
  const times = [50, 10, 30, 70, 20];
  for (const partition of [0, 1]) {
    database.prepare('INSERT INTO partitions VALUES (1, ?, 0, ?)').run(partition, times.length);
    for (const [offset, time] of times.entries()) {
      const batch = encodeBatch([
        { key: Buffer.from('k'), value: Buffer.from(`${time}`), timestampMs: time + partition },
      ]);
      setBaseOffset(batch, offset);
      const row = [1, partition, offset, offset, time + partition, batch];
      database.prepare('INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?)').run(...row);
    }
  }
  database.prepare('INSERT INTO positions VALUES (1, ?, 0, 3)').run('evaluate');
  database.close();

  const log = await open(dataDir);
  assert.deepEqual(await log.append('metrics', [newRecord('k', '60', { partition: 1, timestampMs: 60 })]), [
    { partition: 1, offset: 5 },
  ]);
  const since = async (timestampMs: number): Promise<number | undefined> =>
    (await readAll(log.read('metrics', 1, { from: { timestampMs } })))[0]?.offset;
  assert.deepEqual(await Promise.all([0, 51, 52, 71, 72].map(since)), [0, 0, 3, 3, undefined]);
  assert.equal((await recordsIn(log, 'metrics')).length, times.length);
  await log.close();
  const rows = inside<{ bytes: number; of_batches: number }>(
    dataDir,
    `SELECT bytes, (SELECT sum(length(b.bytes)) FROM batches b WHERE b.partition = p.partition) AS of_batches FROM partitions p`,
  );
  assert.ok(rows.length === 2 && rows.every((row) => row.bytes === row.of_batches && row.bytes > 0));
  assert.equal(inside(dataDir, 'SELECT next FROM positions').length, 1);

  const newer = new DatabaseSync(join(dataDir, 'log.sqlite'));
  newer.exec('PRAGMA user_version = 2');
  newer.close();
  await assert.rejects(
    open(dataDir),
    (error) => error instanceof LogUnavailable && /newer version/.test(error.message),
  );
  assert.equal(inside<{ user_version: number }>(dataDir, 'PRAGMA user_version')[0]!.user_version, 2);
});
