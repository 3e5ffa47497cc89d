import { test } from 'node:test';
import assert from 'node:assert/strict';
import { refuseForeignPage, type BrowserGuard, type CallHeaders } from './browser-guard.ts';

const loopback: BrowserGuard = { hostNames: ['console.example'], loopbackOnly: true };
const open: BrowserGuard = { hostNames: [], loopbackOnly: false };

function verdict(headers: CallHeaders, guard: BrowserGuard): 'let in' | 'refused' {
  try {
    refuseForeignPage(headers, guard);
    return 'let in';
  } catch {
    return 'refused';
  }
}

test('the Host header must name loopback or a configured name', () => {
  const table: [string | undefined, 'let in' | 'refused', 'let in' | 'refused'][] = [
    // host, on loopback, on an open address
    ['localhost:9090', 'let in', 'let in'],
    ['LOCALHOST', 'let in', 'let in'],
    ['app.localhost', 'let in', 'let in'],
    ['127.0.0.1:80', 'let in', 'let in'],
    ['127.1.2.3', 'let in', 'let in'],
    ['[::1]:9090', 'let in', 'let in'],
    ['console.example:9090', 'let in', 'refused'],
    ['evil.example', 'refused', 'refused'],
    ['localhost.evil.example', 'refused', 'refused'],
    ['127.0.0.1.evil.example', 'refused', 'refused'],
    ['evil.example#localhost', 'refused', 'refused'],
    ['localhost@evil.example', 'refused', 'refused'],
    ['192.168.1.5:5001', 'refused', 'let in'],
    ['rules', 'refused', 'let in'],
    ['', 'refused', 'refused'],
    [undefined, 'refused', 'refused'],
  ];
  for (const [host, onLoopback, onOpen] of table) {
    assert.equal(verdict({ host }, loopback), onLoopback, `${host} on loopback`);
    assert.equal(verdict({ host }, open), onOpen, `${host} on an open address`);
  }
});

test('a page of another origin is refused, whatever it asks for', () => {
  const host = 'localhost:9090';
  for (const origin of ['http://localhost:9090', 'https://localhost:9090'])
    assert.equal(verdict({ host, origin }, loopback), 'let in');
  for (const origin of ['http://evil.example', 'http://localhost:3000', 'http://localhost', 'null', '']) {
    assert.equal(verdict({ host, origin }, loopback), 'refused', origin);
  }
  assert.equal(verdict({ host: 'localhost:80', origin: 'http://localhost' }, loopback), 'let in');
});
