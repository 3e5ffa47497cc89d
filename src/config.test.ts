import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig, type Config } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'ssrms-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const read = (env: Record<string, string>): Config => readConfig(env, {}, 9_090);
const secret = 'kR7vQ2mXw9ZpL4tB8nYc1sJf6hDg3aEu';
const previous = 'b1QzX9vTn4Lw7KsY2mRc8PdHj5GfAeUo';
const jwks = { SSRMS_JWKS_URL: 'https://issuer.test/keys' };
const broker = { BROKER: 'kafka-1:9092', BROKER_USERNAME: 'ssrms', BROKER_PASSWORD: secret };

function refusalOf(env: Record<string, string>): string {
  try {
    read(env);
  } catch (error) {
    assert.equal((error as Error).name, 'ConfigError');
    return (error as Error).message;
  }
  return assert.fail(`${JSON.stringify(env)} is accepted`);
}

test('tokens of an issuer need its name and an audience, or both are said to be any', () => {
  const [issuer, audience] = ['https://issuer.test', 'ssrms'];
  for (const [env, missing] of [
    [{}, /SSRMS_JWT_ISSUER and SSRMS_JWT_AUDIENCE/],
    [{ SSRMS_JWT_ISSUER: issuer }, /needs SSRMS_JWT_AUDIENCE/],
    [{ SSRMS_JWT_AUDIENCE: audience }, /needs SSRMS_JWT_ISSUER/],
  ] as const) {
    const message = refusalOf({ ...jwks, ...env });
    assert.match(message, missing);
    assert.match(message, /\*/, 'the way to go on as before is named');
  }
  const both = read({ ...jwks, SSRMS_JWT_ISSUER: issuer, SSRMS_JWT_AUDIENCE: audience });
  assert.deepEqual([both.jwtIssuer, both.jwtAudience], [issuer, audience]);
  const any = read({ ...jwks, SSRMS_JWT_ISSUER: '*', SSRMS_JWT_AUDIENCE: '*' });
  assert.deepEqual([any.jwtIssuer, any.jwtAudience], [undefined, undefined]);
  // Whoever has the secret makes the tokens.
  assert.equal(read({ SSRMS_JWT_SECRET: secret }).jwtAudience, undefined);
});

test('a secret may come from a file, and the one before it is still accepted', () => {
  const file = join(folder, 'secret');
  writeFileSync(file, `${secret}\n`);
  const config = read({ SSRMS_JWT_SECRET_FILE: file, SSRMS_JWT_SECRET_PREVIOUS: previous });
  assert.deepEqual([config.jwtSecret, config.jwtSecretPrevious], [secret, previous]);
  const files: [string, Record<string, string>, (config: Config) => unknown][] = [
    [
      'BROKER_PASSWORD',
      { BROKER: 'kafka-1:9092', BROKER_USERNAME: 'ssrms', BROKER_SASL: 'SCRAM-SHA-512' },
      ({ brokerSecurity }) => brokerSecurity.sasl?.password,
    ],
    ['SSRMS_JWT_SECRET_PREVIOUS', { SSRMS_JWT_SECRET: previous }, ({ jwtSecretPrevious }) => jwtSecretPrevious],
    [
      'OIDC_CLIENT_SECRET',
      { ...jwks, SSRMS_JWT_ISSUER: 'https://issuer.test', SSRMS_JWT_AUDIENCE: 'ssrms', OIDC_CLIENT_ID: 'page' },
      ({ oidc }) => oidc?.clientSecret,
    ],
  ];
  const addressFile = join(folder, 'address');
  writeFileSync(addressFile, 'https://beats.example.com/s3cret\n');
  assert.equal(read({ HEARTBEAT_URL_FILE: addressFile }).heartbeatUrl, 'https://beats.example.com/s3cret');
  assert.match(refusalOf({ HEARTBEAT_URL_FILE: file }), /^HEARTBEAT_URL is no http or https address$/);
  for (const [name, env, value] of files) {
    assert.equal(value(read({ ...env, [`${name}_FILE`]: file })), secret, name);
    assert.match(
      refusalOf({ ...env, [name]: previous, [`${name}_FILE`]: file }),
      new RegExp(`${name} and ${name}_FILE`),
    );
    assert.match(refusalOf({ ...env, [`${name}_FILE`]: join(folder, 'none') }), /cannot be read \(ENOENT\)/);
  }
  assert.match(
    refusalOf({ SSRMS_JWT_SECRET_PREVIOUS: previous }),
    /SSRMS_JWT_SECRET_PREVIOUS is set, and needs SSRMS_JWT_SECRET/,
  );
  assert.match(
    refusalOf({ SSRMS_JWT_SECRET: secret, SSRMS_JWT_SECRET_PREVIOUS: 'short' }),
    /SSRMS_JWT_SECRET_PREVIOUS has 5 bytes/,
  );
});

test('ids of revoked tokens come as a list, or from a file that is read at start', () => {
  assert.deepEqual(read({ SSRMS_JWT_REVOKED: 'a, b' }).jwtRevoked, { ids: ['a', 'b'], file: undefined });
  const file = join(folder, 'revoked');
  writeFileSync(file, 'c\n# a comment\nd');
  assert.deepEqual(read({ SSRMS_JWT_REVOKED_FILE: file }).jwtRevoked, { ids: [], file });
  assert.match(refusalOf({ SSRMS_JWT_REVOKED_FILE: join(folder, 'none') }), /SSRMS_JWT_REVOKED_FILE .* cannot be read/);
});

test('a password goes to Kafka in the clear only where that was asked for, or on this machine', () => {
  const plain = { ...broker, BROKER_SASL: 'PLAIN' };
  const message = refusalOf(plain);
  assert.match(message, /BROKER_SASL is PLAIN.*BROKER_TLS=true.*BROKER_PLAIN_WITHOUT_TLS=true/);
  assert.ok(!message.includes(secret));
  for (const more of [
    { BROKER_TLS: 'true' },
    { BROKER_PLAIN_WITHOUT_TLS: 'true' },
    { BROKER: '127.0.0.1:9092,localhost:9093,[::1]:9094' },
    { BROKER_SASL: 'SCRAM-SHA-256' },
  ]) {
    assert.equal(read({ ...plain, ...more }).brokerSecurity.sasl?.username, 'ssrms');
  }
  refusalOf({ ...plain, BROKER: '127.0.0.1:9092,kafka-1:9092' });
});

test('webhook URLs are shown to writers alone unless it is said otherwise', () => {
  assert.equal(read({}).revealWebhookUrl, 'writers');
  assert.equal(read({ REVEAL_WEBHOOK_URL: 'all' }).revealWebhookUrl, 'all');
});

test('no refusal repeats a secret that was put into the wrong place', () => {
  const token = 'aB3-_'.repeat(13) + 'xyz';
  const webhook = `https://discord.com/api/webhooks/1100000000000000001/${token}`;
  const login = 'https://ssrms:p4sswordOfOurs@issuer.test/keys';
  for (const name of [
    'HOST_NAMES',
    'PORT',
    'PUBLISH',
    'BROKER',
    'CONSOLE_URL',
    'DISCORD_API_BASE',
    'WEBHOOK_ALLOW',
    'GLOBAL_RPS',
    'LOG_LEVEL',
    'READ_ONLY',
    'SERIES_MAX',
    'WINDOW_MEMORY_MB',
    'REVEAL_WEBHOOK_URL',
    'SSRMS_JWKS_URL',
    'SSRMS_JWT_SECRET_FILE',
    'BROKER_TLS_CA',
  ]) {
    for (const value of [
      webhook,
      `${webhook}?wait=true`,
      login,
      login.replace('https', 'ftp'),
      `user:p4sswordOfOurs@x:9092`,
    ]) {
      let message = '';
      try {
        read({ [name]: value });
      } catch (error) {
        message = (error as Error).message;
      }
      for (const part of [token, token.slice(0, 20), 'p4sswordOfOurs']) {
        assert.ok(!message.includes(part), `${name}: ${message}`);
      }
    }
  }
  const address = refusalOf({ SSRMS_JWKS_URL: login, SSRMS_JWT_ISSUER: '*', SSRMS_JWT_AUDIENCE: '*' });
  assert.match(address, /SSRMS_JWKS_URL .*user name or password/);
});
