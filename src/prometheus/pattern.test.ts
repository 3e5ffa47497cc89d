import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { tagsMatch } from '../rule/matcher.ts';
import { Untranslatable, type MatchOperator } from './expression.ts';
import { patternMeaning } from './pattern.ts';
import { tagsOfMatchers } from './tags-of-matchers.ts';

type Given = readonly [label: string, operator: MatchOperator, value: string];

function tagsOf(given: readonly Given[], notes: string[] = []): object {
  const matchers = given.map(([label, operator, value]) => ({ label, operator, value, from: 0, to: 1 }));
  return tagsOfMatchers(matchers, (note) => notes.push(note));
}

const translations: readonly (readonly [given: readonly Given[], tags: object])[] = [
  [[['a', '=', 'x']], { a: 'x' }],
  [[['a', '=', '']], { a: { exists: false } }],
  [[['a', '!=', 'x']], { a: { not: 'x' } }],
  [[['a', '!=', '']], { a: { exists: true } }],
  [[['a', '=~', 'x']], { a: 'x' }],
  [[['a', '=~', '^x$']], { a: 'x' }],
  [[['a', '=~', 'x|y|z']], { a: ['x', 'y', 'z'] }],
  [[['a', '=~', '(x|y)z?']], { a: ['xz', 'x', 'yz', 'y'] }],
  [[['a', '=~', 'sd[a-c]']], { a: ['sda', 'sdb', 'sdc'] }],
  [[['a', '=~', 'x\\.y\\|z']], { a: 'x.y|z' }],
  [[['a', '=~', '.*']], {}],
  [[['a', '=~', '.+']], { a: { exists: true } }],
  [[['a', '!~', '.+']], { a: { exists: false } }],
  [[['a', '=~', '']], { a: { exists: false } }],
  [[['a', '!~', '']], { a: { exists: true } }],
  [[['a', '=~', 'x.*.*']], { a: { like: 'x*' } }],
  [[['a', '=~', 'web-.*']], { a: { like: 'web-*' } }],
  [[['a', '=~', '.*\\*.*']], { a: { like: '*\\**' } }],
  [[['a', '!~', 'x|y']], { a: { not: ['x', 'y'] } }],
  [[['a', '!~', '.*x.*']], { a: { not: { like: '*x*' } } }],
  [
    [
      ['a', '=~', 'x.*'],
      ['a', '!=', ''],
    ],
    { a: { like: 'x*' } },
  ],
  [
    [
      ['a', '=~', 'x|y|z'],
      ['a', '!~', 'y.*'],
    ],
    { a: ['x', 'z'] },
  ],
  [
    [
      ['a', '!=', 'x'],
      ['a', '!=', 'y'],
      ['b', '=', 'z'],
    ],
    { a: { not: ['x', 'y'] }, b: 'z' },
  ],
];

for (const [given, tags] of translations)
  test(`{${given.map((each) => each.join('')).join(', ')}} is ${JSON.stringify(tags)}`, () =>
    assert.deepEqual(tagsOf(given), tags));

const refusals: readonly (readonly [given: readonly Given[], reason: RegExp])[] = [
  [[['a', '=~', 'x.*|y.*']], /several patterns/],
  [[['a', '=~', 'x.y']], /only \.\* has a counterpart/],
  [[['a', '=~', '(?i)x']], /flags/],
  [[['a', '=~', '[^x]']], /\[\^…\]/],
  [[['a', '=~', 'x+']], /a repetition/],
  [[['a', '=~', '\\d']], /\\d has no counterpart/],
  [[['a', '=~', 'x|']], /missing label/],
  [[['a', '=~', '[a-z][a-z][a-z]']], /more than 100 values/],
  [[['a', '=~', 'x(']], /cannot be read/],
  [[['a', '=~', '\\\\.*']], /a backslash before a star/],
  [[['a', '!~', '.*']], /no series matches/],
  [[['__name__', '=~', 'x.*']], /one metric/],
  [
    [
      ['a', '=~', 'x.*'],
      ['a', '!=', 'xy'],
    ],
    /one condition/,
  ],
  [
    [
      ['a', '=', 'x'],
      ['a', '=', 'y'],
    ],
    /no series matches/,
  ],
];

for (const [given, reason] of refusals)
  test(`{${given.map((each) => each.join('')).join(', ')}} is refused: ${reason.source}`, () =>
    assert.throws(
      () => tagsOf(given),
      (error) => error instanceof Untranslatable && reason.test(error.message) && error.span.to === 1,
    ));

test('what a tag matches beside what the expression does is said', () => {
  const notes: string[] = [];
  assert.deepEqual(tagsOf([['status', '=~', '5..']], notes), { status: { like: '5*' } });
  assert.deepEqual(tagsOf([['device', '!~', 'veth.+']], notes), { device: { not: { like: 'veth*' } } });
  assert.deepEqual(notes, [
    'status=~"5.." became 5*, which also matches values of another length',
    'device!~"veth.+" became veth*, which also matches veth itself',
  ]);
});

test('a tag holds exactly where the regular expression does', () => {
  const piece = fc.constantFrom('a', 'b', '.*', 'c?', '(a|b)', '[ab]', '\\*', '(?:ab|c)', '|');
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '*'), maxLength: 5 });
  const operator = fc.constantFrom<MatchOperator[]>('=~', '!~');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 5 }),
      operator,
      fc.array(text, { maxLength: 20 }),
      (pieces, is, values) => {
        const pattern = pieces.join('');
        const meaning = patternMeaning(pattern);
        fc.pre(meaning.kind !== 'refused' && !(meaning.kind === 'anything' && is === '!~'));
        const tags = tagsOf([['x', is, pattern]]) as Parameters<typeof tagsMatch>[0];
        const anchored = new RegExp(`^(?:${pattern})$`, 's');
        for (const value of [...values, '']) {
          const isMatch = anchored.test(value) === (is === '=~');
          assert.equal(tagsMatch(tags, value === '' ? {} : { x: value }), isMatch, `${pattern} ${value}`);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
