import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetworks, type Networks } from '../networks.ts';
import { maskedAddress, parseWebhookAddress } from './address.ts';

const good: readonly string[] = [
  'https://hooks.example.com',
  'https://hooks.example.com/',
  'https://hooks.example.com/a/b?token=c',
  'https://hooks.example.com:8443/a',
  'HTTPS://Hooks.Example.COM/a',
  'https://1.1.1.1/a',
  'https://[2606:4700::1111]/a',
  'https://xn--bcher-kva.example/a',
  'https://example.com/%2e%2e/a',
];

const bad: readonly string[] = [
  '',
  'hooks.example.com',
  'http://hooks.example.com/a',
  'ftp://hooks.example.com/a',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'https:hooks.example.com',
  'https:///hooks.example.com',
  'https:\\\\hooks.example.com\\a',
  'https://user@hooks.example.com/',
  'https://user:pass@hooks.example.com/',
  'https://@127.0.0.1/',
  'https://hooks.example.com/#a',
  'https://hooks.example.com/a b',
  'https://hooks.example.com/\ta',
  'https://hooks.example.com\n/a',
  'https://bücher.example/a',
  'https://hooks.example.com:99999/',
  'https://localhost/',
  'https://localhost./',
  'https://a.localhost/',
  'https://printer.local/',
  'https://hooks.internal/',
  'https://metadata.google.internal/',
  'https://intranet/',
  'https://127.0.0.1/',
  'https://127.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0177.0.0.1/',
  'https://0.0.0.0/',
  'https://10.0.0.1/',
  'https://169.254.169.254/latest/meta-data',
  'https://172.16.0.1/',
  'https://192.168.0.1/',
  'https://100.64.0.1/',
  'https://224.0.0.1/',
  'https://[::1]/',
  'https://[::]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[fd00::1]/',
  'https://[fe80::1]/',
  'https://[64:ff9b::7f00:1]/',
  `https://hooks.example.com/${'a'.repeat(2_048)}`,
];

for (const text of good) test(`good: ${text}`, () => assert.ok('url' in parseWebhookAddress(text)));

for (const text of bad)
  test(`bad: ${JSON.stringify(text.slice(0, 60))}`, () => {
    const parsed = parseWebhookAddress(text);
    assert.ok('problem' in parsed);
    assert.ok(text === '' || !parsed.problem.includes(text), 'the address is not shown');
  });

test('what the operator allows may be private and http, and nothing else', () => {
  const allowed = parseNetworks('hooks.internal, 10.0.0.0/8, localhost:8080') as Networks;
  for (const text of ['http://hooks.internal/a', 'http://10.9.9.9/a', 'https://10.9.9.9/a', 'http://localhost:8080/'])
    assert.ok('url' in parseWebhookAddress(text, allowed), text);
  for (const text of [
    'http://localhost:8081/',
    'http://example.com/',
    'https://11.internal/',
    'http://user@hooks.internal/',
  ])
    assert.ok('problem' in parseWebhookAddress(text, allowed), text);
});

test('of an address its origin is shown and nothing more', () => {
  assert.equal(
    maskedAddress('https://hooks.example.com:8443/services/T0/secret?token=x'),
    'https://hooks.example.com:8443/****',
  );
  assert.equal(maskedAddress('nonsense'), '****');
});
