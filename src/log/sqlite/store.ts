import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { nextOffset } from '../batch.ts';
import { LogUnavailable, type Bounds, type TopicSettings } from '../log.ts';
import { fileMode, prepareFolder } from './data-folder.ts';
import { bringUpToDate } from './schema.ts';

/** A topic as stored; `id` is its row. */
export interface StoredTopic {
  readonly id: number;
  readonly settings: TopicSettings;
}

/** One row: a whole record batch (batch.ts), and its first and last offset. */
export interface StoredBatch {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly bytes: Uint8Array;
}

/** A batch as retention asks for it, which reads none of its bytes. */
export interface BatchAge {
  readonly lastOffset: number;
  /** The largest timestamp in the partition up to this batch, but for those of a clock that was ahead before. */
  readonly reachedMs: number;
  /** How many bytes it has. */
  readonly bytes: number;
}

/** What a partition's batches take, and what its last compaction left. */
export interface Fill {
  readonly bytes: number;
  /** Before this offset no key is twice. */
  readonly compactedTo: number;
  /** So many records are before it. */
  readonly compactedRecords: number;
}

export interface PartitionId {
  readonly topic: number;
  readonly partition: number;
}

/** What one read of batches gives at the most. */
const batchesMax = 2_000;

/**
 * The tables of the embedded log, and nothing else: rows in, rows out, one transaction at a time. SQLite in WAL mode with
 * synchronous=FULL makes a commit durable before it returns; an exclusive lock, which the kernel drops when the process
 * dies however it dies, keeps a second owner out.
 */
export class Store {
  readonly #database: DatabaseSync;
  readonly #ownerFile: string;
  readonly #statements = new Map<string, StatementSync>();
  /** The mode of the folder when others may read or write it. */
  readonly openFolderMode: number | undefined;

  /** Opens or creates the log in a folder. Throws LogUnavailable, naming the folder and who holds it or what is wrong. */
  constructor(dataDir: string) {
    this.#ownerFile = join(dataDir, 'owner.json');
    this.openFolderMode = prepareFolder(dataDir);
    this.#database = openOwned(dataDir, this.#ownerFile);
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
      this.#sql('INSERT INTO partitions (topic, partition, first, next) VALUES (?, ?, 0, 0)').run(id, partition);
    }
    return { id, settings };
  }

  bounds(topic: number): Bounds[] {
    return this.#sql('SELECT first, next FROM partitions WHERE topic = ? ORDER BY partition').all(
      topic,
    ) as unknown as Bounds[];
  }

  /** Adds a batch at the partition's end. */
  addBatch(where: PartitionId, batch: StoredBatch & { readonly reachedMs: number }): void {
    this.#sql('INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?)').run(
      where.topic,
      where.partition,
      batch.firstOffset,
      batch.lastOffset,
      batch.reachedMs,
      batch.bytes,
    );
    this.#sql('UPDATE partitions SET next = ?, bytes = bytes + ? WHERE topic = ? AND partition = ?').run(
      batch.lastOffset + 1,
      batch.bytes.length,
      where.topic,
      where.partition,
    );
  }

  /** Deletes the batches up to the one that ends at an offset, `bytes` in all. The partition begins after it. */
  deleteUpTo(where: PartitionId, lastOffset: number, bytes: number): void {
    this.#sql('DELETE FROM batches WHERE topic = ? AND partition = ? AND last <= ?').run(
      where.topic,
      where.partition,
      lastOffset,
    );
    this.#sql('UPDATE partitions SET first = ?, bytes = bytes - ? WHERE topic = ? AND partition = ?').run(
      lastOffset + 1,
      bytes,
      where.topic,
      where.partition,
    );
  }

  /** Puts in place of a batch what compaction keeps of it: undefined when nothing. It ends where it ended. */
  replaceBatch(where: PartitionId, batch: Uint8Array, kept: Uint8Array | undefined): void {
    const place = [where.topic, where.partition, nextOffset(batch) - 1];
    if (kept === undefined)
      this.#sql('DELETE FROM batches WHERE topic = ? AND partition = ? AND last = ?').run(...place);
    else this.#sql('UPDATE batches SET bytes = ? WHERE topic = ? AND partition = ? AND last = ?').run(kept, ...place);
    this.#sql('UPDATE partitions SET bytes = bytes - ? WHERE topic = ? AND partition = ?').run(
      batch.length - (kept?.length ?? 0),
      where.topic,
      where.partition,
    );
  }

  /** Keeps how far a compaction came, and how many records it left up to there. */
  setCompacted(where: PartitionId, compactedTo: number, records: number): void {
    this.#sql('UPDATE partitions SET compacted_to = ?, compacted_records = ? WHERE topic = ? AND partition = ?').run(
      compactedTo,
      records,
      where.topic,
      where.partition,
    );
  }

  fill(where: PartitionId): Fill {
    return this.#sql(
      `SELECT bytes, compacted_to AS compactedTo, compacted_records AS compactedRecords FROM partitions
       WHERE topic = ? AND partition = ?`,
    ).get(where.topic, where.partition) as unknown as Fill;
  }

  /** Batches from the one that holds `fromOffset` (or the next after it) on, in order: `bytesMax`, and no more than some milliseconds' work. */
  batches(where: PartitionId, fromOffset: number, bytesMax: number): StoredBatch[] {
    const rows = this.#sql(
      `SELECT first AS firstOffset, last AS lastOffset, bytes FROM batches
       WHERE topic = ? AND partition = ? AND last >= ? ORDER BY last`,
    ).iterate(where.topic, where.partition, fromOffset) as IterableIterator<unknown> as IterableIterator<StoredBatch>;
    const found: StoredBatch[] = [];
    let bytes = 0;
    for (const row of rows) {
      found.push(row);
      bytes += row.bytes.length;
      if (bytes >= bytesMax || found.length >= batchesMax) break;
    }
    return found;
  }

  /** The first batches from an offset on, at most `count`. */
  ages(where: PartitionId, fromOffset: number, count: number): BatchAge[] {
    return this.#sql(
      `SELECT last AS lastOffset, reached AS reachedMs, length(bytes) AS bytes FROM batches
       WHERE topic = ? AND partition = ? AND last >= ? ORDER BY last LIMIT ?`,
    ).all(where.topic, where.partition, fromOffset, count) as unknown as BatchAge[];
  }

  /** The first batch with a record at or after a time; undefined when all are older. */
  firstBatchSince(where: PartitionId, { first, next }: Bounds, timestampMs: number): StoredBatch | undefined {
    // What ends before `low` has not reached the time; what ends at `high` or later has. Where a clock was ahead there may be two such
    // places, of which either is found: what the clock stamped itself, or the first that is truly as young.
    let [low, high] = [first, next];
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      const [batch] = this.ages(where, middle, 1);
      if (batch !== undefined && batch.reachedMs < timestampMs) low = batch.lastOffset + 1;
      else high = middle;
    }
    return this.batches(where, low, 1)[0];
  }

  /** The largest timestamp of a partition; 0 when it holds nothing. */
  reachedMs(where: PartitionId): number {
    const row = this.#sql(
      'SELECT reached FROM batches WHERE topic = ? AND partition = ? ORDER BY last DESC LIMIT 1',
    ).get(where.topic, where.partition) as { reached: number } | undefined;
    return row?.reached ?? 0;
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

function openOwned(dataDir: string, ownerFile: string): DatabaseSync {
  const file = join(dataDir, 'log.sqlite');
  let database: DatabaseSync | undefined;
  try {
    // SQLite gives its other files the rights that this one has.
    closeSync(openSync(file, 'a', fileMode));
    database = new DatabaseSync(file);
    // Before the first access: with it, WAL needs no shared memory and the lock is held until the process ends.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000');
    database.exec('BEGIN EXCLUSIVE');
    bringUpToDate(database);
    database.exec('COMMIT');
  } catch (error) {
    database?.close();
    throw new LogUnavailable(`the data folder ${dataDir} ${whyNot(error, ownerFile)}`);
  }
  const owner = {
    pid: process.pid,
    started: new Date().toISOString(),
    command: process.argv.slice(2).join(' ') || 'a test',
  };
  writeFileSync(ownerFile, JSON.stringify(owner), { mode: fileMode });
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
