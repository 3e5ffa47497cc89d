import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ok, type AlarmState } from '../alarm/alarm-state.ts';
import type { AlarmRecord } from '../alarm/alarm-record.ts';
import { RuleBook } from '../rule/rule-book.ts';
import { globMatches, searchRules } from './rule-search.ts';
import { firingSince } from './testing/console-system.ts';

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

function bookOf(...rules: object[]): RuleBook {
  const book = new RuleBook();
  rules.forEach((fields, index) => {
    const rule = {
      id: id(index),
      metric_name: 'cpu',
      threshold: 1,
      discord_webhook_url: `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`,
      ...fields,
    };
    assert.equal(book.apply({ key: rule.id, value: JSON.stringify(rule), partition: 0, offset: index }).kind, 'set');
  });
  return book;
}

function alarm(ruleId: string, state: AlarmState, name = 'cpu'): AlarmRecord {
  return {
    ruleId,
    ruleVersion: { partition: 0, offset: 0 },
    series: { name, tags: {} },
    state,
    lastSentMs: undefined,
    sentCount: 0,
    revision: 0,
    x: 1,
    timeMs: 0,
    sample: { partition: 0, offset: 0, timestampMs: 0 },
  };
}

test('a glob is matched in one pass', () => {
  const table: [string, string, boolean][] = [
    ['cpu', 'cpu', true],
    ['cpu', 'cpux', false],
    ['cpu*', 'cpu', true],
    ['cpu*', 'cpu-usage', true],
    ['*usage', 'cpu-usage', true],
    ['*', '', true],
    ['c*u*e', 'cpu-usage', true],
    ['c*z*e', 'cpu-usage', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['', 'x', false],
    ['**x**', 'axb', true],
    ['*a*a*', 'ba', false],
    [`${'*a'.repeat(50)}*`, 'b'.repeat(100_000), false],
  ];
  for (const [pattern, text, expected] of table)
    assert.equal(globMatches(pattern, text), expected, `${pattern} on ${text.slice(0, 20)}`);
});

test('every term of a search must hold', () => {
  const book = bookOf(
    { metric_name: 'cpu-usage', description: 'The Web servers', tags: { host: 'web-1' } },
    { metric_name: 'cpu-usage', tags: { host: 'db-1' }, enabled: false },
    { metric_name: 'memory' },
    { metric_name: 'queue' },
  );
  const alarms = new Map([
    [id(0), [alarm(id(0), firingSince(5)), alarm(id(0), firingSince(3)), alarm(id(0), ok)]],
    [id(3), [alarm(id(3), { state: 'pending', sinceMs: 1 })]],
  ]);
  const found = (text: string): number[] =>
    searchRules(book, (rule) => alarms.get(rule) ?? [], { text, after: undefined, limit: 10 }).rules.map(({ entry }) =>
      Number(entry.rule.id.slice(-2)),
    );
  const table: [string, number[]][] = [
    ['', [0, 1, 2, 3]],
    ['cpu', [0, 1]],
    ['CPU web', [0]],
    ['metric:cpu*', [0, 1]],
    ['metric:cpu', []],
    ['metric:*m*', [2]],
    ['tag:host', [0, 1]],
    ['tag:host=web-*', [0]],
    ['tag:host=x', []],
    ['state:firing', [0]],
    ['state:pending', [3]],
    ['state:disabled', [1]],
    ['state:ok', [2]],
    ['state:firing tag:host=db-1', []],
    [id(2), [2]],
    ['(.*)+$', []],
  ];
  for (const [text, expected] of table) assert.deepEqual(found(text), expected, text);
  const [first] = searchRules(book, (rule) => alarms.get(rule) ?? [], { text: '', after: undefined, limit: 1 }).rules;
  assert.deepEqual([first!.firing, first!.pending, first!.series], [2, 0, 3]);
  assert.equal(first!.worst?.state.state === 'firing' && first!.worst.state.sinceMs, 3, 'the longest');
});

test('pages follow each other without a gap', () => {
  const book = bookOf(
    ...Array.from({ length: 1_200 }, (_, index) => ({ metric_name: index % 2 === 0 ? 'even' : 'odd' })),
  );
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = searchRules(book, () => [], { text: 'metric:odd', after, limit: 70 });
    seen.push(...page.rules.map(({ entry }) => entry.rule.id));
    after = page.next;
  } while (after !== undefined);
  assert.deepEqual(
    seen,
    Array.from({ length: 600 }, (_, index) => id(2 * index + 1)),
  );
});
