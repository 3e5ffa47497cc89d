import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isMatch, type OracleMatcher } from '../../test/support/oracle/oracle-rule.ts';
import { tagsOf } from '../metric/sample.ts';
import { exactTags, exampleTags, isMatcher, matchersKey, matchersOf, tagsMatch, type TagMatcher } from './matcher.ts';
import { matcherProblem, matchersProblems } from './matcher-check.ts';

test('an entry holds for the values that its form says', () => {
  const values = [undefined, '', 'web-1', 'web-2', 'web-', 'db-1', 'a*b', 'axb'];
  const shown = (matcher: TagMatcher): (string | undefined)[] =>
    values.filter((value) => tagsMatch({ host: matcher }, value === undefined ? {} : { host: value }));
  assert.deepEqual(shown('web-1'), ['web-1']);
  assert.deepEqual(shown(['web-1', 'db-1']), ['web-1', 'db-1']);
  assert.deepEqual(shown({ like: 'web-*' }), ['web-1', 'web-2', 'web-']);
  assert.deepEqual(shown({ like: '*-*1' }), ['web-1', 'db-1']);
  assert.deepEqual(shown({ like: 'a\\*b' }), ['a*b']);
  assert.deepEqual(shown({ like: 'a*b' }), ['a*b', 'axb']);
  assert.deepEqual(shown({ like: '*' }), values.slice(1));
  assert.deepEqual(shown({ like: '' }), ['']);
  assert.deepEqual(shown({ exists: true }), values.slice(1));
  assert.deepEqual(shown({ exists: false }), [undefined]);
  assert.deepEqual(
    shown({ not: 'web-1' }),
    values.filter((value) => value !== 'web-1'),
  );
  assert.deepEqual(shown({ not: ['web-1', 'db-1', ''] }), [undefined, 'web-2', 'web-', 'a*b', 'axb']);
  assert.deepEqual(shown({ not: { like: '*-*' } }), [undefined, '', 'a*b', 'axb']);
});

test('a rule matches the series for which all of its entries hold, and its own properties alone count', () => {
  const tags = { host: 'a', zone: 'b' };
  assert.ok(tagsMatch(undefined, tags));
  assert.ok(tagsMatch({}, tags));
  assert.ok(tagsMatch({ zone: 'b', host: ['c', 'a'] }, tags));
  assert.ok(!tagsMatch({ zone: 'b', host: ['c'] }, tags));
  assert.ok(!tagsMatch({ host: 'a', rack: '1' }, tags));
  assert.ok(!tagsMatch({ toString: 'x' }, {}));
  assert.ok(tagsMatch({ toString: { exists: false } }, {}));
  assert.ok(!tagsMatch(tagsOf([['__proto__', 'x']]), tags));
  assert.ok(tagsMatch(tagsOf([['__proto__', 'x']]), tagsOf([['__proto__', 'x']])));
});

const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '\\'), maxLength: 6 });
const valueMatcher = fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 }), fc.record({ like: text }));
const matcher = fc.oneof(
  valueMatcher,
  fc.record({ exists: fc.boolean() }),
  fc.record({ not: valueMatcher }),
) as fc.Arbitrary<TagMatcher>;
const matchers = fc.dictionary(fc.constantFrom('k', 'l', '__proto__'), matcher);

test('matching is what the oracle says, and a pattern costs no more than its length times that of the text', () => {
  fc.assert(
    fc.property(matcher, fc.option(text, { nil: undefined }), (one, value) => {
      const tags = value === undefined ? {} : { k: value };
      const rule = { id: '', metric_name: 'm', threshold: 0, tags: { k: one as OracleMatcher } };
      assert.equal(tagsMatch({ k: one }, tags), isMatch(rule, 'm', new Map(Object.entries(tags))));
    }),
    { numRuns: 2_000 },
  );
  const began = process.cpuUsage();
  assert.equal(tagsMatch({ k: { like: '*a'.repeat(512) } }, { k: `${'a'.repeat(1_023)}b` }), false);
  assert.equal(tagsMatch({ k: { like: `*${'a'.repeat(500)}b*c` } }, { k: 'a'.repeat(1_024) }), false);
  assert.ok(process.cpuUsage(began).user < 500_000, 'no pattern takes long');
});

test('an example matches, where it only takes tags that are there', () => {
  fc.assert(
    fc.property(matchers, (all) => {
      assert.ok(tagsMatch(exactTags(all), { ...exampleTags(all) }));
      assert.ok(tagsMatch(all, exampleTags(all)));
    }),
  );
});

test('a copy is equal, and not the same; equal matchers have equal keys, in any order', () => {
  fc.assert(
    fc.property(matchers, (all) => {
      const copy = matchersOf(all);
      assert.equal(matchersKey(copy), matchersKey(Object.fromEntries(Object.entries(all).reverse())));
      for (const [key, one] of Object.entries(all)) {
        if (typeof one === 'object') assert.notEqual(Object.entries(copy).find(([name]) => name === key)![1], one);
      }
      assert.deepEqual(matchersProblems(copy), []);
      assert.ok(Object.values(copy).every(isMatcher));
    }),
  );
  assert.notEqual(matchersKey({ a: 'b' }), matchersKey({ a: ['b'] }));
});

const refused: [string, unknown, RegExp][] = [
  ['a number', 1, /must be a string, a list of 1 to 100 strings, \{"like": "web-\*"\}, .*, not 1$/],
  ['nothing', null, /not null$/],
  ['an object without a form', {}, /not an empty object$/],
  ['an unknown form', { regex: '.*' }, /not an object with another field$/],
  ['two forms', { like: 'a', exists: true }, /not an object with 2 fields$/],
  ['a pattern that is none', { like: 5 }, /must have a string as "like".*, not 5$/],
  ['existence as text', { exists: 'yes' }, /true or false as "exists", not a string$/],
  ['not of existence', { not: { exists: true } }, /as "not", not an object with another field$/],
  ['not of not', { not: { not: 'a' } }, /as "not", not an object/],
  ['not of nothing', { not: null }, /as "not", not null$/],
  ['an empty list', [], /must list 1 to 100 values, not 0$/],
  ['a long list', Array.from({ length: 101 }, () => 'a'), /not 101$/],
  ['a list with a number', ['a', 2], /must list strings, and has 2 at 1$/],
  ['a list in a list', [['a']], /has an array at 0$/],
  ['a long value in a list', ['é'.repeat(513)], /at 0 that must have at most 1024 bytes of UTF-8, not 1026$/],
  ['a long pattern', { like: '*'.repeat(1_025) }, /at most 1024 bytes of UTF-8, not 1025$/],
  ['a lone surrogate', { not: '\ud800' }, /valid Unicode/],
];
for (const [name, wrong, message] of refused) {
  test(`refused as a matcher: ${name}`, () => {
    assert.match(matcherProblem(wrong) ?? 'nothing', message);
    // What is too long, or not well-formed, has the form all the same.
    assert.equal(isMatcher(wrong), /bytes|Unicode|not 101/.test(matcherProblem(wrong)!));
  });
}

test('what is wrong names its tag, and no form of a value shows what may be a secret', () => {
  const secret = 'https://discord.com/api/webhooks/1/token';
  const wrong = { host: [secret, 1], zone: { [secret]: secret }, '': 'a', good: 'b' };
  const problems = matchersProblems(wrong);
  assert.deepEqual(
    problems.map(({ key }) => key),
    ['host', 'zone', ''],
  );
  assert.ok(!JSON.stringify(problems).includes('discord'));
  assert.match(matchersProblems(['a'])[0]!.message, /must be an object/);
});
