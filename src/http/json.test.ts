import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Failure } from '../base/failure.ts';
import { decodeUtf8, parseJson } from './json.ts';

function messageOf(text: string): string {
  try {
    parseJson(text, 32);
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(error.code, 'invalid_json');
    return error.message;
  }
  return 'parsed';
}

test('broken JSON is answered with the place of the first error and what should stand there', () => {
  const table: [string, string][] = [
    ['', 'position 0 (line 1, column 1): a value should stand here'],
    ['{"a":}', 'position 5 (line 1, column 6): a value should stand here'],
    ['{"a": 1,\n "b" 2}', 'position 14 (line 2, column 6): a colon should stand here'],
    ['{"a": NaN}', 'position 6 (line 1, column 7): a value should stand here'],
    ['[1,]', 'position 3 (line 1, column 4): a value should stand here'],
    ['{"a":1,}', 'position 7 (line 1, column 8): a field name in double quotes should stand here'],
    ['{"a":1', 'position 6 (line 1, column 7): a comma or } should stand here'],
    ['[1 2]', 'position 3 (line 1, column 4): a comma or ] should stand here'],
    ['{} {}', 'position 3 (line 1, column 4): the text should end here'],
    [
      '"a',
      'position 0 (line 1, column 1): a value should stand here: a string is not closed, or has a character that needs a \\',
    ],
    ['01', 'position 1 (line 1, column 2): the text should end here'],
    ["{'a': 1}", 'position 1 (line 1, column 2): a field name in double quotes should stand here'],
  ];
  for (const [text, place] of table) assert.equal(messageOf(text), `the JSON is broken at ${place}`);
});

test('no message about broken JSON quotes the text, which may hold a secret', () => {
  assert.doesNotMatch(messageOf('{"url": "https://discord.com/api/webhooks/1/SECRET" x}'), /SECRET|discord/);
  assert.doesNotMatch(messageOf('SECRET'), /SECRET/);
});

test('the scanner of errors and JSON.parse agree on what is JSON', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '1',
    '-0.5e3',
    'true',
    'null',
    ' ',
    '"',
    '\\',
    '\n',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      let parses = true;
      try {
        JSON.parse(text);
      } catch {
        parses = false;
      }
      assert.equal(messageOf(text) === 'parsed', parses);
      assert.doesNotMatch(messageOf(text), /it is no JSON/);
    }),
    { numRuns: 3_000 },
  );
});

test('depth is bounded, brackets in strings not counted', () => {
  assert.deepEqual(parseJson('[[["]]]]"]]]', 3), [[[']]]]']]]);
  assert.throws(() => parseJson('[[[[1]]]]', 3), /deeper than 3 levels at position 3/);
  assert.throws(() => parseJson('['.repeat(1_000_000), 32), /deeper than 32 levels/);
  assert.deepEqual(parseJson(String.raw`["\"[[[["]`, 1), ['"[[[[']);
});

test('what is not UTF-8 is refused, and a byte order mark is skipped', () => {
  assert.throws(() => decodeUtf8(Uint8Array.of(0xff)), Failure);
  assert.equal(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31)), '1');
});
