// What a person meets at the terminal: help that helps, and one clear line with exit code 1 for what they can mend.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runSsrms, startSsrms } from '../support/ssrms-process.ts';

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'ssrms-cli-'));
}

/** The one line for people, whatever the log says besides. */
function complaint(output: string): string {
  const lines = output.split('\n').filter((line) => line.startsWith('ssrms: '));
  assert.equal(lines.length, 1, output);
  return lines[0]!;
}

test('help names every command, and each command explains its settings and their variables', async () => {
  const { code, output } = await runSsrms(['--help']);
  assert.equal(code, 0);
  for (const name of [
    'up',
    'rules',
    'ingest',
    'alarms',
    'console',
    'source',
    'token',
    'topics',
    'deliveries',
    'system',
  ]) {
    assert.match(output, new RegExp(`^  ${name}\\b`, 'm'));
    const help = await runSsrms([name, '--help']);
    assert.equal(help.code, 0, name);
    assert.match(help.output, /Usage: ssrms/);
  }
  assert.match((await runSsrms(['up', '--help'])).output, /--data-dir <folder>.*\[DATA_DIR\]/s);
  const { output: ofRules } = await runSsrms(['rules', '--help']);
  assert.match(ofRules, /REVEAL_WEBHOOK_URL/);
  assert.doesNotMatch(ofRules, /QUOTA_SAMPLES|SERIES_MAX|GLOBAL_RPS|OIDC_SCOPE/, 'settings that it does not use');
});

test('a service without tokens says who can reach it, and by which setting', async () => {
  const dataDir = temporaryFolder();
  const env = { DATA_DIR: dataDir, PUBLISH: '127.0.0.1' };
  const service = await startSsrms(['rules'], { env, until: /No tokens are configured: .*\n/ });
  await service.stop();
  rmSync(dataDir, { recursive: true });
  assert.match(service.output(), /: only this machine can reach it \(PUBLISH is 127\.0\.0\.1\)\. Set SSRMS_JWT_SECRET/);
});

test('the log of a service says its name', async () => {
  const dataDir = temporaryFolder();
  const service = await startSsrms(['console'], { env: { DATA_DIR: dataDir } });
  await service.stop();
  rmSync(dataDir, { recursive: true });
  assert.match(service.output(), /"service":"console"/);
  assert.doesNotMatch(service.output(), /"service":"up"/);
});

test('a port in use', async () => {
  const dataDir = temporaryFolder();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const { code, output } = await runSsrms(['up', '--port', String(port), '--data-dir', dataDir]);
  taken.close();
  rmSync(dataDir, { recursive: true });
  assert.equal(code, 1);
  assert.match(complaint(output), new RegExp(`cannot listen on 127.0.0.1:${port}.*choose another port with PORT`));
});

test('a data folder that cannot be written', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  const { code, output } = await runSsrms(['up'], { PORT: '0', DATA_DIR: join(folder, 'file', 'data') });
  rmSync(folder, { recursive: true });
  assert.equal(code, 1);
  assert.match(complaint(output), /data folder .* cannot be written \(ENOTDIR\)/);
});

test('a data folder below one that makes no folders, such as /proc, on which Node itself would never return', async () => {
  const { code, output } = await runSsrms(['up'], { PORT: '0', DATA_DIR: '/proc/x/data' });
  assert.equal(code, 1, output);
  assert.match(complaint(output), /data folder \/proc\/x\/data cannot be written \(ENOENT\): set DATA_DIR to another/);
});

test('a data folder that another process owns, which is named', async () => {
  const dataDir = temporaryFolder();
  const owner = await startSsrms(['up'], { env: { DATA_DIR: dataDir } });
  const { code, output } = await runSsrms(['up'], { PORT: '0', DATA_DIR: dataDir });
  assert.equal(code, 1);
  assert.match(complaint(output), new RegExp(`is in use by process ${owner.pid} \\(ssrms up`));
  assert.equal(await owner.stop(), 0);
  rmSync(dataDir, { recursive: true });
});

test('a broker that is not there', async () => {
  const { code, output } = await runSsrms(['rules'], { PORT: '0', BROKER: '127.0.0.1:1' });
  assert.equal(code, 1);
  assert.match(complaint(output), /127\.0\.0\.1:1/);
});

const refused: readonly [string, Record<string, string>, readonly string[], RegExp][] = [
  ['a public address without tokens', { HOST: '0.0.0.0' }, ['up'], /HOST is 0\.0\.0\.0.*SSRMS_JWT_SECRET.*--no-auth/],
  [
    'a secret that is too short',
    { SSRMS_JWT_SECRET: 'hunter2' },
    ['up'],
    /SSRMS_JWT_SECRET has 7 bytes, and at least 32 are needed/,
  ],
  [
    'two sources of keys',
    { SSRMS_JWT_SECRET: 'x'.repeat(40), SSRMS_JWKS_URL: 'https://issuer.test/keys' },
    ['up'],
    /both set/,
  ],
  [
    'a client without an issuer',
    { OIDC_CLIENT_ID: 'page', SSRMS_JWKS_URL: 'https://issuer.test/keys' },
    ['up'],
    /OIDC_CLIENT_ID is set, and needs SSRMS_JWT_ISSUER/,
  ],
  [
    'an issuer that is no address',
    { OIDC_CLIENT_ID: 'page', SSRMS_JWKS_URL: 'https://issuer.test/keys', SSRMS_JWT_ISSUER: 'ours' },
    ['up'],
    /SSRMS_JWT_ISSUER is ours, and may be an http or https address/,
  ],
  [
    'an issuer that others can pose as',
    {
      OIDC_CLIENT_ID: 'page',
      SSRMS_JWKS_URL: 'https://issuer.test/keys',
      SSRMS_JWT_ISSUER: 'http://issuer.test',
      SSRMS_JWT_AUDIENCE: 'ssrms',
    },
    ['up'],
    /the address of the issuer is http:\/\/issuer\.test, and must be https/,
  ],
  ['an address to publish at that is none', { PUBLISH: 'all' }, ['up'], /PUBLISH is all, and may be an IP address/],
  ['a port that is none', { PORT: 'ninety' }, ['up'], /PORT is ninety, and may be a whole number/],
  [
    'a rate that Discord does not allow',
    { GLOBAL_RPS: '49' },
    ['up'],
    /GLOBAL_RPS is 49, and may be a whole number from 1 to 48/,
  ],
  [
    'a broker without a port',
    { BROKER: 'kafka' },
    ['alarms'],
    /BROKER has kafka, and each server is written host:port/,
  ],
  ['a log level that is none', { LOG_LEVEL: 'loud' }, ['up'], /LOG_LEVEL is loud, and may be one of trace/],
  ['a token without a secret', {}, ['token'], /SSRMS_JWT_SECRET is not set/],
  ['a source with too few arguments', {}, ['source', 'constant', 'cpu'], /missing required argument 'metric_value'/],
  [
    'a source with too many arguments',
    {},
    ['source', 'constant', 'cpu', '1', '2', '3'],
    /takes metric_name metric_value period_seconds/,
  ],
  ['a period that is none', {}, ['source', 'constant', 'cpu', '1', 'soon'], /period_seconds is soon/],
  ['stairs that lead away', {}, ['source', 'stairs', 'cpu', '3', '1', '1', '1'], /step is 1, and must be negative/],
];

for (const [name, env, args, expected] of refused) {
  test(`refused: ${name}`, async () => {
    const { code, output } = await runSsrms(args, env);
    assert.equal(code, 1, output);
    assert.match(complaint(output), expected);
    assert.doesNotMatch(output, /hunter2/);
  });
}

test("ingest's settings hold: how old and how far ahead a sample may be, and what a sender may send", async () => {
  const dataDir = temporaryFolder();
  const limits = {
    TIMESTAMP_PAST_SECONDS: '10',
    TIMESTAMP_FUTURE_SECONDS: '20',
    QUOTA_SERIES: '2',
    QUOTA_SAMPLES: '1',
  };
  const up = await startSsrms(['up'], { env: { DATA_DIR: dataDir, ...limits } });
  const post = (samples: unknown): Promise<Response> =>
    fetch(`${up.url}/api/v1/metrics`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(samples),
    });
  const sample = (name: string, aheadMs = 0): object => ({ name, value: 1, timestamp: Date.now() + aheadMs });
  const answer = await post([sample('a', -30_000), sample('a', 60_000), sample('a'), sample('b'), sample('c')]);
  const told = (await answer.json()) as { accepted: number; errors: { code: string }[] };
  assert.equal(answer.status, 207);
  assert.deepEqual(
    told.errors.map(({ code }) => code),
    ['too_old', 'too_far_in_future', 'too_many_series'],
  );
  assert.equal((await post(sample('a'))).status, 429);
  assert.equal(await up.stop(), 0);
  rmSync(dataDir, { recursive: true });
});

test('an unknown command is said to be one', async () => {
  const { code, output } = await runSsrms(['pu']);
  assert.equal(code, 1);
  assert.match(complaint(output), /unknown command 'pu'/);
});

test('a read-only system refuses every change', async () => {
  const dataDir = temporaryFolder();
  const up = await startSsrms(['up', '--read-only'], {
    env: { DATA_DIR: dataDir },
    until: /(http:\/\/127\.0\.0\.1:\d+)\/\n[^]*\(READ_ONLY\)/,
  });
  assert.doesNotMatch(up.output(), /curl|ssrms source/, 'it prints no command that it would refuse');
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
  assert.equal((await fetch(`${up.url}/rules`, post)).status, 403);
  assert.equal((await fetch(`${up.url}/rules`)).status, 200);
  assert.equal(await up.stop(), 0);
  rmSync(dataDir, { recursive: true });
});
