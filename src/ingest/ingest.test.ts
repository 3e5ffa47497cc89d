import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { healthOf } from '../http/testing/health-of.ts';
import { bearer, listeningServer, testAuth, testLogger, type TestServer } from '../http/testing/test-server.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { recordsOf } from '../log/batch.ts';
import type { Log } from '../log/log.ts';
import { partitionOf } from '../log/murmur2.ts';
import { topicSettings, topics } from '../topics.ts';
import { createIngest, type IngestOptions } from './ingest.ts';

let storage: TestLog;
let it: TestServer;

async function start(options: Partial<IngestOptions> & { auth?: boolean } = {}): Promise<TestServer> {
  const { auth, ...more } = options;
  const [health, meter] = [new Health(), new Meter()];
  const ingest = createIngest({ log: storage.log, health, meter, logger: testLogger, ...more });
  return listeningServer([ingest.routes], { health, meter, auth: auth === true ? testAuth() : undefined });
}

before(async () => {
  storage = await openTestLog();
  it = await start();
});
after(async () => {
  await it.server.close();
  await storage.remove();
});

async function post(
  body: string | Buffer | object,
  headers: Record<string, string> = {},
  query = '',
  url = it.url,
): Promise<Response> {
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return fetch(`${url}/api/v1/metrics${query}`, {
    method: 'POST',
    body: bytes,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

interface Written {
  readonly partition: number;
  readonly value: string;
  readonly timestampMs: number;
}

async function writtenFor(name: string): Promise<Written[]> {
  const found: Written[] = [];
  for (let partition = 0; partition < topics.metrics.partitions; partition++) {
    for await (const chunk of storage.log.read('metrics', partition, { from: { offset: 0 } })) {
      for (const { key, value, timestampMs } of recordsOf(chunk)) {
        if (Buffer.from(key ?? []).toString() !== name) continue;
        found.push({ partition, value: Buffer.from(value ?? []).toString(), timestampMs });
      }
    }
  }
  return found;
}

const ndjson = { 'content-type': 'application/x-ndjson' };

test('one sample, an array, metrics and NDJSON are all written as the public format says', async () => {
  const forms: [string, string | object, Record<string, string>, number][] = [
    ['one', { name: 'one', value: 501 }, {}, 1],
    [
      'array',
      [
        { name: 'array', value: 501 },
        { name: 'array', value: 501 },
      ],
      {},
      2,
    ],
    ['metrics', { metrics: [{ name: 'metrics', value: 501 }] }, {}, 1],
    ['ndjson', '{"name":"ndjson","value":501}\r\n\n{"name":"ndjson","value":501}\n', ndjson, 2],
  ];
  for (const [name, body, headers, count] of forms) {
    const before_ = Date.now();
    const answer = await post(body, headers);
    assert.equal(answer.status, 200, name);
    assert.equal(await answer.text(), `{"accepted":${count}}`);
    const written = await writtenFor(name);
    assert.deepEqual(
      written.map(({ value }) => value),
      Array.from({ length: count }, () => '{"value": 501}'),
    );
    for (const { partition, timestampMs } of written) {
      assert.equal(partition, partitionOf(Buffer.from(name), topics.metrics.partitions));
      assert.ok(timestampMs >= before_ && timestampMs <= Date.now());
    }
  }
  assert.equal(await (await post([])).text(), '{"accepted":0}');
});

test('tags, fractions and timestamps are kept', async () => {
  const timestamp = Date.now() - 60_000;
  await post([
    { name: 'kept', value: 12.5, tags: { machine_id: '12354' }, timestamp },
    { name: 'kept', value: -0.1, timestamp: new Date(timestamp).toISOString(), tags: {} },
    { name: 'kept', value: 1e21 },
  ]);
  const written = await writtenFor('kept');
  assert.deepEqual(
    written.map(({ value }) => value),
    ['{"value": 12.5, "tags": {"machine_id": "12354"}}', '{"value": -0.1}', '{"value": 1e+21}'],
  );
  assert.deepEqual(
    written.slice(0, 2).map(({ timestampMs }) => timestampMs),
    [timestamp, timestamp],
  );
});

test('a tag may be named __proto__, and of equal keys the last wins', async () => {
  assert.equal((await post('{"name":"odd","value":1,"value":2,"tags":{"__proto__":"x"}}')).status, 200);
  assert.deepEqual(
    (await writtenFor('odd')).map(({ value }) => value),
    ['{"value": 2, "tags": {"__proto__": "x"}}'],
  );
});

test('wrong samples are told one by one and the rest is written; all wrong is 400', async () => {
  const good = { name: 'partly', value: 1 };
  const table: [string, unknown, string][] = [
    ['no name', { value: 1 }, 'missing_field'],
    ['no value', { name: 'partly' }, 'missing_field'],
    ['unknown field', { ...good, valeu: 2 }, 'unknown_field'],
    ['empty name', { name: '', value: 1 }, 'invalid_name'],
    ['number as name', { name: 5, value: 1 }, 'invalid_name'],
    ['long name', { name: 'x'.repeat(256), value: 1 }, 'invalid_name'],
    ['control character', { name: 'a\u0000b', value: 1 }, 'invalid_name'],
    ['lone surrogate', { name: '\ud800', value: 1 }, 'invalid_name'],
    ['text as value', { name: 'partly', value: '501' }, 'invalid_value'],
    ['null as value', { name: 'partly', value: null }, 'invalid_value'],
    ['boolean as value', { name: 'partly', value: true }, 'invalid_value'],
    ['tags as list', { ...good, tags: [] }, 'invalid_tags'],
    ['number as tag', { ...good, tags: { a: 1 } }, 'invalid_tags'],
    ['17 tags', { ...good, tags: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [n, 'x'])) }, 'invalid_tags'],
    ['long tag', { ...good, tags: { a: 'x'.repeat(1_025) } }, 'invalid_tags'],
    ['seconds', { ...good, timestamp: Math.floor(Date.now() / 1000) }, 'invalid_timestamp'],
    ['old', { ...good, timestamp: Date.now() - 3_700_000 }, 'too_old'],
    ['ahead', { ...good, timestamp: Date.now() + 700_000 }, 'too_far_in_future'],
    ['no object', 5, 'invalid_item'],
    ['nested list', [good], 'invalid_item'],
  ];
  for (const [name, item, code] of table) {
    const written = (await writtenFor('partly')).length;
    const partly = await post([good, item]);
    assert.equal(partly.status, 207, name);
    const body = (await partly.json()) as {
      accepted: number;
      rejected: number;
      errors: { index: number; code: string; message: string }[];
    };
    assert.deepEqual([body.accepted, body.rejected, body.errors.length], [1, 1, 1], name);
    assert.deepEqual([body.errors[0]!.index, body.errors[0]!.code], [1, code], name);
    assert.ok(body.errors[0]!.message.length > 10, name);
    const alone = await post([item]);
    assert.equal(alone.status, 400, name);
    assert.equal(alone.headers.get('content-type'), 'application/problem+json');
    const atomic = await post([good, item], {}, '?atomic=true');
    assert.equal(atomic.status, 400, `${name}, atomic`);
    assert.deepEqual(
      ((await atomic.json()) as { errors: { code: string }[] }).errors.map((error) => error.code),
      [code],
    );
    assert.equal((await writtenFor('partly')).length, written + 1, `${name}: only the good one of the first request`);
  }
});

test('1e400 is no value, and NaN is no JSON', async () => {
  assert.equal((await post('{"name":"a","value":1e400}')).status, 400);
  const broken = await post('{"name":"a","value":NaN}');
  assert.equal(broken.status, 400);
  const problem = (await broken.json()) as { code: string; detail: string };
  assert.equal(problem.code, 'invalid_json');
  assert.match(problem.detail, /position 20/);
});

test('a broken line of NDJSON does not hurt the others', async () => {
  const answer = await post('{"name":"lines","value":1}\n{"name":\n{"name":"lines","value":2}', ndjson);
  assert.equal(answer.status, 207);
  const { errors } = (await answer.json()) as { errors: { index: number; code: string }[] };
  assert.deepEqual(
    errors.map(({ index, code }) => [index, code]),
    [[1, 'invalid_json']],
  );
  assert.equal((await writtenFor('lines')).length, 2);
});

test('at most 100 errors are listed, and all are counted', async () => {
  const answer = await post([
    { name: 'counted', value: 1 },
    ...Array.from({ length: 250 }, () => ({ name: 'counted', value: 'x' })),
  ]);
  const body = (await answer.json()) as { accepted: number; rejected: number; errors: unknown[] };
  assert.deepEqual([body.accepted, body.rejected, body.errors.length], [1, 250, 100]);
});

test('a sample a little ahead of our clock is dated now, and counted for its sender', async () => {
  const answer = await post({ name: 'skewed', value: 1, timestamp: Date.now() + 300_000 });
  assert.equal(answer.status, 200);
  const [written] = await writtenFor('skewed');
  assert.ok(written!.timestampMs <= Date.now());
  assert.match(await it.meter.text(), /ssrms_ingest_clock_skew_total\{subject="anonymous"\} 1/);
});

test('packed bodies are unpacked', async () => {
  const body = JSON.stringify({ name: 'packed', value: 1 });
  assert.equal((await post(gzipSync(body), { 'content-encoding': 'gzip' })).status, 200);
  assert.equal((await post(deflateSync(body), { 'content-encoding': 'deflate' })).status, 200);
  assert.equal((await post(deflateRawSync(body), { 'content-encoding': 'Deflate' })).status, 200);
  assert.equal((await post(body, { 'content-encoding': 'identity' })).status, 200);
  assert.equal((await writtenFor('packed')).length, 4);
});

test('bodies that cannot be taken are refused as a whole', async () => {
  const sample = JSON.stringify({ name: 'refused', value: 1 });
  const spread = (bytes: number): Buffer =>
    Buffer.from(
      JSON.stringify({
        name: 'refused',
        value: 1,
        pad: Array.from({ length: bytes / 17 }, () => Math.random().toString(36).slice(2, 14)),
      }),
    );
  const table: [string, string | Buffer | object, Record<string, string>, number, RegExp][] = [
    [
      'bomb by size',
      gzipSync(Buffer.alloc(64 * 1024 * 1024)),
      { 'content-encoding': 'gzip' },
      413,
      /unpacks to more than/,
    ],
    ['bomb by ratio', gzipSync(Buffer.alloc(1024 * 1024)), { 'content-encoding': 'gzip' }, 413, /100 times/],
    ['deflate bomb', deflateSync(Buffer.alloc(64 * 1024 * 1024)), { 'content-encoding': 'deflate' }, 413, /unpacks/],
    ['honest, too large unpacked', gzipSync(spread(12 * 1024 * 1024)), { 'content-encoding': 'gzip' }, 413, /unpacks/],
    ['10 MB', Buffer.alloc(10 * 1024 * 1024, ' '), {}, 413, /may have 8388608/],
    [
      '20,001 samples',
      Array.from({ length: 20_001 }, () => ({ name: 'refused', value: 1 })),
      {},
      413,
      /20001 samples|more than 20000/,
    ],
    ['20,001 lines', `${sample}\n`.repeat(20_001), ndjson, 413, /20001 samples|more than 20000/],
    ['not gzip', sample, { 'content-encoding': 'gzip' }, 400, /not gzip/],
    ['cut gzip', gzipSync(sample).subarray(0, 20), { 'content-encoding': 'gzip' }, 400, /not gzip/],
    ['broken JSON', '{"name":', {}, 400, /position 8/],
    ['not UTF-8', Buffer.of(0x22, 0xff, 0x22), {}, 400, /UTF-8/],
    ['empty', '', {}, 400, /position 0/],
    ['deep', '['.repeat(100), {}, 400, /deeper than 32/],
    ['metrics no list', { metrics: 5 }, {}, 400, /must be an array/],
    ['beside metrics', { metrics: [], extra: 1 }, {}, 400, /extra/],
    [
      'curl -d',
      sample,
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      /application\/json.*curl|curl.*application\/json/,
    ],
    ['text', sample, { 'content-type': 'text/plain' }, 415, /application\/json or application\/x-ndjson/],
    ['protobuf', sample, { 'content-type': 'application/x-protobuf' }, 415, /application\/json/],
    ['latin-1', sample, { 'content-type': 'application/json; charset=iso-8859-1' }, 415, /UTF-8/],
    ['zstd', sample, { 'content-encoding': 'zstd' }, 415, /gzip or deflate/],
    ['packed twice', sample, { 'content-encoding': 'gzip, gzip' }, 415, /gzip or deflate/],
  ];
  for (const [name, body, headers, status, detail] of table) {
    const answer = await post(body, headers);
    assert.equal(answer.status, status, name);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json', name);
    assert.match(((await answer.json()) as { detail: string }).detail, detail, name);
  }
  assert.deepEqual(await writtenFor('refused'), []);
  assert.equal((await post(sample, {}, '?atomci=true')).status, 400, 'a misspelt parameter');
  const figures = await it.meter.text();
  assert.match(figures, /ssrms_ingest_bytes_in_flight 0/, 'what was refused is given back');
});

test('a body without end, sent in pieces with no length, is refused once it is too large', async () => {
  const piece = new Uint8Array(1024 * 1024).fill(32);
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (++sent > 20) controller.close();
      else controller.enqueue(piece);
    },
  });
  const init = { method: 'POST', body, headers: { 'content-type': 'application/json' }, duplex: 'half' as const };
  const answer = await fetch(`${it.url}/api/v1/metrics`, init);
  assert.equal(answer.status, 413);
});

test('twenty thousand samples are taken, and others are served meanwhile', async () => {
  const big = post(
    Array.from({ length: 20_000 }, (_, index) => ({ name: 'big', value: index, tags: { host: `h${index % 100}` } })),
  );
  const small = await post({ name: 'meanwhile', value: 1 });
  assert.equal(small.status, 200);
  assert.deepEqual(await (await big).json(), { accepted: 20_000 });
  const written = await writtenFor('big');
  assert.equal(written.length, 20_000);
  assert.deepEqual(
    written.slice(0, 3).map(({ value }) => (JSON.parse(value) as { value: number }).value),
    [0, 1, 2],
    'in order',
  );
});

test('samples are counted by what became of them', async () => {
  const own = await start();
  await post(
    [
      { name: 'c', value: 1 },
      { name: 'c', value: 'x' },
      { name: '', value: 1 },
    ],
    {},
    '',
    own.url,
  );
  const figures = await own.meter.text();
  assert.match(figures, /ssrms_ingest_samples_accepted_total\{protocol="json"\} 1/);
  assert.match(figures, /ssrms_ingest_samples_rejected_total\{protocol="json",reason="invalid_value"\} 1/);
  assert.match(figures, /ssrms_ingest_samples_rejected_total\{protocol="json",reason="invalid_name"\} 1/);
  await own.server.close();
});

test('a log that is down is 503 with Retry-After, and health says so', async () => {
  const down = await openTestLog();
  const own = await start({ log: down.log });
  await down.remove();
  const answer = await post({ name: 'a', value: 1 }, {}, '', own.url);
  assert.equal(answer.status, 503);
  assert.match(answer.headers.get('retry-after') ?? '', /^[12]$/);
  assert.equal(((await (await fetch(`${own.url}/health`)).json()) as { status: string }).status, 'warn');
  await own.server.close();
});

test("a clock that is ahead of the log's loses no sample: 503, and health names the clocks", async () => {
  const nowMs = Date.now() + 20 * 60_000;
  const own = await start({ now: () => nowMs });
  await storage.log.ensureTopics([topicSettings(600_000).metrics]);
  const answer = await post({ name: 'ahead', value: 1 }, {}, '', own.url);
  await storage.log.ensureTopics([topics.metrics]);
  assert.equal(answer.status, 503);
  const { checks } = await healthOf(own.url);
  assert.match(checks.ingest?.message ?? '', /up to 600 s ahead .* 1200 s ahead; compare the clocks of this host/);
  await own.server.close();
});

test('a log that hangs: the answer comes within 3 s, later requests are refused at once, and nothing leaks', async () => {
  const waiting: (() => void)[] = [];
  // The disk hangs: appends are carried out when the test says so.
  const hanging = Object.create(storage.log, {
    partitionCount: { value: (topic: string) => storage.log.partitionCount(topic) },
    appendPacked: {
      value: async (...args: Parameters<Log['appendPacked']>) => {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return storage.log.appendPacked(...args);
      },
    },
  }) as Log;
  const own = await start({ log: hanging });
  const begin = performance.now();
  const first = post({ name: 'hung', value: 1 }, {}, '', own.url);
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  const refusedAt = performance.now();
  const second = await post({ name: 'hung', value: 2 }, {}, '', own.url);
  assert.equal(second.status, 503);
  assert.ok(performance.now() - refusedAt < 200, 'at once');
  assert.equal((await fetch(`${own.url}/health/ready`)).status, 503);
  const late = await first;
  assert.equal(late.status, 503);
  assert.ok(performance.now() - begin < 3_500);
  for (const settle of waiting) settle();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await post({ name: 'hung', value: 3 }, {}, '', it.url)).status, 200);
  assert.equal((await fetch(`${own.url}/health/ready`)).status, 200);
  await own.server.close();
});

test('more bytes under way than there is room for are refused with 503', async () => {
  const own = await start({ admission: { bytesMax: 1_000, ageMsMax: 1_000 } });
  const answer = await post(Buffer.alloc(2_000, ' '), {}, '', own.url);
  assert.equal(answer.status, 503);
  assert.match(answer.headers.get('retry-after') ?? '', /^[12]$/);
  assert.equal((await post({ name: 'a', value: 1 }, {}, '', own.url)).status, 200);
  await own.server.close();
});

test('POST /api/v1/metrics × {no token, expired, wrong signature, wrong audience, each scope}', async () => {
  const own = await start({ auth: true });
  const status = async (authorization?: string) => {
    const answer = await post(
      { name: 'authorized', value: 1 },
      authorization === undefined ? {} : { authorization },
      '',
      own.url,
    );
    if (answer.status === 401) assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer /);
    if (answer.status === 403) assert.match(await answer.text(), /metrics:write/);
    return answer.status;
  };
  const scope = 'metrics:write';
  assert.equal(await status(), 401);
  assert.equal(await status(await bearer({ scope, issuedAgoSeconds: 700 })), 401);
  assert.equal(await status(await bearer({ scope, secret: 'z'.repeat(32) })), 401);
  assert.equal(await status(await bearer({ scope, audience: 'other' })), 401);
  for (const other of ['', 'rules:read', 'rules:write', 'alarms:read', 'admin'])
    assert.equal(await status(await bearer({ scope: other })), 403, other);
  assert.equal(await status(await bearer({ scope })), 200);
  assert.equal(await status((await bearer({ scope })).replace('Bearer', 'Token')), 200);
  assert.equal((await writtenFor('authorized')).length, 2);
  await own.server.close();
});
