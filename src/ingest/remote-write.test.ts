// The vectors are stricter than the official suite, which takes 2xx or 400 for most.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { startIngest, type IngestServer } from './testing/ingest-server.ts';
import { encode } from './testing/protos.ts';
import * as snappy from 'snappyjs';

let it: IngestServer;
before(async () => {
  it = await startIngest();
});
after(() => it.close());

const v1 = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };
const v2 = { ...v1, 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' };
const staleMarker = (() => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(2, 0);
  bytes.writeUInt32LE(0x7ff0_0000, 4);
  return bytes;
})();

/** The request with a stale marker for the value 1.25. */
function withStaleMarker(request: Buffer): Buffer {
  const marked = Buffer.from(request);
  const at = marked.indexOf(Buffer.from(Float64Array.of(1.25).buffer));
  assert.ok(at > 0);
  staleMarker.copy(marked, at);
  return marked;
}

interface Series {
  labels: Record<string, string>;
  samples?: [number, number][];
  histograms?: object[];
  exemplars?: object[];
  metadata?: object;
  createdTimestamp?: bigint;
}
const samplesOf = (series: Series) =>
  (series.samples ?? []).map(([value, timestamp]) => ({ value, timestamp: BigInt(timestamp) }));
const request1 = (...series: Series[]): Buffer =>
  encode('WriteRequest', {
    timeseries: series.map((one) => ({
      labels: Object.entries(one.labels).map(([name, value]) => ({ name, value })),
      samples: samplesOf(one),
      histograms: one.histograms ?? [],
      exemplars: one.exemplars ?? [],
    })),
  });
const request2 = (...series: Series[]): Buffer => {
  const symbols = [''];
  const ref = (text: string): number => {
    if (!symbols.includes(text)) symbols.push(text);
    return symbols.indexOf(text);
  };
  const timeseries = series.map(({ labels, samples: _samples, ...more }, index) => ({
    ...more,
    labelsRefs: Object.entries(labels).flatMap(([name, value]) => [ref(name), ref(value)]),
    samples: samplesOf(series[index]!),
  }));
  return encode('Request2', { symbols, timeseries });
};
const written = (answer: Response): (string | null)[] =>
  ['samples', 'histograms', 'exemplars'].map((what) => answer.headers.get(`x-prometheus-remote-write-${what}-written`));

test('both versions: a sample becomes name, tags and time; 204, with Written headers in version 2 alone', async () => {
  const at = Date.now() - 5_000;
  const series = (name: string): Series => ({
    labels: { __name__: name, job: 'api', instance: 'a:9100' },
    samples: [
      [0.5, at],
      [-1e21, at],
    ],
  });
  const first = await it.post('/api/v1/write', snappy.compress(request1(series('both_1'))), v1);
  assert.deepEqual([first.status, await first.text(), ...written(first)], [204, '', null, null, null]);
  const second = await it.post('/api/v1/write', snappy.compress(request2(series('both_2'))), v2);
  assert.deepEqual([second.status, await second.text(), ...written(second)], [204, '', '2', '0', '0']);
  const tags = '"tags": {"job": "api", "instance": "a:9100"}';
  for (const name of ['both_1', 'both_2']) {
    assert.deepEqual(await it.written(name), [
      `${name}: {"value": 0.5, ${tags}}`,
      `${name}: {"value": -1e+21, ${tags}}`,
    ]);
  }
});

test('version 2 vectors: what is taken, and how much of it', async () => {
  const now = Date.now();
  const ok = (name: string, value = 1): Series => ({ labels: { __name__: name }, samples: [[value, now]] });
  const histogram = { countInt: 7n, sum: 3.5, timestamp: BigInt(now) };
  const ofEachType = Array.from({ length: 8 }, (_, type) => ({ ...ok('vector_n'), metadata: { type } }));
  const table: [string, Buffer, number, string[], string[]][] = [
    [
      'metadata of each type',
      request2(...ofEachType),
      204,
      ['8', '0', '0'],
      ofEachType.map(() => 'vector_n: {"value": 1}'),
    ],
    ['stale', withStaleMarker(request2(ok('vector_o', 1.25))), 204, ['1', '0', '0'], []],
    ['1.0', request2(ok('vector_a')), 204, ['1', '0', '0'], ['vector_a: {"value": 1}']],
    ['NaN', request2(ok('vector_b', NaN)), 204, ['1', '0', '0'], []],
    ['+Inf', request2(ok('vector_c', Infinity)), 204, ['1', '0', '0'], []],
    ['-Inf', request2(ok('vector_d', -Infinity)), 204, ['1', '0', '0'], []],
    ['odd name', request2(ok('vector.e ünd 1')), 204, ['1', '0', '0'], ['vector.e ünd 1: {"value": 1}']],
    [
      '3 of 4',
      request2(ok('vector_f'), ok('vector_f'), { labels: { job: 'x' }, samples: [[1, now]] }, ok('vector_f', 2)),
      400,
      ['3', '0', '0'],
      ['vector_f: {"value": 1}', 'vector_f: {"value": 1}', 'vector_f: {"value": 2}'],
    ],
    [
      'start time',
      request2({ ...ok('vector_g'), createdTimestamp: BigInt(now - 1e6) }),
      204,
      ['1', '0', '0'],
      ['vector_g: {"value": 1}'],
    ],
    [
      'with metadata',
      request2({ ...ok('vector_h'), metadata: { type: 2 } }),
      204,
      ['1', '0', '0'],
      ['vector_h: {"value": 1}'],
    ],
    ['metadata alone', request2({ labels: { __name__: 'vector_i' }, metadata: { type: 1 } }), 204, ['0', '0', '0'], []],
    [
      'exemplars alone',
      request2({ labels: { __name__: 'vector_j' }, exemplars: [{ value: 1 }] }),
      204,
      ['0', '0', '1'],
      [],
    ],
    [
      'with exemplars',
      request2({ ...ok('vector_k'), exemplars: [{ value: 1 }, { value: 2 }] }),
      204,
      ['1', '0', '2'],
      ['vector_k: {"value": 1}'],
    ],
    [
      'native histogram',
      request2({ labels: { __name__: 'vector_l' }, histograms: [histogram] }),
      204,
      ['0', '1', '0'],
      ['vector_l_count: {"value": 7}', 'vector_l_sum: {"value": 3.5}'],
    ],
    ['neither', request2({ labels: { __name__: 'vector_m' } }), 400, ['0', '0', '0'], []],
    ['no name', request2({ labels: { job: 'x' }, samples: [[1, now]] }), 400, ['0', '0', '0'], []],
    ['empty', Buffer.alloc(0), 204, ['0', '0', '0'], []],
    [
      'bad symbol',
      encode('Request2', { symbols: [''], timeseries: [{ labelsRefs: [1, 2], samples: [{ value: 1 }] }] }),
      400,
      ['0', '0', '0'],
      [],
    ],
    [
      'odd references',
      encode('Request2', { symbols: ['', 'a'], timeseries: [{ labelsRefs: [1], samples: [{ value: 1 }] }] }),
      400,
      ['0', '0', '0'],
      [],
    ],
  ];
  for (const [name, body, status, counts, records] of table) {
    const answer = await it.post('/api/v1/write', snappy.compress(body), v2);
    assert.deepEqual([answer.status, ...written(answer)], [status, ...counts], name);
    if (status === 400) assert.match(answer.headers.get('content-type') ?? '', /text\/plain/);
    if (records.length > 0) {
      const found = await it.written(records[0]!.slice(0, 'vector_a'.length));
      assert.deepEqual([...found].sort(), [...records].sort(), name);
    }
  }
  assert.deepEqual(await it.written('vector_o'), []);
});

test('a stale marker is taken and not published; a late repeat of a batch is written again', async () => {
  const body = request1({ labels: { __name__: 'stale_one' }, samples: [[1.25, Date.now()]] });
  const marked = withStaleMarker(body);
  assert.equal((await it.post('/api/v1/write', snappy.compress(marked), v1)).status, 204);
  assert.deepEqual(await it.written('stale_one'), []);
  assert.match(
    await it.meter.text(),
    /ssrms_ingest_samples_skipped_total\{protocol="remote_write_1",reason="stale"\} 1/,
  );
  await it.post('/api/v1/write', snappy.compress(body), v1);
  await it.post('/api/v1/write', snappy.compress(body), v1);
  assert.equal((await it.written('stale_one')).length, 2);
});

test('version 1: labels twice, without a name, split by a sample, times out of bounds', async () => {
  const now = Date.now();
  const timeseries = (labels: [string, string][], timestamp = now) => ({
    timeseries: [
      {
        labels: labels.map(([name, value]) => ({ name, value })),
        samples: [{ value: 1, timestamp: BigInt(timestamp) }],
      },
    ],
  });
  const table: [string, object, number, RegExp][] = [
    [
      'twice',
      timeseries([
        ['__name__', 'x'],
        ['a', '1'],
        ['a', '2'],
      ]),
      400,
      /tags\.a is there twice/,
    ],
    [
      'name twice',
      timeseries([
        ['__name__', 'x'],
        ['__name__', 'y'],
      ]),
      400,
      /__name__ is there twice/,
    ],
    ['no name', timeseries([['a', '1']]), 400, /__name__ is missing/],
    ['control character', timeseries([['__name__', 'a\u0001']]), 400, /control characters/],
    ['old', timeseries([['__name__', 'x']], now - 7_200_000), 400, /may be 3600 s old/],
    ['ahead', timeseries([['__name__', 'x']], now + 7_200_000), 400, /may be 600 s ahead/],
    ['negative', timeseries([['__name__', 'x']], -5), 400, /milliseconds since 1970/],
    [
      'proto tag',
      timeseries([
        ['__name__', 'proto_tag'],
        ['__proto__', 'x'],
      ]),
      204,
      /^$/,
    ],
  ];
  for (const [name, fields, status, message] of table) {
    const answer = await it.post('/api/v1/write', snappy.compress(encode('WriteRequest', fields)), v1);
    assert.equal(answer.status, status, name);
    assert.match(await answer.text(), message, name);
    assert.deepEqual(written(answer), [null, null, null]);
  }
  assert.deepEqual(await it.written('proto_tag'), ['proto_tag: {"value": 1, "tags": {"__proto__": "x"}}']);
});

test('other types and encodings are 415, broken bodies 400, bombs 413; in version 2 with Written 0', async () => {
  const body = request2({ labels: { __name__: 'refused' }, samples: [[1, Date.now()]] });
  const packed = snappy.compress(body);
  const broken = Buffer.from(packed);
  broken[0]! ^= 1;
  const badProto = Buffer.from(body);
  badProto[0] = 0x07;
  const bomb = Buffer.from([0xff, 0xff, 0xff, 0x7f, 0]);
  const large = Buffer.alloc(9 * 1024 * 1024, 1);
  const table: [string, Buffer, Record<string, string>, number][] = [
    ['json', packed, { ...v2, 'content-type': 'application/json' }, 415],
    ['png', packed, { ...v2, 'content-type': 'image/png' }, 415],
    ['other message', packed, { ...v2, 'content-type': 'application/x-protobuf;proto=a.B' }, 415],
    ['gzip', gzipSync(body), { ...v2, 'content-encoding': 'gzip' }, 415],
    ['deflate', packed, { ...v2, 'content-encoding': 'deflate' }, 415],
    ['zstd', packed, { ...v2, 'content-encoding': 'zstd' }, 415],
    ['corrupt first byte', broken, v2, 400],
    ['not snappy', body, v2, 400],
    ['bad protobuf', snappy.compress(badProto), v2, 400],
    ['bomb', bomb, v2, 400],
    ['too large unpacked', snappy.compress(Buffer.alloc(9 * 1024 * 1024, 'abcdefgh1')), v2, 413],
    ['too large', large, v2, 413],
  ];
  for (const [name, bytes, headers, status] of table) {
    const answer = await it.post('/api/v1/write', bytes, headers);
    assert.equal(answer.status, status, name);
    if (headers['content-type']?.includes('v2')) assert.deepEqual(written(answer), ['0', '0', '0'], name);
  }
  assert.deepEqual(await it.written('refused'), []);
});
