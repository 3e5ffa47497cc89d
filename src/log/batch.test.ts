import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  CorruptBatch,
  RecordSpans,
  attributes,
  baseOffset,
  batchBytes,
  batchCrc,
  batchHeaderBytes,
  checkBatch,
  encodeBatch,
  keepRecords,
  lastOffsetDelta,
  maxTimestamp,
  nextOffset,
  producerEpoch,
  producerId,
  baseSequence,
  recordBytesMax,
  recordCount,
  recordsOf,
  scanBatch,
  sealBatch,
  setBaseOffset,
  type BatchRecord,
} from './batch.ts';
import { crc32c } from './crc32c.ts';
import type { RecordChunk } from './record.ts';

const chunkOf = (batches: readonly Uint8Array[], firstOffset = 0, end = Number.MAX_SAFE_INTEGER): RecordChunk => {
  return { partition: 3, batches, firstOffset, nextOffset: end, headOffset: end };
};
const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString());
const record = (key: string | null, value: string | null, timestampMs = 1_700_000_000_000): BatchRecord => {
  return {
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestampMs,
  };
};

// Written by Kafka's own MemoryRecordsBuilder (kafka-clients 4.3.1), with the arguments that the test below shows.
const fromJava =
  '0000011f71fb04cb0000004cffffffff02981c259c0000000000020000018bcfe5687b0000018bcfe6ef1b000000012a05f20100070000002a' +
  '000000031000000002610231001200c09a0c02026201000e00f70104010000';

test('crc32c gives the values of RFC 3720', () => {
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
});

test("a batch is the same bytes as Java's", () => {
  const ours = encodeBatch(
    [record('a', '1', 1_700_000_000_123), record('b', null, 1_700_000_100_123), record(null, '', 1_699_999_999_999)],
    { id: 5_000_000_001, epoch: 7, baseSequence: 42 },
  );
  setBaseOffset(ours, 1_234_567_890_123);
  assert.equal(Buffer.from(ours).toString('hex'), fromJava);
});

const anyRecord = fc.record({
  key: fc.option(fc.uint8Array({ maxLength: 200 }), { nil: null }),
  value: fc.option(fc.uint8Array({ maxLength: 20_000, size: 'medium' }), { nil: null }),
  timestampMs: fc.oneof(fc.integer({ min: 0, max: 4_102_444_800_000 }), fc.integer({ min: 0, max: 2 ** 44 })),
});

test('what is encoded is read again', () => {
  fc.assert(
    fc.property(
      fc.array(anyRecord, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 0, max: 2 ** 50 }),
      (written, base) => {
        const batch = encodeBatch(written, { id: 2 ** 40 + 5, epoch: 300, baseSequence: 2 ** 31 - 1 });
        setBaseOffset(batch, base);
        checkBatch(batch);
        assert.ok(batch.length <= written.reduce((sum, one) => sum + recordBytesMax(one), batchHeaderBytes));
        assert.equal(batchBytes(batch), batch.length);
        assert.equal(baseOffset(batch), base);
        assert.equal(lastOffsetDelta(batch), written.length - 1);
        assert.equal(nextOffset(batch), base + written.length);
        assert.equal(recordCount(batch), written.length);
        assert.equal(maxTimestamp(batch), Math.max(...written.map((one) => one.timestampMs)));
        assert.equal(producerId(batch), 2 ** 40 + 5);
        assert.equal(producerEpoch(batch), 300);
        assert.equal(baseSequence(batch), 2 ** 31 - 1);
        assert.equal(attributes(batch), 0);
        const seen = [...recordsOf(chunkOf([batch]))];
        assert.equal(seen.length, written.length);
        seen.forEach((one, index) => {
          const wanted = written[index]!;
          assert.equal(one.offset, base + index);
          assert.equal(one.partition, 3);
          assert.equal(one.timestampMs, wanted.timestampMs);
          assert.deepEqual(one.key === null ? null : Buffer.from(one.key), wanted.key && Buffer.from(wanted.key));
          assert.deepEqual(
            one.value === null ? null : Buffer.from(one.value),
            wanted.value && Buffer.from(wanted.value),
          );
        });
      },
    ),
  );
});

test('a batch without a producer says -1', () => {
  const batch = encodeBatch([record('a', '1')]);
  assert.deepEqual([producerId(batch), producerEpoch(batch), baseSequence(batch)], [-1, -1, -1]);
});

test('only the records between firstOffset and nextOffset are read', () => {
  const first = encodeBatch(['a', 'b', 'c'].map((key) => record(key, key)));
  const second = encodeBatch(['d', 'e', 'f'].map((key) => record(key, key)));
  setBaseOffset(first, 10);
  setBaseOffset(second, 13);
  const keys = (from: number, to: number) =>
    [...recordsOf(chunkOf([first, second], from, to))].map((one) => text(one.key));
  assert.deepEqual(keys(0, 100), ['a', 'b', 'c', 'd', 'e', 'f']);
  assert.deepEqual(keys(11, 15), ['b', 'c', 'd', 'e']);
  assert.deepEqual(keys(16, 100), []);
});

test('a tombstone and an empty value differ', () => {
  const batch = encodeBatch([record('a', null), record('a', '')]);
  assert.deepEqual(
    [...recordsOf(chunkOf([batch]))].map((one) => text(one.value)),
    [null, ''],
  );
});

test('with the append-time bit every record has the time of the batch', () => {
  const batch = encodeBatch([record('a', '1', 1000), record('b', '2', 5000)]);
  batch[22] = 0x08;
  sealBatch(batch);
  assert.deepEqual(
    [...recordsOf(chunkOf([batch]))].map((one) => one.timestampMs),
    [5000, 5000],
  );
});

test('compaction keeps offsets, times and the end of a batch', () => {
  const batch = encodeBatch(['a', 'b', 'c', 'd'].map((key, index) => record(key, key, 1000 + index)));
  setBaseOffset(batch, 100);
  const smaller = keepRecords(batch, (spans, index) => index === 1 && spans.offset[index] === 101)!;
  checkBatch(smaller);
  assert.equal(nextOffset(smaller), 104);
  assert.deepEqual(
    [...recordsOf(chunkOf([smaller]))].map((one) => [one.offset, one.timestampMs, text(one.key)]),
    [[101, 1001, 'b']],
  );
  assert.equal(
    keepRecords(batch, () => false),
    undefined,
  );
});

test('every changed byte is found, by the checksum or before it', () => {
  const batch = encodeBatch([record('key', 'value'), record('other', null)]);
  for (let at = 8; at < batch.length; at++) {
    // The leader's epoch is the broker's to write, and not covered.
    if (at >= 12 && at < 16) continue;
    const damaged = Buffer.from(batch);
    damaged[at]! ^= 0x40;
    assert.throws(() => checkBatch(damaged), CorruptBatch, `byte ${at}`);
  }
  assert.throws(() => checkBatch(batch.subarray(0, 40)), CorruptBatch);
  assert.throws(() => checkBatch(batch.subarray(0, batch.length - 1)), CorruptBatch);
  assert.equal(batchCrc(batch), crc32c(batch, 21));
});

test('whatever is damaged behind a valid checksum, reading ends within the batch', () => {
  fc.assert(
    fc.property(
      fc.array(anyRecord, { minLength: 1, maxLength: 5 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (written, damage) => {
        const batch = encodeBatch(written);
        for (const [at, byte] of damage) batch[57 + (at % (batch.length - 57))] = byte;
        const spans = new RecordSpans();
        try {
          scanBatch(batch, spans);
        } catch (error) {
          assert.ok(error instanceof CorruptBatch);
          return;
        }
        for (let index = 0; index < spans.count; index++) {
          assert.ok(spans.keyEnd[index]! <= batch.length && spans.valueEnd[index]! <= batch.length);
          assert.ok(
            spans.keyStart[index]! <= spans.keyEnd[index]! && spans.valueStart[index]! <= spans.valueEnd[index]!,
          );
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('a compressed batch is refused', () => {
  const batch = encodeBatch([record('a', '1')]);
  batch[22] = 4;
  assert.throws(() => scanBatch(batch, new RecordSpans()), CorruptBatch);
});
