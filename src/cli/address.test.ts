import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Command } from 'commander';
import { addAddress, targetOf } from './address.ts';

function targetFor(flags: readonly string[], env: NodeJS.ProcessEnv): string {
  const command = addAddress(new Command('ask').exitOverride(), '--url', 'where SSRMS runs');
  command.option('--broker <servers>').parse(['node', 'ask', ...flags]);
  const target = targetOf(command, env);
  return target.kind === 'http' ? target.url : target.kind;
}

const url = 'https://ssrms.example';
const broker = 'kafka-1:9092';

const table: readonly [flags: readonly string[], env: NodeJS.ProcessEnv, expected: string][] = [
  [[], {}, 'http://127.0.0.1:9090'],
  [[], { PORT: '9300' }, 'http://127.0.0.1:9300'],
  // A free port, or a variable that is set to nothing.
  [[], { PORT: '0' }, 'http://127.0.0.1:9090'],
  [[], { PORT: '', SSRMS_URL: ' ', BROKER: '' }, 'http://127.0.0.1:9090'],
  [[], { SSRMS_URL: url, PORT: '9300' }, url],
  [[], { BROKER: broker, PORT: '9300' }, 'log'],
  [[], { BROKER: broker, SSRMS_URL: url }, url],
  [['--broker', broker], { SSRMS_URL: url }, 'log'],
  [['--url', url], { SSRMS_URL: 'http://other', BROKER: broker }, url],
  [['--ssrms-url', url, '--broker', broker], {}, url],
];

for (const [flags, env, expected] of table)
  test(`with ${flags.join(' ') || 'no flag'} and ${JSON.stringify(env)} a command asks ${expected}`, () => {
    assert.equal(targetFor(flags, env), expected);
  });

test('what is no address is refused by the name that it was set by', () => {
  assert.throws(() => targetFor(['--url', 'web-1'], {}), /--url is web-1, and must be an http or https address/);
  assert.throws(() => targetFor([], { SSRMS_URL: 'ftp://web-1' }), /SSRMS_URL is ftp:\/\/web-1/);
  assert.throws(() => targetFor([], { PORT: 'ninety' }), /PORT is ninety, and may be a whole number/);
});
