import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { InfluxReader, type Precision } from './influx-lines.ts';
import { startIngest, type IngestServer } from './testing/ingest-server.ts';
import { newSink, nowMs, partitions, samplesIn } from './testing/sinks.ts';

let it: IngestServer;
before(async () => {
  it = await startIngest();
});
after(() => it.close());

async function read(lines: string, precision: Precision = 'ns') {
  const sink = newSink();
  const wrong = await new InfluxReader(partitions).read(Buffer.from(lines), precision, sink);
  return { sink, wrong, samples: samplesIn(sink).map(({ name, text }) => `${name} ${text}`) };
}

test('golden lines: what each form of the syntax page becomes', async () => {
  const at = `${nowMs}000000`;
  const table: [string, string[]][] = [
    [`myMeasurement,tag1=value1,tag2=value2 fieldKey="fieldValue" ${at}`, []],
    ['m value=1', ['m {"value": 1}']],
    ['m f=1.5,g=2i,h=3u', ['m.f {"value": 1.5}', 'm.g {"value": 2}', 'm.h {"value": 3}']],
    ['m f=-1.234456e+78', ['m.f {"value": -1.234456e+78}']],
    ['m f=1.,g=1e3,h=-0', ['m.f {"value": 1}', 'm.g {"value": 1000}', 'm.h {"value": 0}']],
    ['m a=t,b=T,c=true,d=True,e=TRUE', ['a', 'b', 'c', 'd', 'e'].map((key) => `m.${key} {"value": 1}`)],
    ['m a=f,b=F,c=false,d=False,e=FALSE', ['a', 'b', 'c', 'd', 'e'].map((key) => `m.${key} {"value": 0}`)],
    ['m,host=a,zone=b f=1', ['m.f {"value": 1, "tags": {"host": "a", "zone": "b"}}']],
    ['my\\ m\\,x,tag\\ Key=tag\\ Value\\,2 f\\ 1=1', ['my m,x.f 1 {"value": 1, "tags": {"tag Key": "tag Value,2"}}']],
    ['m,k\\=1=v\\=2 f\\=x=1', ['m.f=x {"value": 1, "tags": {"k=1": "v=2"}}']],
    ['m,path=C:\\\\x f=1', ['m.f {"value": 1, "tags": {"path": "C:\\\\\\\\x"}}']],
    ['m s="a \\" b, c=d",f=1', ['m.f {"value": 1}']],
    ['m s="two\nlines",f=1\nn f=2', ['m.f {"value": 1}', 'n.f {"value": 2}']],
    ['# a comment\n\n  \nm f=1\r\nn f=2\r\n', ['m.f {"value": 1}', 'n.f {"value": 2}']],
    ['"m" f=1', ['"m".f {"value": 1}']],
    ['m,t=😀 f=1', ['m.f {"value": 1, "tags": {"t": "😀"}}']],
    [`m  f=1   ${at}  `, ['m.f {"value": 1}']],
    [
      'm a=18446744073709551615u,b=18446744073709551614u,c=18446744073709550592u,d=018446744073709551615u',
      ['a', 'b', 'c', 'd'].map((key) => `m.${key} {"value": 18446744073709552000}`),
    ],
    ['m a=18446744073709549568u', ['m.a {"value": 18446744073709550000}']],
    [
      'm a=9223372036854775807i,b=-9223372036854775808i',
      ['m.a {"value": 9223372036854775807}', 'm.b {"value": -9223372036854775808}'].map((text) =>
        text.replace(/9223372036854775\d+/, '9223372036854776000'),
      ),
    ],
    ['m f=0.1,f2=123456789012345678', ['m.f {"value": 0.1}', 'm.f2 {"value": 123456789012345680}']],
  ];
  for (const [line, expected] of table) {
    const { samples, wrong } = await read(line);
    assert.deepEqual(samples, expected, line);
    assert.equal(wrong, undefined, line);
  }
});

test('lines that are none are told with their number and why, and the others are read', async () => {
  const broken = [
    'm',
    'm ',
    'm f',
    'm f=',
    'm f=abc',
    'm f=1x',
    'm f=1.5i',
    'm f=-1u',
    'm f="open',
    'm f="x"y',
    'm f=1 12x',
    'm f=1 -',
    'm f=1,',
    'm =1',
    ',t=v f=1',
    'm f=1 1 1',
    'm f=18446744073709551616u',
    'm f=18446744073709553665u',
    'm f=9223372036854775808i',
    'm f=-9223372036854775809i',
    'm f=NaN',
  ];
  for (const line of broken) {
    const { samples, wrong } = await read(`good f=1\n${line}`);
    assert.deepEqual(samples, ['good.f {"value": 1}'], line);
    assert.equal(wrong?.isSyntax, true, line);
    assert.deepEqual([wrong.line, wrong.text], [2, line.trimEnd()], line);
  }
  const tags = await read('m,t f=1\nm,t= f=1\nm,=v f=1\nm,a=1,a=2 f=1');
  assert.equal(tags.sink.rejected, 4);
});

test('timestamps are read in the unit that the request says, and refused past their bounds', async () => {
  const units: [Precision, string][] = [
    ['ns', `${nowMs - 5}999999`],
    ['us', `${nowMs - 5}999`],
    ['ms', `${nowMs - 5}`],
  ];
  for (const [precision, timestamp] of units) {
    const { sink } = await read(`m f=1 ${timestamp}`, precision);
    assert.equal(samplesIn(sink)[0]!.timestampMs, nowMs - 5, precision);
  }
  for (const [precision, divisor] of [
    ['s', 1_000],
    ['m', 60_000],
    ['h', 3_600_000],
  ] as const) {
    const { sink } = await read(`m f=1 ${Math.floor(nowMs / divisor)}`, precision);
    assert.equal(samplesIn(sink)[0]!.timestampMs, Math.floor(nowMs / divisor) * divisor, precision);
  }
  for (const timestamp of ['1', '-5', `${nowMs}`, '9999999999999999999', `${nowMs - 4e6}000000`]) {
    const { sink, wrong } = await read(`m f=1 ${timestamp}`);
    assert.deepEqual([sink.rejected, wrong?.isSyntax], [1, false], timestamp);
  }
});

test('answers of both APIs, row by row', async () => {
  const plain = { 'content-type': 'text/plain; charset=utf-8' };
  const old = `old f=1 ${Date.now() - 7_200_000}`;
  const table: [string, string | Buffer, Record<string, string>, number, object?][] = [
    ['/api/v2/write?org=o&bucket=b', 'ok f=1', plain, 204],
    ['/api/v2/write?org=o&bucket=b&precision=ms', gzipSync('ok f=1'), { 'content-encoding': 'gzip' }, 204],
    ['/write?db=telegraf&rp=x&u=a&consistency=any', 'ok f=1', plain, 204],
    [
      '/api/v2/write',
      'ok f=1\nbad f=\nok f=2',
      plain,
      400,
      { code: 'invalid', message: "unable to parse 'bad f=': missing field value", line: 2 },
    ],
    ['/api/v2/write?precision=ms', `ok f=1\n${old}`, plain, 422],
    [
      '/write',
      'ok f=1\nbad f=',
      plain,
      400,
      { error: "partial write: unable to parse 'bad f=': missing field value dropped=1" },
    ],
    ['/write?precision=ms', old, plain, 400],
    ['/api/v2/write?precision=m', 'ok f=1', plain, 400],
    ['/write?precision=parsec', 'ok f=1', plain, 400],
    ['/api/v2/write', 'ok f=1', { 'content-type': 'application/json' }, 415],
    ['/api/v2/write', 'ok f=1', { ...plain, 'content-encoding': 'zstd' }, 415],
    ['/api/v2/write', gzipSync(Buffer.alloc(9_000_000)), { ...plain, 'content-encoding': 'gzip' }, 413],
    ['/write', Buffer.alloc(9_000_000), plain, 413],
  ];
  for (const [path, body, headers, status, expected] of table) {
    const answer = await it.post(path, body, headers);
    const told = await answer.text();
    assert.equal(answer.status, status, `${path}: ${told}`);
    if (expected !== undefined) assert.deepEqual(JSON.parse(told), expected);
    else if (status >= 400)
      assert.ok((path.startsWith('/api') ? /"code":".*"message":"/ : /^\{"error":"/).test(told), told);
  }
  assert.equal((await it.written('ok')).length, 7, 'what stands beside a bad line is written');
});

test('what clients ask beside it is answered as they like', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const made = await it.post('/query', 'q=CREATE+DATABASE+%22telegraf%22', form);
  assert.deepEqual([made.status, await made.json()], [200, { results: [] }]);
  assert.deepEqual(await (await fetch(`${it.url}/query?q=SHOW%20DATABASES`)).json(), { results: [] });
  for (const method of ['GET', 'HEAD']) {
    const ping = await fetch(`${it.url}/ping`, { method });
    assert.equal(ping.status, 204);
    assert.ok(ping.headers.get('x-influxdb-version'));
  }
  // InfluxDB's own form, which its clients in Python and Go demand.
  const health = (await (await fetch(`${it.url}/health`)).json()) as Record<string, unknown>;
  assert.deepEqual([health.name, health.message, health.status], ['ssrms', 'ready for queries and writes', 'pass']);
  assert.ok(Array.isArray(health.checks));
});
