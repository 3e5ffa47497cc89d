// B22: readers of protobuf and JSON on one request of remote write and one of our JSON. All do the same work in one process, in turns. A
// reader of our own stays only while it is at least twice as fast as a library: the JSON scanner does, a protobuf reader did not.
import assert from 'node:assert/strict';
import { PbfReader } from 'pbf';
import { JsonScanner } from '../src/ingest/json-scan.ts';
import { readJsonSamples } from '../src/ingest/json-samples.ts';
import { ProtoCursor } from '../src/ingest/protobuf.ts';
import { encode } from '../src/ingest/testing/protos.ts';
import { newSink, nowMs, partitions } from '../src/ingest/testing/sinks.ts';
import type { Options } from './support/options.ts';
import type { Result } from './support/result.ts';
import { bootstrap } from './support/statistics.ts';

const seriesCount = 1_000;

function remoteWriteRequest(): Buffer {
  return encode('WriteRequest', {
    timeseries: Array.from({ length: seriesCount }, (_, index) => ({
      labels: [
        { name: '__name__', value: 'node_network_receive_bytes_total' },
        { name: 'device', value: `eth${index % 8}` },
        { name: 'instance', value: `web-${index}.example.com:9100` },
        { name: 'job', value: 'node' },
      ],
      samples: [{ value: index * 1_234.5, timestamp: BigInt(nowMs - index) }],
    })),
  });
}

function jsonRequest(): Buffer {
  const samples = Array.from({ length: seriesCount }, (_, index) => ({
    name: 'node_network_receive_bytes_total',
    value: index * 1_234.5,
    tags: { device: `eth${index % 8}`, instance: `web-${index}.example.com:9100`, job: 'node' },
    timestamp: nowMs - index,
  }));
  return Buffer.from(JSON.stringify(samples));
}

const fieldOf = ({ field }: ProtoCursor): number => field;

/** What a reader found, as a number: where the labels of each series are, its value and its time. */
function readByCursor(body: Uint8Array): number {
  const cursor = new ProtoCursor(body);
  let found = 0;
  while (cursor.next(body.length)) {
    const seriesEnd = cursor.fieldEnd;
    while (cursor.next(seriesEnd)) {
      if (cursor.field !== 2) {
        found += cursor.fieldEnd - cursor.at;
        cursor.skip(seriesEnd);
        continue;
      }
      const end = cursor.fieldEnd;
      while (cursor.next(end)) found += fieldOf(cursor) === 1 ? cursor.double(end) : cursor.int64(end);
    }
  }
  return found;
}

/** The same with the library, by its quickest way: no callbacks, and labels passed over as bytes. */
function readByPbf(body: Uint8Array): number {
  const pbf = new PbfReader(body);
  let found = 0;
  while (pbf.pos < body.length) {
    pbf.readVarint();
    const seriesEnd = pbf.readVarint() + pbf.pos;
    while (pbf.pos < seriesEnd) {
      const tag = pbf.readVarint();
      const length = pbf.readVarint();
      if (tag >> 3 !== 2) {
        found += length;
        pbf.pos += length;
        continue;
      }
      const end = pbf.pos + length;
      while (pbf.pos < end) found += pbf.readVarint() >> 3 === 1 ? pbf.readDouble() : pbf.readVarint(true);
    }
  }
  return found;
}

/** CPU nanoseconds a sample of each, measured in turns so that a busy machine disturbs all alike. */
async function inTurns(
  subjects: Readonly<Record<string, () => unknown>>,
  { isShort }: Options,
): Promise<Record<string, number[]>> {
  const [rounds, repeats] = isShort ? [3, 20] : [20, 300];
  const measured: Record<string, number[]> = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  // The first round warms up.
  for (let round = -1; round < rounds; round++) {
    for (const [name, read] of Object.entries(subjects)) {
      const cpu = process.cpuUsage();
      for (let repeat = 0; repeat < repeats; repeat++) await read();
      const { user, system } = process.cpuUsage(cpu);
      if (round >= 0) measured[name]!.push(((user + system) * 1_000) / (repeats * seriesCount));
    }
  }
  return measured;
}

export async function decoders(options: Options): Promise<Result[]> {
  const [protobuf, json] = [remoteWriteRequest(), jsonRequest()];
  assert.equal(readByCursor(protobuf), readByPbf(protobuf), 'both read the same');
  const scanner = new JsonScanner(partitions);
  const measured = await inTurns(
    {
      cursor: () => readByCursor(protobuf),
      pbf: () => readByPbf(protobuf),
      scanner: () => assert.ok(scanner.scan(json, 'json', newSink())),
      parse: () => readJsonSamples(json, 'json', newSink()),
    },
    options,
  );
  const figure = (what: string, name: string): Result => ({
    scenario: 'B22',
    what,
    value: bootstrap(measured[name]!),
    unit: 'ns',
  });
  const ratio = (what: string, peer: string, ours: string): Result => ({
    scenario: 'B22',
    what,
    value: bootstrap(measured[peer]!.map((value, round) => value / measured[ours]![round]!)),
    unit: 'x',
    goal: { atLeast: 2 },
  });
  return [
    figure('remote write with 4 labels: our cursor over pbf, which checks bounds, per sample', 'cursor'),
    figure('the same with pbf alone, unchecked', 'pbf'),
    figure('our JSON with 3 tags: our scanner, per sample', 'scanner'),
    figure('the same with JSON.parse', 'parse'),
    ratio('JSON.parse / ours', 'parse', 'scanner'),
  ];
}
