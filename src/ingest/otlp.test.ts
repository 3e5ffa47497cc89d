import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { readOtlpJson } from './otlp-json.ts';
import { startIngest, type IngestServer } from './testing/ingest-server.ts';
import { decode, encode } from './testing/protos.ts';
import { newSink, nowMs, samplesIn } from './testing/sinks.ts';

let it: IngestServer;
before(async () => {
  it = await startIngest();
});
after(() => it.close());

const protobuf = { 'content-type': 'application/x-protobuf' };
const json = { 'content-type': 'application/json' };
const nanos = (agoMs: number): bigint => BigInt(Date.now() - agoMs) * 1_000_000n + 999_999n;
const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
const delta = 1;
const cumulative = 2;

/** One of each kind of metric. */
function everything(prefix: string, timeUnixNano: bigint) {
  const point = { timeUnixNano, attributes: [text('route', '/a')] };
  const metrics = [
    { name: `${prefix}.gauge`, gauge: { dataPoints: [{ ...point, asDouble: 0.25 }] } },
    { name: `${prefix}.updown`, sum: { aggregationTemporality: cumulative, dataPoints: [{ ...point, asInt: -7n }] } },
    {
      name: `${prefix}.total`,
      sum: {
        aggregationTemporality: cumulative,
        isMonotonic: true,
        dataPoints: [{ ...point, asInt: 9_007_199_254_740_993n }],
      },
    },
    {
      name: `${prefix}.delta`,
      sum: { aggregationTemporality: delta, isMonotonic: true, dataPoints: [{ ...point, asInt: 3n }] },
    },
    {
      name: `${prefix}.hist`,
      histogram: {
        aggregationTemporality: delta,
        dataPoints: [{ ...point, count: 4n, sum: 10, min: 1, max: 5, bucketCounts: [1n, 3n], explicitBounds: [2] }],
      },
    },
    {
      name: `${prefix}.histc`,
      histogram: { aggregationTemporality: cumulative, dataPoints: [{ ...point, count: 4n, sum: 10 }] },
    },
    {
      name: `${prefix}.exp`,
      exponentialHistogram: { aggregationTemporality: delta, dataPoints: [{ ...point, count: 2n, sum: 3, scale: 1 }] },
    },
    {
      name: `${prefix}.summary`,
      summary: {
        dataPoints: [
          {
            ...point,
            count: 8n,
            sum: 16,
            quantileValues: [
              { quantile: 0.5, value: 1 },
              { quantile: 0.99, value: 9 },
            ],
          },
        ],
      },
    },
  ];
  const attributes = [text('service.name', 'shop'), text('process.command', 'node server'), text('host.name', 'h1')];
  return { resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ scope: { name: 'x' }, metrics }] }] };
}

const tags = '"tags": {"service.name": "shop", "host.name": "h1", "route": "/a"}';
const expected = (prefix: string): string[] => {
  const line = (name: string, value: string): string => `${prefix}.${name}: {"value": ${value}, ${tags}}`;
  return [
    line('gauge', '0.25'),
    line('updown', '-7'),
    line('total', '9007199254740992'),
    line('delta', '3'),
    ...['count: 4', 'sum: 10', 'min: 1', 'max: 5', 'avg: 2.5'].map((part) =>
      line(`hist.${part.split(': ')[0]}`, part.split(': ')[1]!),
    ),
    line('histc.count', '4'),
    line('histc.sum', '10'),
    line('exp.count', '2'),
    line('exp.sum', '3'),
    line('exp.avg', '1.5'),
    line('summary.count', '8'),
    line('summary.sum', '16'),
    `${prefix}.summary: {"value": 1, "tags": {"service.name": "shop", "host.name": "h1", "route": "/a", "quantile": "0.5"}}`,
    `${prefix}.summary: {"value": 9, "tags": {"service.name": "shop", "host.name": "h1", "route": "/a", "quantile": "0.99"}}`,
  ].sort();
};
const asJson = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));

test('each kind of metric is published as the table says, in protobuf and in JSON, packed or not', async () => {
  const at = nanos(2_000);
  const forms: [string, Buffer | string, Record<string, string>, string][] = [
    ['a', encode('ExportMetricsServiceRequest', everything('a', at)), protobuf, ''],
    [
      'b',
      gzipSync(encode('ExportMetricsServiceRequest', everything('b', at))),
      { ...protobuf, 'content-encoding': 'gzip' },
      '',
    ],
    ['c', asJson(everything('c', at)), json, '{}'],
    ['d', gzipSync(asJson(everything('d', at))), { ...json, 'content-encoding': 'gzip' }, '{}'],
  ];
  for (const [prefix, body, headers, answerBody] of forms) {
    const answer = await it.post('/v1/metrics', body, headers);
    assert.equal(answer.status, 200, prefix);
    assert.equal(answer.headers.get('content-type')?.split(';')[0], headers['content-type']);
    assert.equal(await answer.text(), answerBody);
    assert.deepEqual((await it.written(`${prefix}.`)).sort(), expected(prefix), prefix);
  }
});

test('an empty request is a success in both encodings', async () => {
  for (const [body, headers] of [
    ['', protobuf],
    ['{}', json],
    ['', json],
    [Buffer.alloc(0), protobuf],
  ] as const) {
    assert.equal((await it.post('/v1/metrics', body, headers)).status, 200);
  }
});

test("values of attributes become texts, and a point's own attribute is taken before its resource's", async () => {
  const values = [
    ['bool', { boolValue: true }, 'true'],
    ['int', { intValue: -5n }, '-5'],
    ['large', { intValue: 9_007_199_254_740_993n }, '9007199254740993'],
    ['double', { doubleValue: 0.5 }, '0.5'],
    ['list', { arrayValue: { values: [{ stringValue: 'a' }, { intValue: 1n }] } }, '["a",1]'],
    ['map', { kvlistValue: { values: [text('k', 'v')] } }, '{"k":"v"}'],
    ['__proto__', { stringValue: 'x' }, 'x'],
  ] as const;
  const attributes = [...values.map(([key, value]) => ({ key, value })), text('host.name', 'own')];
  const request = (name: string) => ({
    resourceMetrics: [
      {
        resource: { attributes: [text('host.name', 'resource'), text('service.name', 's')] },
        scopeMetrics: [{ metrics: [{ name, gauge: { dataPoints: [{ attributes, asDouble: 1 }] } }] }],
      },
    ],
  });
  await it.post('/v1/metrics', encode('ExportMetricsServiceRequest', request('attr.p')), protobuf);
  await it.post('/v1/metrics', asJson(request('attr.j')), json);
  for (const name of ['attr.p', 'attr.j']) {
    const [record] = await it.written(name);
    const { tags: found } = JSON.parse(record!.slice(name.length + 2)) as { tags: Record<string, string> };
    assert.deepEqual(Object.entries(found), [
      ['service.name', 's'],
      ...values.map(([key, , shown]) => [key, shown]),
      ['host.name', 'own'],
    ]);
  }
});

test('what is wrong with some points is told as partial success; what has no value is neither', async () => {
  const request = (prefix: string) => ({
    resourceMetrics: [
      {
        scopeMetrics: [
          {
            metrics: [
              { name: `${prefix}.ok`, gauge: { dataPoints: [{ asDouble: 1 }, { asDouble: 2, flags: 1 }] } },
              { name: `${prefix}.nan`, gauge: { dataPoints: [{ asDouble: NaN }] } },
              { name: '', gauge: { dataPoints: [{ asDouble: 1 }] } },
              {
                name: `${prefix}.old`,
                histogram: { dataPoints: [{ timeUnixNano: nanos(7_200_000), count: 1n, sum: 1 }] },
              },
            ],
          },
        ],
      },
    ],
  });
  const binary = await it.post('/v1/metrics', encode('ExportMetricsServiceRequest', request('part_p')), protobuf);
  assert.equal(binary.status, 200);
  const response = decode('ExportMetricsServiceResponse', new Uint8Array(await binary.arrayBuffer()));
  const partial = response['partialSuccess'] as { rejectedDataPoints: bigint; errorMessage: string };
  assert.equal(partial.rejectedDataPoints, 2n);
  assert.match(partial.errorMessage, /must not be empty/);
  const textual = asJson(request('part_j')).replaceAll('null', '"NaN"');
  const answer = (await (await it.post('/v1/metrics', textual, json)).json()) as {
    partialSuccess: { rejectedDataPoints: string };
  };
  assert.equal(answer.partialSuccess.rejectedDataPoints, '2');
  for (const prefix of ['part_p', 'part_j']) assert.deepEqual(await it.written(prefix), [`${prefix}.ok: {"value": 1}`]);
});

test('a time of 0 means none, left out or written: the sample is of now', async () => {
  const body = encode('ExportMetricsServiceRequest', {
    resourceMetrics: [
      {
        scopeMetrics: [
          { metrics: [{ name: 'zero.time', gauge: { dataPoints: [{ timeUnixNano: 1n, asDouble: 4 }] } }] },
        ],
      },
    ],
  });
  // An encoder leaves a 0 out, so a 1 is made one: field 3, eight bytes.
  const at = body.indexOf(Buffer.from([0x19, 1, 0, 0, 0, 0, 0, 0, 0]));
  assert.ok(at > 0);
  assert.equal((await it.post('/v1/metrics', body, protobuf)).status, 200);
  assert.deepEqual(await it.written('zero.time'), [], 'a nanosecond after 1970 is too old');
  body[at + 1] = 0;
  assert.equal((await it.post('/v1/metrics', body, protobuf)).status, 200);
  assert.deepEqual(await it.written('zero.time'), ['zero.time: {"value": 4}']);
});

test('what cannot be read or taken gets a Status in the encoding asked for', async () => {
  const body = encode('ExportMetricsServiceRequest', everything('refused', nanos(0)));
  const table: [string, Buffer | string, Record<string, string>, number, number][] = [
    ['broken protobuf', body.subarray(0, 50), protobuf, 400, 3],
    ['broken JSON', '{"resourceMetrics":', json, 400, 3],
    ['wrong type', '{"resourceMetrics":5}', json, 400, 3],
    ['not gzip', body, { ...protobuf, 'content-encoding': 'gzip' }, 400, 3],
    ['bomb', gzipSync(Buffer.alloc(20_000_000)), { ...protobuf, 'content-encoding': 'gzip' }, 413, 8],
    ['snappy', body, { ...protobuf, 'content-encoding': 'snappy' }, 415, 3],
    ['zstd', body, { ...json, 'content-encoding': 'zstd' }, 415, 3],
    ['text', body, { 'content-type': 'text/plain' }, 415, 3],
  ];
  for (const [name, bytes, headers, status, code] of table) {
    const answer = await it.post('/v1/metrics', bytes, headers);
    assert.equal(answer.status, status, name);
    const raw = Buffer.from(await answer.arrayBuffer());
    const told =
      headers === json || !headers['content-type']?.includes('protobuf')
        ? (JSON.parse(raw.toString()) as { code: number; message: string })
        : decode('Status', raw);
    assert.equal(told['code'], code, name);
    assert.ok(String(told['message']).length > 5, name);
  }
  assert.deepEqual(await it.written('refused'), []);
});

test("JSON as in OTLP's own examples: times and counts as bare numbers, the scope with attributes", async () => {
  const at = Date.now() - 2_000;
  const time = `"startTimeUnixNano": ${at}000000, "timeUnixNano": ${at}000000`;
  const attributes = (of: string): string =>
    `"attributes": [{"key": "${of}.attr", "value": {"stringValue": "some value"}}]`;
  const body = `{"resourceMetrics": [{
    "resource": {${attributes('resource').replace('resource.attr', 'service.name')}},
    "scopeMetrics": [{
      "scope": {"name": "library", "version": "1.0.0", ${attributes('scope')}},
      "metrics": [
        {"name": "example.counter", "unit": "1", "description": "a counter", "sum": {"aggregationTemporality": 1,
          "isMonotonic": true, "dataPoints": [{"asDouble": 5, ${time}, ${attributes('counter')}}]}},
        {"name": "example.gauge", "unit": "1", "gauge": {"dataPoints": [{"asDouble": 10, ${time}}]}},
        {"name": "example.histogram", "unit": "1", "histogram": {"aggregationTemporality": 1, "dataPoints": [{${time},
          "count": 3, "sum": 3, "bucketCounts": [1, 1, 1], "explicitBounds": [1], "min": 1, "max": 1}]}}
      ]}]}]}`;
  const answer = await it.post('/v1/metrics', body, json);
  assert.deepEqual([answer.status, await answer.text()], [200, '{}']);
  const service = '"tags": {"service.name": "some value"}';
  assert.deepEqual((await it.written('example.')).sort(), [
    'example.counter: {"value": 5, "tags": {"service.name": "some value", "counter.attr": "some value"}}',
    `example.gauge: {"value": 10, ${service}}`,
    `example.histogram.avg: {"value": 1, ${service}}`,
    `example.histogram.count: {"value": 3, ${service}}`,
    `example.histogram.max: {"value": 1, ${service}}`,
    `example.histogram.min: {"value": 1, ${service}}`,
    `example.histogram.sum: {"value": 3, ${service}}`,
  ]);
});

test('JSON: a time that stands as a bare number has more digits than doubles, and is not a millisecond earlier for that', async () => {
  for (let at = nowMs - 100; at < nowMs; at++) {
    const point = `{"asDouble": 1, "timeUnixNano": ${at}000000}`;
    const body = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[${point}]}}]}]}]}`;
    const sink = newSink();
    await readOtlpJson(JSON.parse(body), sink);
    assert.equal(samplesIn(sink)[0]?.timestampMs, at);
  }
});

test('JSON: integers and doubles as texts, unknown fields ignored', async () => {
  const body = {
    unknown: 1,
    resourceMetrics: [
      {
        scopeMetrics: [
          {
            metrics: [
              { name: 'text.int', gauge: { dataPoints: [{ asInt: '42', timeUnixNano: String(nanos(0)), more: {} }] } },
              {
                name: 'text.double',
                gauge: { dataPoints: [{ asDouble: '0.5' }, { asDouble: 'NaN' }, { asDouble: '-Infinity' }] },
              },
              { name: 'text.nulls', description: null, gauge: { dataPoints: [{ asDouble: 1, attributes: null }] } },
            ],
          },
        ],
      },
    ],
  };
  const answer = await it.post('/v1/metrics', JSON.stringify(body), json);
  assert.equal(await answer.text(), '{}');
  assert.deepEqual((await it.written('text.')).sort(), [
    'text.double: {"value": 0.5}',
    'text.int: {"value": 42}',
    'text.nulls: {"value": 1}',
  ]);
});
