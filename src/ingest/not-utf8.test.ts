// A byte that is not UTF-8 costs neither its request nor its sample: the text gets U+FFFD for it, in every protocol.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { InfluxReader } from './influx-lines.ts';
import { OtlpProtobufReader } from './otlp-protobuf.ts';
import { RemoteWriteReader } from './remote-write.ts';
import { startIngest } from './testing/ingest-server.ts';
import { newSink, nowMs, partitions, samplesIn } from './testing/sinks.ts';
import { encode } from './testing/protos.ts';

const mark = '~'.charCodeAt(0);

/** The bytes with 0xff for each `~`. */
function withBadByte(bytes: Uint8Array): Buffer {
  const marked = Buffer.from(bytes);
  for (let at = 0; at < marked.length; at++) if (marked[at] === mark) marked[at] = 0xff;
  return marked;
}
const time = BigInt(nowMs) * 1_000_000n;
const pointOf = (host: string) => ({
  attributes: [{ key: 'host', value: { stringValue: host } }],
  timeUnixNano: time,
  asDouble: 1.5,
});
const exported = (host: string, service = 'api') => ({
  resourceMetrics: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: [pointOf(host), pointOf('fine')] } }] }],
    },
  ],
});
const timeseries = (value: string) => ({
  labels: [
    { name: '__name__', value: 'm' },
    { name: 'host', value },
  ],
  samples: [{ value: 1.5, timestamp: BigInt(nowMs) }],
});

async function hostsOf(read: (sink: ReturnType<typeof newSink>) => unknown): Promise<string[]> {
  const sink = newSink();
  await read(sink);
  assert.equal(sink.rejected, 0);
  return samplesIn(sink).map(({ text }) => (JSON.parse(text) as { tags: { host: string } }).tags.host);
}

test('a byte that is not UTF-8 in a tag becomes U+FFFD, and the rest of the request is kept', async () => {
  const expected = ['a\ufffdb', 'fine'];
  const otlp = withBadByte(encode('ExportMetricsServiceRequest', exported('a~b')));
  assert.deepEqual(
    await hostsOf(async (sink) => new OtlpProtobufReader(partitions).read(otlp, sink)),
    expected,
    'OTLP',
  );
  const first = withBadByte(encode('WriteRequest', { timeseries: [timeseries('a~b'), timeseries('fine')] }));
  assert.deepEqual(
    await hostsOf(async (sink) => new RemoteWriteReader(1, partitions).read(first, sink)),
    expected,
    'version 1',
  );
  const second = withBadByte(
    encode('Request2', {
      symbols: ['', '__name__', 'm', 'host', 'a~b', 'fine'],
      timeseries: [4, 5].map((host) => ({
        labelsRefs: [1, 2, 3, host],
        samples: [{ value: 1.5, timestamp: BigInt(nowMs) }],
      })),
    }),
  );
  assert.deepEqual(
    await hostsOf(async (sink) => new RemoteWriteReader(2, partitions).read(second, sink)),
    expected,
    'version 2',
  );
  const lines = withBadByte(Buffer.from('m,host=a~b value=1\nm,host=fine value=1'));
  assert.deepEqual(
    await hostsOf(async (sink) => new InfluxReader(partitions).read(lines, 'ns', sink)),
    expected,
    'Influx',
  );
});

test('OTLP in JSON, too; the own JSON, which people write by hand, is refused with the reason', async (t) => {
  const it = await startIngest();
  t.after(() => it.close());
  const point = { attributes: [{ key: 'host', value: { stringValue: 'a~b' } }], asDouble: 1.5 };
  const metrics = [{ name: 'bad_byte', gauge: { dataPoints: [point] } }];
  const body = withBadByte(Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] })));
  const json = { 'content-type': 'application/json' };
  assert.equal((await it.post('/v1/metrics', body, json)).status, 200);
  assert.deepEqual(await it.written('bad_byte'), ['bad_byte: {"value": 1.5, "tags": {"host": "a\ufffdb"}}']);
  assert.equal(
    (await it.post('/api/v1/metrics', withBadByte(Buffer.from('{"name":"~","value":1}')), json)).status,
    400,
  );
});
