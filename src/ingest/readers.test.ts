// The readers against others that share nothing with them, on random input, also broken: whatever comes, the same samples or
// a refusal, never a crash, a hang or more memory than the limits allow. fast-check prints the seed of a failure.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Failure } from '../base/failure.ts';
import { formatSampleValue } from '../metric/sample-value.ts';
import { tagsOf } from '../metric/sample.ts';
import { decimalOf } from './decimal.ts';
import { InfluxReader } from './influx-lines.ts';
import { JsonScanner } from './json-scan.ts';
import { readJsonSamples } from './json-samples.ts';
import { readOtlpJson } from './otlp-json.ts';
import { OtlpProtobufReader } from './otlp-protobuf.ts';
import { Undecodable } from './protobuf.ts';
import { RemoteWriteReader } from './remote-write.ts';
import { unpackSnappy } from './snappy.ts';
import { encode, jsonOf } from './testing/protos.ts';
import { newSink, nowMs, partitions, samplesIn, type ReadSample } from './testing/sinks.ts';
import * as snappy from 'snappyjs';

const runs = { numRuns: 300 };
const manyRuns = { numRuns: 2_000 };

/** Bytes with some of them changed, left out or put in. */
const mutations = fc.array(
  fc.record({ at: fc.nat(), byte: fc.nat(255), kind: fc.constantFrom('set', 'cut', 'insert', 'tail') }),
  { minLength: 1, maxLength: 5 },
);
function mutated(bytes: Buffer, changes: { at: number; byte: number; kind: string }[]): Buffer {
  let result = Buffer.from(bytes);
  for (const { at, byte, kind } of changes) {
    const place = at % (result.length + 1);
    if (kind === 'set' && place < result.length) result[place] = byte;
    else if (kind === 'cut') result = Buffer.concat([result.subarray(0, place), result.subarray(place + 1)]);
    else if (kind === 'insert')
      result = Buffer.concat([result.subarray(0, place), Buffer.of(byte), result.subarray(place)]);
    else result = result.subarray(0, place);
  }
  return result;
}
function isRefusal(error: unknown): boolean {
  return error instanceof Undecodable || error instanceof Failure;
}
async function orRefusal(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

test('snappy: what snappyjs packs we unpack, and broken blocks as it does or not at all', async () => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 5_000 }),
    fc
      .array(fc.constantFrom('cpu_usage', 'host', '"web-1"', 'x'), { maxLength: 3_000 })
      .map((words) => Buffer.from(words.join(''))),
  );
  await fc.assert(
    fc.asyncProperty(content, mutations, async (bytes, changes) => {
      const plain = Buffer.from(bytes);
      const packed = snappy.compress(plain);
      assert.deepEqual(
        unpackSnappy(packed, () => {}),
        plain,
      );
      const broken = mutated(packed, changes);
      await orRefusal(() => {
        const ours = unpackSnappy(broken, () => {});
        assert.ok(ours.length <= 8 * 1024 * 1024);
        // snappyjs reads four bytes of a long literal's length where fewer are written: it refuses valid blocks that end there.
        const ends = broken.subarray(-4).some((byte) => byte >= 60 << 2 && (byte & 3) === 0);
        if (!ends) assert.deepEqual(ours, snappy.uncompress(broken));
      });
    }),
    runs,
  );
});

const label = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.constantFrom('host', 'zone', '__proto__', 'ünï', '😀'),
);
const name = fc.stringMatching(/^[a-z_.:é]{1,20}$/);
const value = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, 1e21, 5e-324, 0.1, NaN, Infinity));
const time = fc.integer({ min: nowMs - 3_600_000, max: nowMs });
const series = fc.record({
  name,
  tags: fc.dictionary(label, fc.string({ maxLength: 30 }), { maxKeys: 5 }),
  samples: fc.array(fc.record({ value, timestamp: time }), { minLength: 1, maxLength: 4 }),
});
type Series = typeof series extends fc.Arbitrary<infer Value> ? Value : never;
const textOf = (from: number, tags: Record<string, string>): string =>
  formatSampleValue(from, tagsOf(Object.entries(tags)));

function expected(all: readonly Series[]): ReadSample[] {
  return all.flatMap(({ name: metric, tags, samples }) =>
    samples
      .filter((sample) => Number.isFinite(sample.value))
      .map((sample) => ({ name: metric, text: textOf(sample.value, tags), timestampMs: sample.timestamp })),
  );
}
function request1(all: readonly Series[]): Buffer {
  return encode('WriteRequest', {
    timeseries: all.map(({ name: metric, tags, samples }) => ({
      labels: [['__name__', metric], ...Object.entries(tags)].map(([key, text]) => ({ name: key, value: text })),
      samples: samples.map((sample) => ({ value: sample.value, timestamp: BigInt(sample.timestamp) })),
    })),
  });
}
function request2(all: readonly Series[]): Buffer {
  const symbols = [
    '',
    ...new Set(all.flatMap(({ name: metric, tags }) => [metric, ...Object.entries(tags).flat(), '__name__'])),
  ];
  return encode('Request2', {
    symbols,
    timeseries: all.map(({ name: metric, tags, samples }) => ({
      labelsRefs: [['__name__', metric], ...Object.entries(tags)].flat().map((text) => symbols.indexOf(text)),
      samples: samples.map((sample) => ({ value: sample.value, timestamp: BigInt(sample.timestamp) })),
    })),
  });
}

for (const version of [1, 2] as const) {
  test(`remote write ${version}: random series come through; broken bodies are read or refused`, async () => {
    // One reader for all, so that its cache is in play.
    const reader = new RemoteWriteReader(version, partitions);
    await fc.assert(
      fc.asyncProperty(fc.array(series, { maxLength: 6 }), mutations, async (all, changes) => {
        const good = all.filter(
          ({ tags }) => !Object.hasOwn(tags, '') && Object.keys(tags).every((key) => key.isWellFormed()),
        );
        const body = version === 1 ? request1(good) : request2(good);
        for (let time_ = 0; time_ < 2; time_++) {
          const sink = newSink();
          const written = await reader.read(body, sink);
          assert.equal(sink.rejected, 0);
          assert.deepEqual(samplesIn(sink), expected(good));
          assert.equal(written.samples, good.flatMap(({ samples }) => samples).length);
        }
        await orRefusal(() => reader.read(mutated(body, changes), newSink()));
        const again = newSink();
        await reader.read(body, again);
        assert.deepEqual(samplesIn(again), expected(good), 'what was broken left nothing behind');
      }),
      runs,
    );
  });
}

const attribute = fc.record({
  key: fc.string({ minLength: 1, maxLength: 10 }),
  value: fc.oneof(
    fc.string({ maxLength: 20 }).map((stringValue) => ({ stringValue })),
    fc.boolean().map((boolValue) => ({ boolValue })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((intValue) => ({ intValue })),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((doubleValue) => ({ doubleValue })),
    fc
      .array(
        fc.string().map((stringValue) => ({ stringValue })),
        { maxLength: 3 },
      )
      .map((values) => ({ arrayValue: { values } })),
  ),
});
const attributes = fc.uniqueArray(attribute, { maxLength: 4, selector: ({ key }) => key });
const timeUnixNano = time.map((ms) => BigInt(ms) * 1_000_000n + 123_456n);
const flags = fc.constantFrom(0, 0, 0, 1);
const numberPoint = fc.oneof(
  fc.record({ attributes, timeUnixNano, flags, asDouble: value }),
  fc.record({ attributes, timeUnixNano, flags, asInt: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
);
const histogramPoint = fc.record(
  {
    attributes,
    timeUnixNano,
    flags,
    count: fc.bigInt({ min: 0n, max: 2n ** 60n }),
    sum: value,
    min: value,
    max: value,
  },
  { requiredKeys: ['attributes', 'timeUnixNano', 'count'] },
);
const summaryPoint = fc.record({
  attributes,
  timeUnixNano,
  count: fc.bigInt({ min: 0n, max: 100n }),
  sum: fc.double({ noNaN: true }),
  quantileValues: fc.array(fc.record({ quantile: fc.constantFrom(0.5, 0.9), value: fc.double({ noNaN: true }) }), {
    maxLength: 2,
  }),
});
const aggregationTemporality = fc.constantFrom(1, 2);
const points = <Point>(point: fc.Arbitrary<Point>) => fc.array(point, { maxLength: 3 });
const metric = fc.oneof(
  fc.record({ name, gauge: fc.record({ dataPoints: points(numberPoint) }) }),
  fc.record({
    name,
    sum: fc.record({ dataPoints: points(numberPoint), aggregationTemporality, isMonotonic: fc.boolean() }),
  }),
  fc.record({ name, histogram: fc.record({ dataPoints: points(histogramPoint), aggregationTemporality }) }),
  fc.record({ name, exponentialHistogram: fc.record({ dataPoints: points(histogramPoint), aggregationTemporality }) }),
  fc.record({ name, summary: fc.record({ dataPoints: points(summaryPoint) }) }),
);
const resourceAttributes = fc
  .subarray(['service.name', 'host.name', 'process.pid'])
  .map((keys) => keys.map((key) => ({ key, value: { stringValue: `of ${key}` } })));
const otlp = fc.record({
  resourceMetrics: fc.array(
    fc.record({
      resource: fc.record({ attributes: resourceAttributes }),
      scopeMetrics: fc.array(fc.record({ metrics: fc.array(metric, { maxLength: 4 }) }), { maxLength: 2 }),
    }),
    { maxLength: 2 },
  ),
});

test('OTLP: protobuf says what the same message says in JSON; broken bodies are read or refused', async () => {
  const reader = new OtlpProtobufReader(partitions);
  await fc.assert(
    fc.asyncProperty(otlp, mutations, async (request, changes) => {
      const body = encode('ExportMetricsServiceRequest', request);
      const [binary, textual] = [newSink(), newSink()];
      const refused = await reader.read(body, binary);
      assert.equal(await readOtlpJson(jsonOf('ExportMetricsServiceRequest', body), textual), refused);
      assert.deepEqual(samplesIn(binary), samplesIn(textual));
      assert.deepEqual([...binary.skippedBy], [...textual.skippedBy]);
      await orRefusal(() => reader.read(mutated(body, changes), newSink()));
    }),
    runs,
  );
});

test('OTLP in JSON: any JSON is read or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), otlp, fc.nat(), async (any, request, at) => {
      await orRefusal(() => readOtlpJson(any, newSink()));
      const text = JSON.stringify(request, (_key, inner: unknown) =>
        typeof inner === 'bigint' ? String(inner) : inner,
      );
      const words = text.split(/(?<=[:,])/);
      words[at % words.length] = JSON.stringify(any) + (words[at % words.length]!.at(-1) === ':' ? ':' : ',');
      let parsed: unknown;
      try {
        parsed = JSON.parse(words.join(''));
      } catch {
        return;
      }
      await orRefusal(() => readOtlpJson(parsed, newSink()));
    }),
    runs,
  );
});

test('lines: random metrics come through with their escapes; random bytes are read or told of', async () => {
  const reader = new InfluxReader(partitions);
  const word = fc.stringMatching(/^[a-zA-Z ,=é"]{1,12}$/).filter((text) => !text.startsWith('#'));
  const escaped = (text: string): string => text.replace(/[, =]/g, '\\$&');
  const finite = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer());
  const line = fc.record({
    measurement: word,
    tags: fc.dictionary(word, word, { maxKeys: 3 }),
    fields: fc.dictionary(word, finite, { minKeys: 1, maxKeys: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 5 }), mutations, async (lines, changes) => {
      const written = lines.map(({ measurement, tags, fields }) => {
        const prefix = [
          escaped(measurement),
          ...Object.entries(tags).map(([key, tag]) => `${escaped(key)}=${escaped(tag)}`),
        ];
        const values = Object.entries(fields).map(([key, number]) => `${escaped(key)}=${number}`);
        return `${prefix.join(',')} ${values.join(',')} ${nowMs}`;
      });
      const body = Buffer.from(written.join('\n'));
      const sink = newSink();
      assert.equal(await reader.read(body, 'ms', sink), undefined);
      const wanted = lines.flatMap(({ measurement, tags, fields }) =>
        Object.entries(fields).map(([key, number]) => ({
          name: key === 'value' ? measurement : `${measurement}.${key}`,
          text: textOf(number, tags),
          timestampMs: nowMs,
        })),
      );
      assert.deepEqual(samplesIn(sink), wanted);
      await orRefusal(() => reader.read(mutated(body, changes), 'ns', newSink()));
    }),
    runs,
  );
  await fc.assert(
    fc.asyncProperty(fc.stringMatching(/^[mf=1,ti" \n\\#-]{0,40}$/), async (text) => {
      await reader.read(Buffer.from(text), 'ns', newSink());
    }),
    manyRuns,
  );
});

test('the own JSON: what the quick reader takes the careful one takes alike', async () => {
  const scanner = new JsonScanner(partitions);
  const text = fc.oneof(fc.string({ maxLength: 10 }), fc.constantFrom('name', 'é', '😀', 'a"b', '\ud800', ''));
  const item = fc.record(
    {
      name: fc.oneof(name, text),
      value: fc.oneof(fc.double(), fc.integer(), fc.constantFrom('1', null)),
      timestamp: fc.oneof(
        time,
        time.map((ms) => ms + 0.5),
        time.map((ms) => new Date(ms).toISOString()),
        fc.constantFrom('x', 5),
      ),
      tags: fc.oneof(fc.dictionary(text, text, { maxKeys: 3 }), fc.constantFrom(5, null, [])),
    },
    { requiredKeys: ['name', 'value'] },
  );
  const space = fc.constantFrom(undefined, 1, '\t');
  let [quick, all] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 3 }),
      space,
      mutations,
      fc.boolean(),
      async (items, indent, changes, asLines) => {
        const plain = asLines
          ? items.map((one) => JSON.stringify(one)).join('\n')
          : JSON.stringify(
              items.length === 1 ? items[0] : items.length === 2 ? { metrics: items } : items,
              null,
              indent,
            );
        for (const body of [Buffer.from(plain), mutated(Buffer.from(plain), changes)]) {
          const [ours, careful] = [newSink(), newSink()];
          all++;
          if (!scanner.scan(body, asLines ? 'ndjson' : 'json', ours)) continue;
          quick++;
          await readJsonSamples(body, asLines ? 'ndjson' : 'json', careful);
          assert.equal(careful.rejected, 0);
          assert.deepEqual(samplesIn(ours), samplesIn(careful));
        }
      },
    ),
    manyRuns,
  );
  assert.ok(quick > all / 10, `the quick reader took ${quick} of ${all}`);
});

test('decimals are read as JavaScript reads them', () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.tuple(fc.integer(), fc.nat()).map(([whole, fraction]) => `${whole}.${fraction}`),
    fc.stringMatching(/^-?\d{1,25}(\.\d{1,25})?(e[+-]?\d{1,3})?$/),
  );
  fc.assert(
    fc.property(number, (text) => {
      assert.equal(decimalOf(Buffer.from(text), 0, text.length), Number(text));
    }),
    manyRuns,
  );
  for (const wrong of ['', '-', '.', '1e', '--1', '1.2.3', '0x10', 'Infinity', ' 1']) {
    assert.ok(Number.isNaN(decimalOf(Buffer.from(wrong), 0, wrong.length)), wrong);
  }
});

test('tags that many samples share cannot come to more memory than the limit', async () => {
  const tags = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`tag${index}`, 'x'.repeat(1_000)]));
  const prefix = ['m', ...Object.entries(tags).map(([key, tag]) => `${key}=${tag}`)].join(',');
  const fields = Array.from({ length: 10_000 }, (_, index) => `f${index}=1`).join(',');
  let taken = 0;
  const sink = newSink((bytes) => (taken += bytes));
  const reading = new InfluxReader(partitions).read(Buffer.from(`${prefix} ${fields}`), 'ns', sink);
  await assert.rejects(reading, (error: unknown) => error instanceof Failure && error.code === 'too_large');
  assert.ok(taken <= 80 * 1024 * 1024, `${taken} bytes`);
});
