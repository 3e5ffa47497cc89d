import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { codePoints, cut, duration, moment, untrusted, visible } from './text.ts';

test('plain text stays bare', () => {
  for (const text of ['received-packages', 'cpu load 5m', 'http_requests_total', 'a.b-c', 'größe', '温度', 'x']) {
    assert.equal(untrusted(text, 100), text);
  }
});

const quoted = [
  '@everyone',
  '<@&1>',
  '[x](http://evil)',
  '||spoiler||',
  '>>> quote',
  '# heading',
  '- list',
  '1. list',
  '**bold**',
  '_em_',
  'a _b_',
  'a_ b_c',
  'a__b__c',
  '_a_b',
  'é_b_é',
  'a*b',
  'a~b',
  'a\\b',
  'http://evil.example',
  'a:b',
  '<t:1:R>',
  'a/b',
  '5xx',
  '.a',
  'a, b',
  'a\u3000b',
];

test('all else stands in inline code', () => {
  for (const text of quoted) assert.equal(untrusted(text, 100), `\`${text}\``, text);
});

test('a backtick cannot end the inline code', () => {
  assert.equal(untrusted('``` @everyone `x`', 100), "`''' @everyone 'x'`");
});

test('what cannot be seen is dropped, and line breaks become blanks', () => {
  const hidden =
    '\u0000\u0007\u001b\u007f\u0085\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\u2800\u3164\ufe0f\ufeff\uffa0\ufff9\u{e0001}\u{e0041}\u{e0100}\ud800';
  assert.equal(visible(`a${hidden}b`).replaceAll(' ', ''), 'ab');
  assert.equal(visible('a\r\n\tb\u2028c'), 'a b c');
  assert.equal(untrusted('a\u202eb', 100), 'ab');
  assert.equal(untrusted(hidden, 100), '(empty)');
  assert.equal(untrusted('', 100), '(empty)');
});

test('text is cut by code points, with an ellipsis, and stays in its code', () => {
  assert.equal(cut('abcdef', 6), 'abcdef');
  assert.equal(cut('abcdef', 5), 'abcd…');
  assert.equal(cut('📦'.repeat(6), 5), `${'📦'.repeat(4)}…`);
  assert.equal(untrusted('a'.repeat(300), 10), 'aaaaaaaaa…');
  assert.equal(untrusted('📦'.repeat(300), 10), `\`${'📦'.repeat(7)}…\``);
  assert.equal(codePoints('  📦a '), 2);
});

const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...quoted, '`', '``', '```', '\n', '\u202e', '\u200b', '\ud800', '\\', ' ', '_', '*', '📦'),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''));

test('whatever text comes is bare and plain, or one piece of inline code; never empty, never too long, nothing hidden', () => {
  fc.assert(
    fc.property(hostile, fc.integer({ min: 10, max: 100 }), (text, max) => {
      const shown = untrusted(text, max);
      assert.ok(
        shown === '(empty)' || /^`[^`]+`$/.test(shown) || /^\p{L}[\p{L}\p{Nd} ._-]*…?$/u.test(shown),
        JSON.stringify(shown),
      );
      assert.ok(!/(?<![A-Za-z0-9])_|_(?![A-Za-z0-9…])/.test(shown) || shown.startsWith('`'), shown);
      assert.ok(codePoints(shown) <= max && codePoints(shown) > 0);
      assert.ok(!/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(shown));
    }),
    { numRuns: 1_000 },
  );
});

test('a hundred thousand emoji are no trouble', () => {
  assert.equal(codePoints(untrusted('👨‍👩‍👧‍👦'.repeat(100_000), 1_024)), 1_024);
});

test('moments are whole seconds, and lengths of time have at most two units', () => {
  assert.equal(moment(1_700_000_000_999), '<t:1700000000:F>');
  assert.equal(moment(-1, 'R'), '<t:-1:R>');
  assert.equal(moment(Infinity), undefined);
  const lengths: [number, string][] = [
    [0, '0 ms'],
    [340, '340 ms'],
    [2_500, '2.5 s'],
    [10_000, '10 s'],
    [61_000, '1 min 1 s'],
    [3_600_000, '1 h'],
    [3_659_000, '1 h'],
    [90_061_000, '1 d 1 h'],
  ];
  for (const [ms, text] of lengths) assert.equal(duration(ms), text);
});
