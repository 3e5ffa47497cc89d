// What the cases of log.contract.ts and the tests of single adapters are made of.
import assert from 'node:assert/strict';
import { recordsOf } from './batch.ts';
import type { Log, Place } from './log.ts';
import type { NewRecord, RecordChunk } from './record.ts';

/** A record as tests write and compare it: text for bytes. */
export interface Written {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestampMs: number;
}

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString());

export function newRecord(key: string, value: string | null, more: Partial<NewRecord> = {}): NewRecord {
  return {
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestampMs: Date.now(),
    ...more,
  };
}

export function writtenIn(chunk: RecordChunk): Written[] {
  return [...recordsOf(chunk)].map(({ key, value, ...rest }) => ({ ...rest, key: text(key), value: text(value) }));
}

/** All records of a range, having checked that chunks join and that their records lie within them. */
export async function readAll(chunks: AsyncIterable<RecordChunk>): Promise<Written[]> {
  const all: Written[] = [];
  let expected: number | undefined;
  for await (const chunk of chunks) {
    assert.ok(expected === undefined || chunk.firstOffset === expected, 'a chunk begins where the last one ended');
    assert.ok(chunk.headOffset >= chunk.nextOffset);
    for (const record of writtenIn(chunk)) {
      assert.ok(record.offset >= chunk.firstOffset && record.offset < chunk.nextOffset);
      all.push(record);
    }
    expected = chunk.nextOffset;
  }
  return all;
}

/** Resolves when the signal aborts: what a handler does that has nothing to do. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export async function newTopic(log: Log, partitions = 1, cleanup: 'delete' | 'compact' = 'delete'): Promise<string> {
  const name = newName('contract');
  await log.ensureTopics([{ name, partitions, cleanup }]);
  return name;
}

export const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

let nameCount = 0;

/** A name that no other case or run uses. */
export function newName(kind: string): string {
  return `${kind}-${process.pid}-${Date.now()}-${nameCount++}`;
}

/** Whether each acknowledged value is in the log once, at the place returned, and values of a partition in order. */
export async function checkWritten(log: Log, topic: string, acknowledged: ReadonlyMap<number, Place>) {
  const found = new Map<number, number>();
  for (const partition of numbers(await log.partitionCount(topic))) {
    let last = -1;
    for (const record of await readAll(log.read(topic, partition, { from: { offset: 0 } }))) {
      const value = Number(record.value);
      found.set(value, (found.get(value) ?? 0) + 1);
      assert.ok(value > last, `${value} stands after ${last}`);
      last = value;
      const place = acknowledged.get(value);
      if (place) assert.deepEqual(place, { partition, offset: record.offset });
    }
  }
  assert.deepEqual(
    [...acknowledged.keys()].filter((value) => !found.has(value)),
    [],
    'acknowledged and missing',
  );
  assert.deepEqual(
    [...found].filter(([, times]) => times > 1),
    [],
    'written twice',
  );
}

/** Appends ascending numbers to the partitions in turn, awaiting none, until told to stop; resolves to those acknowledged. */
export function appendAlong(log: Log, topic: string, partitions: number) {
  const acknowledged = new Map<number, Place>();
  const failures: Error[] = [];
  const pending: Promise<void>[] = [];
  let count = 0;
  const timer = setInterval(() => {
    for (const partition of numbers(partitions)) {
      const value = count++;
      const appended = log.append(topic, [newRecord('k', `${value}`, { partition })]);
      pending.push(
        appended.then(
          ([place]) => void acknowledged.set(value, place!),
          (error: Error) => void failures.push(error),
        ),
      );
    }
  }, 2);
  return {
    acknowledged,
    failures,
    async stop() {
      clearInterval(timer);
      await Promise.all(pending);
      return count;
    },
  };
}
