import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { LogUnavailable, type Bounds, type TopicSettings } from '../log.ts';

/** A topic as stored; `id` is its row. */
export interface StoredTopic {
  readonly id: number;
  readonly settings: TopicSettings;
}

/** One row: a whole record batch (batch.ts), its first and last offset and the largest timestamp in it. */
export interface StoredBatch {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly maxTimestampMs: number;
  readonly bytes: Uint8Array;
}

export interface PartitionId {
  readonly topic: number;
  readonly partition: number;
}

const schema = `
  CREATE TABLE IF NOT EXISTS topics (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, settings TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS partitions (
    topic INTEGER NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS batches (
    topic INTEGER NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    max_timestamp INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS batches_by_last ON batches (topic, partition, last);
  CREATE TABLE IF NOT EXISTS positions (
    topic INTEGER NOT NULL, member_group TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (topic, member_group, partition)) STRICT, WITHOUT ROWID;
`;

/**
 * The tables of the embedded log, and nothing else: rows in, rows out, one transaction at a time. SQLite in WAL mode with
 * synchronous=FULL makes a commit durable before it returns; an exclusive lock, which the kernel drops when the process
 * dies however it dies, keeps a second owner out.
 */
export class Store {
  readonly #database: DatabaseSync;
  readonly #ownerFile: string;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens or creates the log in a folder. Throws LogUnavailable, naming the folder and who holds it or what is wrong. */
  constructor(dataDir: string) {
    this.#ownerFile = join(dataDir, 'owner.json');
    refuseUnwritable(dataDir);
    this.#database = openOwned(dataDir, this.#ownerFile);
    this.#database.exec(schema);
  }

  /** Runs `work` in one durable transaction; undoes all of it when it throws. */
  transaction<Result>(work: () => Result): Result {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // A failed COMMIT (disk full) may have rolled back by itself; then there is nothing left to undo.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  topics(): StoredTopic[] {
    const rows = this.#sql('SELECT id, settings FROM topics').all() as { id: number; settings: string }[];
    return rows.map((row) => ({ id: row.id, settings: JSON.parse(row.settings) as TopicSettings }));
  }

  addTopic(settings: TopicSettings): StoredTopic {
    const { lastInsertRowid } = this.#sql('INSERT INTO topics (name, settings) VALUES (?, ?)').run(
      settings.name,
      JSON.stringify(settings),
    );
    const id = Number(lastInsertRowid);
    for (let partition = 0; partition < settings.partitions; partition++) {
      this.#sql('INSERT INTO partitions VALUES (?, ?, 0, 0)').run(id, partition);
    }
    return { id, settings };
  }

  bounds(topic: number): Bounds[] {
    return this.#sql('SELECT first, next FROM partitions WHERE topic = ? ORDER BY partition').all(
      topic,
    ) as unknown as Bounds[];
  }

  setBounds(where: PartitionId, bounds: Bounds): void {
    this.#sql('UPDATE partitions SET first = ?, next = ? WHERE topic = ? AND partition = ?').run(
      bounds.first,
      bounds.next,
      where.topic,
      where.partition,
    );
  }

  addBatch(where: PartitionId, batch: StoredBatch): void {
    this.#sql('INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?)').run(
      where.topic,
      where.partition,
      batch.firstOffset,
      batch.lastOffset,
      batch.maxTimestampMs,
      batch.bytes,
    );
  }

  /** Deletes the batches that end at or before an offset; resolves to nothing, the caller sets the bounds. */
  deleteBatches(where: PartitionId, lastOffsetMax: number): void {
    this.#sql('DELETE FROM batches WHERE topic = ? AND partition = ? AND last <= ?').run(
      where.topic,
      where.partition,
      lastOffsetMax,
    );
  }

  deleteBatch(where: PartitionId, lastOffset: number): void {
    this.#sql('DELETE FROM batches WHERE topic = ? AND partition = ? AND last = ?').run(
      where.topic,
      where.partition,
      lastOffset,
    );
  }

  /** Batches from the one that holds `fromOffset` (or the next after it) on, in order, until `bytesMax` is reached. */
  batches(where: PartitionId, fromOffset: number, bytesMax: number): StoredBatch[] {
    const rows = this.#sql(
      `SELECT first AS firstOffset, last AS lastOffset, max_timestamp AS maxTimestampMs, bytes FROM batches
       WHERE topic = ? AND partition = ? AND last >= ? ORDER BY last`,
    ).iterate(where.topic, where.partition, fromOffset) as IterableIterator<unknown> as IterableIterator<StoredBatch>;
    const found: StoredBatch[] = [];
    let bytes = 0;
    for (const row of rows) {
      found.push(row);
      bytes += row.bytes.length;
      if (bytes >= bytesMax) break;
    }
    return found;
  }

  /** The first batch with a record at or after a time; undefined when all are older. */
  firstBatchSince(where: PartitionId, timestampMs: number): StoredBatch | undefined {
    return this.#sql(
      `SELECT first AS firstOffset, last AS lastOffset, max_timestamp AS maxTimestampMs, bytes FROM batches
       WHERE topic = ? AND partition = ? AND max_timestamp >= ? ORDER BY last LIMIT 1`,
    ).get(where.topic, where.partition, timestampMs) as StoredBatch | undefined;
  }

  /** The last offset of the newest run of batches, from the beginning, whose records are all older than a time. */
  lastOffsetBefore(where: PartitionId, timestampMs: number): number | undefined {
    const kept = this.firstBatchSince(where, timestampMs);
    const row = this.#sql('SELECT max(last) AS last FROM batches WHERE topic = ? AND partition = ? AND last < ?').get(
      where.topic,
      where.partition,
      kept?.firstOffset ?? Number.MAX_SAFE_INTEGER,
    ) as { last: number | null };
    return row.last ?? undefined;
  }

  /** Bytes and rows a partition's batches take. */
  size(where: PartitionId): { bytes: number; batches: number } {
    return this.#sql(
      'SELECT coalesce(sum(length(bytes)), 0) AS bytes, count(*) AS batches FROM batches WHERE topic = ? AND partition = ?',
    ).get(where.topic, where.partition) as { bytes: number; batches: number };
  }

  position(topic: number, group: string, partition: number): number | undefined {
    const row = this.#sql('SELECT next FROM positions WHERE topic = ? AND member_group = ? AND partition = ?').get(
      topic,
      group,
      partition,
    );
    return (row as { next: number } | undefined)?.next;
  }

  setPosition(topic: number, group: string, partition: number, next: number): void {
    this.#sql('INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)').run(topic, group, partition, next);
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
    rmSync(this.#ownerFile, { force: true });
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) this.#statements.set(text, (statement = this.#database.prepare(text)));
    return statement;
  }
}

function refuseUnwritable(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true });
    const probe = join(dataDir, `.probe-${process.pid}`);
    closeSync(openSync(probe, 'w'));
    rmSync(probe);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new LogUnavailable(`the data folder ${dataDir} cannot be written (${code})`);
  }
}

function openOwned(dataDir: string, ownerFile: string): DatabaseSync {
  const file = join(dataDir, 'log.sqlite');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    // Before the first access: with it, WAL needs no shared memory and the lock is held until the process ends.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000');
    database.exec('BEGIN EXCLUSIVE; COMMIT');
  } catch (error) {
    database?.close();
    throw new LogUnavailable(`the data folder ${dataDir} ${whyNot(error, ownerFile)}`);
  }
  const owner = {
    pid: process.pid,
    started: new Date().toISOString(),
    command: process.argv.slice(2).join(' ') || 'a test',
  };
  writeFileSync(ownerFile, JSON.stringify(owner));
  return database;
}

function whyNot(error: unknown, ownerFile: string): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!/locked|busy/i.test(message)) return `holds a log that cannot be opened (${message})`;
  try {
    const owner = JSON.parse(readFileSync(ownerFile, 'utf8')) as { pid: number; started: string; command: string };
    return `is in use by process ${owner.pid} (ssrms ${owner.command}, since ${owner.started}): stop it, or set DATA_DIR to another folder`;
  } catch {
    return 'is in use by another process: stop it, or set DATA_DIR to another folder';
  }
}
