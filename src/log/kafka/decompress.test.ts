import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { CorruptBatch, batchHeaderBytes, checkBatch, encodeBatch, sealBatch } from '../batch.ts';
import { decompressBatch, unpackedBytesMax } from './decompress.ts';

/** One record, as Java's MemoryRecordsBuilder (kafka-clients 4.3.1) writes it with each codec. */
const fromJava = {
  none: '000000000000000000000064ffffffff02c9b1ba370000000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff0000000164000000086b657930507b2276616c7565223a20307d633955617539696375426c764476746f6b766c4e61507a4d4c44553d00',
  gzip: '000000000000000000000078ffffffff029916c0f80001000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff000000011f8b08000000000000ff4b616060e0c84ead3408a8562a4bcc294d55b25230a84db60c4d2cb5cc4c2e75ca2973292bc9cf2ecbf14b0ca8f2f57109b56500003169ac3133000000',
  snappy:
    '00000000000000000000007affffffff02e2568d3a0002000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff0000000182534e415050590000000001000000010000003533c864000000086b657930507b2276616c7565223a20307d633955617539696375426c764476746f6b766c4e61507a4d4c44553d00',
  lz4: '000000000000000000000073ffffffff023c581c460003000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff0000000104224d186040823300008064000000086b657930507b2276616c7565223a20307d633955617539696375426c764476746f6b766c4e61507a4d4c44553d0000000000',
  zstd: '000000000000000000000070ffffffff02bb13ec720004000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff0000000128b52ffd005898010064000000086b657930507b2276616c7565223a20307d633955617539696375426c764476746f6b766c4e61507a4d4c44553d00010000',
};

/** A batch whose records are these bytes, packed with this codec. */
function packed(codec: number, bytes: Uint8Array): Buffer {
  const header = encodeBatch([{ key: null, value: null, timestampMs: 0 }]).subarray(0, batchHeaderBytes);
  const batch = Buffer.concat([header, bytes]);
  batch.writeInt32BE(batch.length - 12, 8);
  batch[22] = codec;
  sealBatch(batch);
  checkBatch(batch);
  return batch;
}

for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`what Java packs with ${codec} unpacks to what it writes plain`, () => {
    const plain = decompressBatch(Buffer.from(fromJava[codec], 'hex'));
    checkBatch(plain);
    assert.equal(plain.toString('hex'), fromJava.none);
  });
}

test('a bomb is refused before it bursts, in every codec', () => {
  const bomb = Buffer.alloc(unpackedBytesMax + 1);
  const snappy = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]);
  const xerial = Buffer.concat([
    Buffer.from('82534e415050590000000001000000010000_0007'.replace('_', ''), 'hex'),
    snappy,
  ]);
  // A frame of blocks of four megabytes each, every one said to be a few bytes long.
  const lz4Block = Buffer.from('0400000000000000', 'hex');
  const lz4 = Buffer.concat([
    Buffer.from('04224d18607000', 'hex'),
    ...Array<Buffer>(17).fill(lz4Block),
    Buffer.alloc(4),
  ]);
  const bombs: [number, Buffer][] = [
    [1, gzipSync(bomb)],
    [2, snappy],
    [2, xerial],
    [3, lz4],
    [4, zstdCompressSync(bomb)],
  ];
  for (const [codec, bytes] of bombs) {
    const beganMs = performance.now();
    assert.throws(() => decompressBatch(packed(codec, bytes)), CorruptBatch, `codec ${codec}`);
    assert.ok(performance.now() - beganMs < 2_000);
  }
});

test('garbage is a named failure, and does not spoil what comes after it', () => {
  for (const codec of [1, 2, 3, 4, 5, 7]) {
    for (const bytes of [Buffer.alloc(0), Buffer.from('garbage that no codec knows'), Buffer.alloc(50, 0xff)]) {
      assert.throws(() => decompressBatch(packed(codec, bytes)), CorruptBatch, `codec ${codec}`);
    }
  }
  const cut = Buffer.from(fromJava.snappy, 'hex').subarray(0, -10);
  assert.throws(() => decompressBatch(cut), CorruptBatch);
  assert.equal(decompressBatch(Buffer.from(fromJava.snappy, 'hex')).toString('hex'), fromJava.none);
  assert.equal(decompressBatch(Buffer.from(fromJava.lz4, 'hex')).toString('hex'), fromJava.none);
});
