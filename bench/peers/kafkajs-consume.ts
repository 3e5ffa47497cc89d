// KafkaJS, reading alone: BOOTSTRAP TOPIC RECORDS FROM UNTIL. It has no codec but gzip of its own: lz4 and zstd are unpacked by the
// same code as for @platformatic/kafka. Counted between its fetches, as in kafkajs-service.ts.
import { zstdDecompressSync } from 'node:zlib';
import { compressionsAlgorithms } from '@platformatic/kafka';
import kafkajs from 'kafkajs';
import { recordChecksum } from '../support/checksum.ts';
import { MeasuredSpan } from '../support/measured-span.ts';

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
const unpacking = (decompress: (packed: Buffer) => Buffer) => () => ({
  compress: () => Promise.reject(new Error('only for reading')),
  decompress: (packed: Buffer) => Promise.resolve(decompress(packed)),
});
CompressionCodecs[CompressionTypes.ZSTD] = unpacking((packed) => zstdDecompressSync(packed));
CompressionCodecs[CompressionTypes.LZ4] = unpacking((packed) => compressionsAlgorithms.lz4.decompressSync(packed));

const [bootstrap, topic, ...numbers] = process.argv.slice(2) as [string, string, ...string[]];
const [records, from, until] = numbers.map(Number) as [number, number, number];
const span = new MeasuredSpan(from, until);
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({
  groupId: `peer-${process.pid}-${Date.now()}`,
  maxBytes: 50 * 1024 * 1024,
  maxBytesPerPartition: 4 * 1024 * 1024,
});
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
let seen = 0;
let checksum = 0;
consumer.on(consumer.events.FETCH_START, () => span.reached(seen));
await consumer.run({
  autoCommit: false,
  partitionsConsumedConcurrently: 20,
  async eachBatch({ batch }) {
    for (const { key, value } of batch.messages) checksum += recordChecksum(key!, value!);
    seen += batch.messages.length;
    if (seen < records) return;
    console.log(JSON.stringify({ ...span.figures(seen), checksum }));
    process.exit(0);
  },
});
