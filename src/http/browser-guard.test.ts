import { test } from 'node:test';
import assert from 'node:assert/strict';
import { refuseForeignPage, type BrowserGuard, type CallHeaders } from './browser-guard.ts';

const loopback: BrowserGuard = { hostNames: ['console.example'], loopbackOnly: true };
const open: BrowserGuard = { hostNames: [], loopbackOnly: false };

const proxied: BrowserGuard = { hostNames: [], publicUrl: 'https://ssrms.example:8443/console', loopbackOnly: true };

function reasonFor(headers: CallHeaders, guard: BrowserGuard, target: 'page' | 'data' = 'data'): string {
  try {
    refuseForeignPage(headers, guard, target);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

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

test('the public address of the page may be called, and its page may call, whatever the proxy passes as Host', () => {
  const origin = 'https://ssrms.example:8443';
  for (const host of ['ssrms.example:8443', 'ssrms.example', '127.0.0.1:9090']) {
    assert.equal(reasonFor({ host }, proxied), '', host);
    assert.equal(reasonFor({ host, origin }, proxied), '', `${host} with Origin`);
  }
  assert.match(reasonFor({ host: 'ssrms.example', origin: 'https://evil.example' }, proxied), /Origin/);
  assert.match(reasonFor({ host: 'other.example' }, proxied), /Host/);
});

test('a request of another site without an Origin is refused, except for links that lead to the page', () => {
  const host = 'localhost:9090';
  const call = (site: string, more: CallHeaders = {}, target: 'page' | 'data' = 'data'): string =>
    reasonFor({ host, 'sec-fetch-site': site, ...more }, loopback, target);
  const image = { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
  const link = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  for (const site of ['cross-site', 'same-site']) {
    for (const how of [image, link, {}])
      assert.match(call(site, how), /another site/, `${site} ${JSON.stringify(how)}`);
    assert.match(call(site, image, 'page'), /another site/);
    // From a message in Discord, for example.
    assert.equal(call(site, link, 'page'), '');
  }
  for (const site of ['same-origin', 'none']) for (const how of [image, link]) assert.equal(call(site, how), '');
  // Through a proxy the page's own Origin decides.
  const origin = 'https://ssrms.example:8443';
  assert.equal(reasonFor({ host, origin, 'sec-fetch-site': 'same-origin' }, proxied), '');
});

test('a refusal names what was refused and the settings that would allow it', () => {
  const host = 'ssrms.example:8080';
  assert.match(reasonFor({ host }, loopback), /Host header is "ssrms\.example:8080".*CONSOLE_URL.*HOST_NAMES/);
  const origin = 'https://ssrms.example';
  assert.match(
    reasonFor({ host: 'localhost', origin }, loopback),
    /Origin header is "https:.*ssrms\.example".*CONSOLE_URL/,
  );
});
