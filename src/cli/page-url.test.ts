import { test } from 'node:test';
import assert from 'node:assert/strict';
import { isBehindProxy, pageUrlOf, readConfig } from '../config.ts';

const url = 'http://localhost:4711';
const noAuth = { NO_AUTH: 'true' };

const links: readonly [env: NodeJS.ProcessEnv, expected: string | undefined][] = [
  [{}, url],
  [{ HOST: '192.0.2.7', ...noAuth }, url],
  [{ CONSOLE_URL: 'https://ssrms.example/console/' }, 'https://ssrms.example/console'],
  [{ HOST: '0.0.0.0', ...noAuth }, undefined],
  [{ HOST: '::', ...noAuth }, undefined],
  [{ HOST: '0.0.0.0', HOST_NAMES: 'web-1,web-1.lan', ...noAuth }, 'http://web-1:4711'],
  [{ HOST: '0.0.0.0', HOST_NAMES: 'web-1', PUBLISH: '127.0.0.1' }, undefined],
  [{ HOST: '0.0.0.0', PUBLISH: '127.0.0.1', CONSOLE_URL: 'http://localhost:5004' }, 'http://localhost:5004'],
];

for (const [env, expected] of links)
  test(`with ${JSON.stringify(env)} messages link to ${expected ?? 'nothing'}`, () => {
    assert.equal(pageUrlOf(readConfig(env, {}, 0), { port: 4711, url }), expected);
  });

test('only a public address that is not of this machine means a proxy', () => {
  const isProxied = (CONSOLE_URL?: string): boolean => isBehindProxy(readConfig({ CONSOLE_URL }, {}, 0));
  assert.equal(isProxied('https://ssrms.example'), true);
  for (const own of [undefined, 'http://localhost:9090', 'http://127.0.0.1:9090', 'http://[::1]:9090'])
    assert.equal(isProxied(own), false, own);
});
