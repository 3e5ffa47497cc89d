// The histograms of Prometheus' compliance suite for receivers of version 2, and what contradicts itself besides.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import * as snappy from 'snappyjs';
import { startIngest, type IngestServer } from './testing/ingest-server.ts';
import { encode } from './testing/protos.ts';

let it: IngestServer;
before(async () => {
  it = await startIngest();
});
after(() => it.close());

const positive = {
  positiveSpans: [
    { offset: 0, length: 3 },
    { offset: 2, length: 2 },
  ],
  // 1, 3, 4, 7 and 8.
  positiveDeltas: [1n, 2n, 1n, 3n, 1n],
};
const negative = { negativeSpans: [{ offset: 0, length: 2 }], negativeDeltas: [1n, 1n] };
const zero = { zeroCountInt: 1n };
const custom = {
  schema: -53,
  customValues: [0.1, 0.5, 1, 2.5, 5, 10],
  positiveSpans: [{ offset: 0, length: 6 }],
  // 2, 3, 5, 8, 7 and 5.
  positiveDeltas: [2n, 1n, 2n, 3n, -1n, -2n],
};

async function send(
  version: 1 | 2,
  ...histograms: object[]
): Promise<{ status: number; text: string; written: string }> {
  const timestamp = BigInt(Date.now());
  const all = histograms.map((histogram) => ({ sum: 1, timestamp, ...histogram }));
  const name = { name: '__name__', value: 'h' };
  const body =
    version === 1
      ? encode('WriteRequest', { timeseries: all.map((one) => ({ labels: [name], histograms: [one] })) })
      : encode('Request2', {
          symbols: ['', '__name__', 'h'],
          timeseries: all.map((one) => ({ labelsRefs: [1, 2], histograms: [one] })),
        });
  const answer = await it.post('/api/v1/write', snappy.compress(body), {
    'content-encoding': 'snappy',
    'content-type': `application/x-protobuf${version === 2 ? ';proto=io.prometheus.write.v2.Request' : ''}`,
  });
  return {
    status: answer.status,
    text: await answer.text(),
    written: answer.headers.get('x-prometheus-remote-write-histograms-written') ?? '',
  };
}

test('histograms whose count is that of their buckets are taken', async () => {
  const table: [string, object][] = [
    ['all kinds of buckets', { countInt: 27n, ...positive, ...negative, ...zero }],
    ['custom buckets', { countInt: 30n, ...custom }],
    ['positive and zero', { countInt: 24n, ...positive, ...zero }],
    ['negative', { countInt: 3n, ...negative }],
    ['zero', { countInt: 1n, ...zero }],
    ['empty', { countInt: 0n, sum: 0 }],
    ['without buckets', { countInt: 7n }],
    ['floats', { countFloat: 4.5, positiveSpans: [{ offset: 0, length: 2 }], positiveCounts: [1.5, 3] }],
    [
      'floats whose buckets do not add up',
      { countFloat: 4, positiveSpans: [{ offset: 0, length: 1 }], positiveCounts: [4.001] },
    ],
    ['observations that were NaN', { countInt: 30n, sum: NaN, ...positive, ...zero }],
  ];
  for (const [name, histogram] of table) {
    assert.deepEqual(await send(2, histogram), { status: 204, text: '', written: '1' }, name);
    assert.equal((await send(1, histogram)).status, 204, name);
  }
});

test('a histogram that contradicts itself is 400, and the others of its request are kept', async () => {
  const table: [string, object, RegExp][] = [
    ['bad count', { countInt: 99n, ...positive }, /count is 99, and its buckets come to 23/],
    ['less than its buckets', { countInt: 22n, ...positive }, /count is 22/],
    ['less than its buckets, with NaN', { countInt: 22n, sum: NaN, ...positive }, /count is 22/],
    ['zero bucket alone', { countInt: 2n, ...zero }, /count is 2, and its buckets come to 1/],
    [
      'fewer buckets than spans',
      { countInt: 1n, positiveSpans: [{ offset: 0, length: 2 }], positiveDeltas: [1n] },
      /spans/,
    ],
    ['buckets without spans', { countInt: 3n, negativeDeltas: [1n, 1n] }, /spans/],
    [
      'a bucket below zero',
      { countInt: 0n, positiveSpans: [{ offset: 0, length: 2 }], positiveDeltas: [1n, -2n] },
      /below 0/,
    ],
    [
      'a float bucket below zero',
      { countFloat: 1, positiveSpans: [{ offset: 0, length: 1 }], positiveCounts: [-1] },
      /below 0/,
    ],
    ['a float count below zero', { countFloat: -1 }, /below 0/],
  ];
  for (const [name, histogram, reason] of table) {
    const answer = await send(2, { countInt: 1n, ...zero }, histogram, { countInt: 3n, ...negative });
    assert.deepEqual([answer.status, answer.written], [400, '2'], name);
    assert.match(answer.text, reason, name);
    const first = await send(1, histogram);
    assert.deepEqual([first.status, first.written], [400, ''], name);
  }
});

test('exemplars and metadata of a series without a name are refused', async () => {
  const nameless = ['', 'job', 'x'];
  for (const items of [{ exemplars: [{ value: 1 }] }, { metadata: { type: 1 } }]) {
    for (const [symbols, labelsRefs] of [
      [nameless, [1, 2]],
      [
        ['', '__name__'],
        [1, 0],
      ],
      [nameless, []],
      [nameless, [7, 8]],
    ]) {
      const body = encode('Request2', { symbols, timeseries: [{ labelsRefs, ...items }] });
      const answer = await it.post('/api/v1/write', snappy.compress(body), {
        'content-encoding': 'snappy',
        'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
      });
      const exemplars = answer.headers.get('x-prometheus-remote-write-exemplars-written');
      assert.deepEqual([answer.status, exemplars], [400, '0'], JSON.stringify([items, labelsRefs]));
    }
  }
});
