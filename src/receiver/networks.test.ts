import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isAllowedAddress,
  isAllowedHost,
  isPrivateAddress,
  noNetworks,
  parseNetworks,
  type Networks,
} from './networks.ts';

test('private, reserved and local addresses are told from public ones, IPv4 inside of IPv6 included', () => {
  const notPublic = [
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.31.255.255',
    '192.168.1.1',
    '198.19.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fc00::1',
    'fdff::1',
    'fe80::1%eth0',
    'ff02::1',
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::192.168.0.1',
    'no address',
    '300.1.1.1',
    '',
  ];
  for (const address of notPublic) assert.equal(isPrivateAddress(address), true, address);
  const open = [
    '1.1.1.1',
    '9.255.255.255',
    '100.128.0.0',
    '172.32.0.1',
    '192.167.1.1',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
  ];
  for (const address of open) assert.equal(isPrivateAddress(address), false, address);
});

const parsed = (text: string): Networks => {
  const networks = parseNetworks(text);
  assert.ok(!('problem' in networks), text);
  return networks;
};

test('hosts are allowed by name, with a port when only that one is meant, and addresses by network', () => {
  const allowed = parsed('hooks.internal, localhost:8080, 10.1.0.0/16, 192.168.7.7, [fd00::]/8');
  const table: [string, boolean][] = [
    ['http://hooks.internal/x', true],
    ['http://HOOKS.internal:99/x', true],
    ['http://other.internal/x', false],
    ['http://localhost:8080/', true],
    ['http://localhost:8081/', false],
    ['http://10.1.255.1/', true],
    ['http://10.2.0.1/', false],
    ['http://192.168.7.7/', true],
    ['http://192.168.7.8/', false],
    ['http://[fd12::1]/', true],
    ['http://[fe80::1]/', false],
  ];
  for (const [url, expected] of table) assert.equal(isAllowedHost(new URL(url), allowed), expected, url);
  assert.equal(isAllowedAddress('10.1.0.0', allowed), true);
  assert.equal(isAllowedAddress('10.0.255.255', allowed), false);
  assert.deepEqual(parsed(''), noNetworks);
});

test('what is neither a host nor a network is refused', () => {
  for (const text of ['http://x', '10.0.0.0/33', 'a b', '-x', '*.example.com'])
    assert.ok('problem' in parseNetworks(text), text);
});
