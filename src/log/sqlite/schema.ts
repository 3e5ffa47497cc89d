import type { DatabaseSync } from 'node:sqlite';

/** Kept in the file: SQLite's user_version. */
const schemaVersion = 1;

// `reached` grows along a partition's batches (partitions.ts says when it does not), so that a time is found by halves. `bytes` of a
// partition is the sum of its batches'. Both spare a look at every row, which are a million a week at two appends a second.
const schema = `
  CREATE TABLE IF NOT EXISTS topics (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, settings TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS partitions (
    topic INTEGER NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0, compacted_to INTEGER NOT NULL DEFAULT 0,
    compacted_records INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (topic, partition)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS batches (
    topic INTEGER NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    reached INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS batches_by_last ON batches (topic, partition, last);
  CREATE TABLE IF NOT EXISTS positions (
    topic INTEGER NOT NULL, member_group TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (topic, member_group, partition)) STRICT, WITHOUT ROWID;
`;

/** From version 0, whose batches had the largest timestamp of their own, and whose partitions did not know their bytes. */
const fromVersion0 = `
  CREATE TABLE IF NOT EXISTS batches (
    topic INTEGER NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    max_timestamp INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
  ALTER TABLE partitions ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE partitions ADD COLUMN compacted_to INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE partitions ADD COLUMN compacted_records INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE batches RENAME COLUMN max_timestamp TO reached;
  UPDATE batches SET reached = so_far.reached
    FROM (SELECT rowid AS id, max(iif(reached <= 1000 * unixepoch(), reached, 0))
            OVER (PARTITION BY topic, partition ORDER BY last) AS reached FROM batches) AS so_far
    WHERE batches.rowid = so_far.id AND batches.reached < so_far.reached;
  UPDATE partitions SET bytes = sums.bytes
    FROM (SELECT topic, partition, sum(length(bytes)) AS bytes FROM batches GROUP BY topic, partition) AS sums
    WHERE partitions.topic = sums.topic AND partitions.partition = sums.partition;
`;

/** Makes the tables, or brings those of an earlier version to this one; call it in a transaction. */
export function bringUpToDate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version > schemaVersion) throw new Error('a newer version of ssrms has written it');
  const columns = database.prepare(`SELECT name FROM pragma_table_info('partitions')`).all();
  if (columns.length > 0 && !columns.some(({ name }) => name === 'bytes')) database.exec(fromVersion0);
  database.exec(schema);
  database.exec(`PRAGMA user_version = ${schemaVersion}`);
}
