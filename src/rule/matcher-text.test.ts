import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { matcherText, parseMatcher } from './matcher-text.ts';
import type { TagMatcher } from './matcher.ts';

const table: [string, string, TagMatcher][] = [
  ['host=web-1', 'host', 'web-1'],
  ['host=', 'host', ''],
  ['host=web-1|web-2', 'host', ['web-1', 'web-2']],
  ['host=web-*', 'host', { like: 'web-*' }],
  ['host!=web-1', 'host', { not: 'web-1' }],
  ['host!=web-1|web-2', 'host', { not: ['web-1', 'web-2'] }],
  ['host!=*.example.org', 'host', { not: { like: '*.example.org' } }],
  ['host exists', 'host', { exists: true }],
  ['host absent', 'host', { exists: false }],
  [String.raw`query=a=b\|c\*`, 'query', 'a=b|c*'],
  [String.raw`path=C:\\tmp`, 'path', 'C:\\tmp'],
  [String.raw`path=C:\\tmp\**`, 'path', { like: String.raw`C:\tmp\**` }],
];
for (const [line, key, matcher] of table) {
  test(`${line} is read, and written so`, () => {
    assert.deepEqual(parseMatcher(line), [key, matcher]);
    assert.equal(matcherText(key, matcher), line);
  });
}

test('blanks around the parts do not count, and a backslash before other characters is one', () => {
  assert.deepEqual(parseMatcher('  host  =  web-1 '), ['host', 'web-1']);
  assert.deepEqual(parseMatcher(' host != a|b '), ['host', { not: ['a', 'b'] }]);
  assert.deepEqual(parseMatcher(' the host   exists '), ['the host', { exists: true }]);
  assert.deepEqual(parseMatcher(String.raw`path=C:\tmp`), ['path', String.raw`C:\tmp`]);
});

test('what is no line is refused with what is allowed', () => {
  for (const line of ['', 'host', '=web-1', '!=web-1', 'host is web-1', 'exists']) {
    const read = parseMatcher(line);
    assert.match('problem' in read ? read.problem : '', /host=web-1\|web-2.*host exists/, line);
  }
  for (const line of ['host=web-*|db-1', 'host!=a|*', String.raw`path=a\\*`, String.raw`path=a\\\**`])
    assert.ok('problem' in parseMatcher(line), line);
});

test('every matcher that its line can say is read back from it', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '*', '\\', '|', '=', 'é'), maxLength: 6 });
  const value = fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 3 }));
  const matcher = fc.oneof(
    value,
    value.map((not) => ({ not })),
    fc.boolean().map((exists) => ({ exists })),
  );
  fc.assert(
    fc.property(fc.constantFrom('host', 'a b', 'é'), matcher, (key, one) => {
      assert.deepEqual(parseMatcher(matcherText(key, one)), [key, one]);
    }),
  );
});
