// What each protocol is answered when it is not let in or cannot be served: clients read these statuses, and drop or keep their
// data by them (docs/INGEST.md).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { Failure } from '../base/failure.ts';
import { bearer } from '../http/testing/test-server.ts';
import { openTestLog } from '../http/testing/test-log.ts';
import { LogUnavailable, type Log } from '../log/log.ts';
import * as snappy from 'snappyjs';
import { bodyBytesMax, samplesMax } from './ingest-limits.ts';
import { Quotas } from './quotas.ts';
import { startIngest } from './testing/ingest-server.ts';
import { protocols } from './testing/protocol-requests.ts';

test('every protocol × {no token, expired, wrong scope, Bearer, Token}', async () => {
  const it = await startIngest({ auth: true });
  const scope = 'metrics:write';
  for (const [name, { path, body, headers, success }] of Object.entries(protocols)) {
    const status = async (authorization?: string): Promise<number> => {
      const answer = await it.post(path, body, { ...headers, ...(authorization !== undefined && { authorization }) });
      const challenge = answer.headers.get('www-authenticate') ?? '';
      const written = answer.headers.get('x-prometheus-remote-write-samples-written');
      assert.equal(written, name === 'remoteWrite2' ? String(answer.status === success ? 1 : 0) : null, name);
      if (answer.status === 401 && authorization !== undefined) assert.match(challenge, /error="invalid_token"/, name);
      if (answer.status === 403) assert.match(challenge, /error="insufficient_scope", scope="metrics:write"/, name);
      return answer.status;
    };
    assert.equal(await status(), 401, name);
    assert.equal(await status(await bearer({ scope, issuedAgoSeconds: 700 })), 401, name);
    assert.equal(await status(await bearer({ scope: 'rules:read' })), 403, name);
    assert.equal(await status(await bearer({ scope })), success, name);
    assert.equal(await status((await bearer({ scope })).replace('Bearer', 'token')), success, name);
    const basic = Buffer.from(`x:${(await bearer({ scope })).slice('Bearer '.length)}`).toString('base64');
    assert.equal(await status(`Basic ${basic}`), 401, `${name}: Basic is off by default`);
  }
  await it.close();
});

test("Basic carries a token to Influx' first API alone, where it is switched on", async () => {
  const it = await startIngest({ auth: true, influxBasic: true });
  const authorization = `Basic ${Buffer.from(`x:${(await bearer({ scope: 'metrics:write' })).slice('Bearer '.length)}`).toString('base64')}`;
  for (const [name, { path, body, headers, success }] of Object.entries(protocols)) {
    const answer = await it.post(path, body, { ...headers, authorization });
    assert.equal(answer.status, name === 'influx1' ? success : 401, name);
  }
  const inAddress = `/write?db=x&u=x&p=${(await bearer({ scope: 'metrics:write' })).slice('Bearer '.length)}`;
  assert.equal((await it.post(inAddress, 'm value=1')).status, 401, 'an address is logged by everybody on the way');
  await it.close();
});

test('a log that is down is 503 with Retry-After in every protocol, and never 500 or 4xx', async () => {
  const it = await startIngest();
  await it.post('/api/v1/metrics', '{"name":"m","value":1}', { 'content-type': 'application/json' });
  await it.storage.log.close();
  for (const [name, { path, body, headers }] of Object.entries(protocols)) {
    const answer = await it.post(path, body, headers);
    assert.equal(answer.status, 503, name);
    assert.match(answer.headers.get('retry-after') ?? '', /^[12]$/, name);
    if (name === 'remoteWrite2') assert.equal(answer.headers.get('x-prometheus-remote-write-samples-written'), '0');
  }
  await it.server.close();
  await it.storage.remove();
});

test('a log that could not be asked for its partitions is asked again by the next request', async (t) => {
  const storage = await openTestLog();
  let isAway = true;
  const partitionCount = async (topic: string): Promise<number> => {
    if (isAway) throw new LogUnavailable('away');
    return storage.log.partitionCount(topic);
  };
  const appendPacked: Log['appendPacked'] = (...args) => storage.log.appendPacked(...args);
  const log = Object.create(storage.log, {
    partitionCount: { value: partitionCount },
    appendPacked: { value: appendPacked },
  }) as Log;
  const it = await startIngest({ log });
  t.after(async () => {
    await it.close();
    await storage.remove();
  });
  const { path, body, headers } = protocols['json']!;
  assert.equal((await it.post(path, body, headers)).status, 503);
  isAway = false;
  assert.equal((await it.post(path, body, headers)).status, 200);
});

/** The error of each protocol, as its clients read it. */
const errorForms: Record<string, RegExp> = {
  json: /^application\/problem\+json \{"type":.*"detail":"..*/,
  remoteWrite1: /^text\/plain; charset=utf-8 [^{}]+\n$/,
  remoteWrite2: /^text\/plain; charset=utf-8 [^{}]+\n$/,
  // google.rpc.Status: field 1 (\b) the code, a number, field 2 the message.
  otlp: /^application\/x-protobuf [\b][^]{2}./,
  otlpJson: /^application\/json \{"code":\d+,"message":"..*/,
  influx2: /^application\/json \{"code":"[a-z ]+","message":"..*/,
  influx1: /^application\/json \{"error":"..*/,
};

test('every protocol × {wrong type, wrong encoding, undecodable, too large packed and unpacked, too many samples, no room}', async (t) => {
  const it = await startIngest();
  t.after(() => it.close());
  const full = await startIngest({ admission: { bytesMax: 100, ageMsMax: 1_000 } });
  t.after(() => full.close());
  const spaces = Buffer.alloc(bodyBytesMax + 1, ' ');
  for (const [name, request] of Object.entries(protocols)) {
    const { path, headers } = request;
    const snappyPacked = headers['content-encoding'] === 'snappy';
    const bomb = snappyPacked ? snappy.compress(spaces) : gzipSync(spaces);
    const packed = { ...headers, 'content-encoding': snappyPacked ? 'snappy' : 'gzip' };
    const rows: [string, number, () => Promise<Response>][] = [
      ['wrong type', 415, () => it.post(path, request.body, { ...headers, 'content-type': 'image/png' })],
      ['wrong encoding', 415, () => it.post(path, request.body, { ...headers, 'content-encoding': 'zstd' })],
      ['not what its encoding says', 400, () => it.post(path, Buffer.alloc(20, 0xff), packed)],
      ['undecodable', 400, () => it.post(path, request.broken, headers)],
      ['too large', 413, () => it.post(path, spaces, headers)],
      ['too large unpacked', 413, () => it.post(path, bomb, packed)],
      ['too many samples', 413, () => it.post(path, request.withSamples(samplesMax + 1), headers)],
      ['no room', 503, () => full.post(path, request.withSamples(2_000), headers)],
    ];
    for (const [row, status, send] of rows) {
      const answer = await send();
      assert.equal(answer.status, status, `${name}: ${row}`);
      const told = `${answer.headers.get('content-type')} ${Buffer.from(await answer.arrayBuffer()).toString('latin1')}`;
      // Of what is no OTLP it is not known which encoding its sender reads.
      const form = name === 'otlp' && row === 'wrong type' ? 'otlpJson' : name;
      assert.match(told, errorForms[form]!, `${name}: ${row}`);
      if (status === 503) assert.match(answer.headers.get('retry-after') ?? '', /^[12]$/, name);
    }
    assert.equal((await it.post(path, request.body, headers)).status, request.success, name);
  }
  assert.equal((await it.written('m')).length, Object.keys(protocols).length);
});

test('a series beyond the quota is refused as a sample that is wrong, the ones before it are not', async (t) => {
  const it = await startIngest({ quotas: { series: 1 } });
  t.after(() => it.close());
  const answer = await it.post(
    '/api/v1/metrics',
    '[{"name":"m","value":1},{"name":"n","value":2},{"name":"m","value":3}]',
    {
      'content-type': 'application/json',
    },
  );
  const told = (await answer.json()) as { accepted: number; errors: { index: number; code: string }[] };
  assert.deepEqual([answer.status, told.accepted], [207, 2]);
  assert.deepEqual(
    told.errors.map(({ index, code }) => [index, code]),
    [[1, 'too_many_series']],
  );
  assert.equal((await it.post('/write', 'n value=1', {})).status, 400);
});

test("over a quota every protocol gets 429 with Retry-After, and Influx' first API 503", async () => {
  const it = await startIngest({ quotas: { samplesPerSecond: 0.2 } });
  const answers = async (name: string): Promise<Response> => {
    const { path, body, headers } = protocols[name]!;
    return it.post(path, body, headers);
  };
  await answers('json');
  for (const name of Object.keys(protocols)) {
    const answer = await answers(name);
    assert.equal(answer.status, name === 'influx1' ? 503 : 429, name);
    assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]$/, name);
  }
  await it.close();
});

test('a sender begins no more new series than its quota; those that it has sent go on', () => {
  let nowMs = 0;
  const quotas = new Quotas({ newSeriesPerMinute: 60 }, () => nowMs);
  assert.ok(quotas.limitsSeries && !quotas.isOff);
  const begun = (subject: string, from: number): number =>
    Array.from({ length: 1_000 }, (_, index) => quotas.allowsSeries(subject, from + index)).filter(Boolean).length;
  assert.equal(begun('flood', 0), 300);
  assert.equal(begun('other', 0), 300, 'each has its own');
  assert.equal(begun('flood', 0), 300, 'the same ones');
  assert.equal(begun('flood', 1_000), 0);
  nowMs += 10_000;
  assert.equal(begun('flood', 1_000), 10);
  assert.equal(quotas.allowsSeries('flood', 299), true);
});

test('a sender in debt waits until it is paid, others do not; a new series past the quota is refused', () => {
  let nowMs = 0;
  const quotas = new Quotas({ samplesPerSecond: 100, bytesPerSecond: 1_000, series: 2 }, () => nowMs);
  quotas.demandCredit('a');
  quotas.charge('a', 500, 10);
  assert.throws(
    () => quotas.demandCredit('a'),
    (error: unknown) => error instanceof Failure && error.code === 'too_many_requests' && error.retryAfterSeconds! >= 3,
  );
  quotas.demandCredit('b');
  nowMs += 3_100;
  quotas.demandCredit('a');
  quotas.charge('a', 0, 10_000);
  assert.throws(() => quotas.demandCredit('a'), /1000 bytes a second/);
  assert.deepEqual(
    ['x', 'y', 'z', 'x'].map((series) => quotas.allowsSeries('a', series)),
    [true, true, false, true],
  );
  nowMs += 3_600_001;
  assert.equal(quotas.allowsSeries('a', 'z'), true);
});
