import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ok, type AlarmState } from '../../alarm/alarm-state.ts';
import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import * as fc from 'fast-check';
import { RuleBook, type RuleChange } from '../../rule/rule-book.ts';
import type { RuleFeed, RuleListener } from '../../rule/rule-feed.ts';
import { RuleIndex } from '../live/rule-index.ts';
import { searchRules, type SearchSources } from './rule-search.ts';
import { globMatches, parseSearch } from './search-terms.ts';
import { firingSince } from '../testing/console-system.ts';

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** Rules that one follows, with an index that is built when it is told to. */
class Rules implements RuleFeed {
  readonly book = new RuleBook();
  readonly caughtUp = Promise.resolve();
  readonly #listeners: RuleListener[] = [];
  readonly index = new RuleIndex(this);
  #offset = 0;

  subscribe(listener: RuleListener): () => void {
    this.#listeners.push(listener);
    return () => {};
  }

  set(ruleId: string, fields: object): RuleChange {
    const rule = {
      id: ruleId,
      metric_name: 'cpu',
      threshold: 1,
      discord_webhook_url: `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`,
      ...fields,
    };
    const change = this.#apply(ruleId, JSON.stringify(rule));
    assert.equal(change.kind, 'set');
    return change;
  }

  delete(ruleId: string): void {
    this.#apply(ruleId, null);
  }

  #apply(key: string, value: string | null): RuleChange {
    const change = this.book.apply({ key, value, partition: 0, offset: this.#offset++ });
    for (const listener of this.#listeners)
      listener(change, { partition: 0, offset: this.#offset - 1, timestampMs: 0 });
    return change;
  }
}

async function rulesOf(...rules: object[]): Promise<Rules> {
  const made = new Rules();
  rules.forEach((fields, index) => made.set(id(index), fields));
  await made.index.build();
  return made;
}

function sourcesOf({ book, index }: Rules, alarms = new Map<string, AlarmRecord[]>()): SearchSources {
  const active = (): AlarmRecord[] => [...alarms.values()].flat().filter(({ state }) => state.state !== 'ok');
  return { book, index, alarms: { ofRule: (ruleId) => alarms.get(ruleId) ?? [], active } };
}

function alarm(ruleId: string, state: AlarmState, name = 'cpu'): AlarmRecord {
  return {
    ruleId,
    ruleVersion: { partition: 0, offset: 0 },
    series: { name, tags: {} },
    state,
    ruleMemory: { lastSentMs: undefined, lastSentOffset: undefined, sentCount: 0, ruleTimeMs: undefined },
    deferredAfter: 0,
    clockDues: 0,
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

test('rules are found by what they ask of tags, whatever its form', async () => {
  const rules = await rulesOf(
    { metric_name: 'a', tags: { host: ['Web-1', 'web-2'] } },
    { metric_name: 'b', tags: { host: { like: 'web-*' } } },
    { metric_name: 'c', tags: { host: { not: 'web-1' }, zone: { exists: false } } },
    { metric_name: 'd', tags: { zone: 'web-1' } },
  );
  const found = (text: string): string =>
    searchRules(sourcesOf(rules), { text, limit: 10 })
      .rules.map(({ entry }) => entry.rule.metric_name)
      .join('');
  assert.deepEqual(['tag:host', 'tag:zone'].map(found), ['abc', 'cd']);
  assert.deepEqual(['tag:host=web-1', 'tag:host=web-2', 'tag:host=web-*', 'tag:host=!web-1'].map(found), [
    'a',
    'a',
    'ab',
    'c',
  ]);
  assert.deepEqual(['tag:zone=absent', 'tag:zone=exists'].map(found), ['c', '']);
});

test('rules are found by name, severity and labels, and by words of their name', async () => {
  const rules = await rulesOf(
    { metric_name: 'a', name: 'Checkout errors', severity: 'critical', labels: { Team: 'Payments', tier: '1' } },
    { metric_name: 'b', name: 'errors', severity: 'info', labels: { team: 'web' } },
    { metric_name: 'c', tags: { team: 'payments' }, description: 'critical' },
  );
  const found = (text: string): string =>
    searchRules(sourcesOf(rules), { text, limit: 10 })
      .rules.map(({ entry }) => entry.rule.metric_name)
      .join('');
  assert.deepEqual(['name:errors', 'name:*errors', 'name:checkout*', 'name:x'].map(found), ['b', 'ab', 'a', '']);
  assert.deepEqual(['severity:critical', 'severity:info', 'severity:warning'].map(found), ['a', 'b', '']);
  assert.deepEqual(['label:team=payments', 'label:team', 'label:team=w*', 'label:tier=2'].map(found), [
    'a',
    'ab',
    'b',
    '',
  ]);
  assert.deepEqual(['tag:team=payments', 'errors', 'checkout', 'label:team severity:info'].map(found), [
    'c',
    'ab',
    'a',
    'b',
  ]);
});

test('every term of a search must hold', async () => {
  const rules = await rulesOf(
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
    searchRules(sourcesOf(rules, alarms), { text, limit: 10 }).rules.map(({ entry }) =>
      Number(entry.rule.id.slice(-2)),
    );
  const table: [string, number[]][] = [
    ['', [0, 1, 2, 3]],
    ['cpu', [0, 1]],
    ['CPU web', [0]],
    ['metric:cpu*', [0, 1]],
    ['metric:cpu', []],
    ['metric:*m*', [2]],
    ['q', [3]],
    ['me', [2]],
    ['webhook:123456789012345678', [0, 1, 2, 3]],
    ['webhook:1234', []],
    ['state:broken', []],
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
  const [first] = searchRules(sourcesOf(rules, alarms), { text: '', limit: 1 }).rules;
  assert.deepEqual([first!.firing, first!.pending, first!.series], [2, 0, 3]);
  assert.equal(first!.worst?.state.state === 'firing' && first!.worst.state.sinceMs, 3, 'the longest');
});

test('pages follow each other without a gap, are jumped into, and say how many there are', async () => {
  const rules = await rulesOf(
    ...Array.from({ length: 1_200 }, (_, index) => ({ metric_name: index % 2 === 0 ? 'even' : 'odd' })),
  );
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = searchRules(sourcesOf(rules), { text: 'metric:odd', after, limit: 70 });
    seen.push(...page.rules.map(({ entry }) => entry.rule.id));
    assert.equal(page.total, 600);
    after = page.next;
  } while (after !== undefined);
  assert.deepEqual(
    seen,
    Array.from({ length: 600 }, (_, index) => id(2 * index + 1)),
  );
  for (const [text, skip, expected] of [
    ['', 0, [0, 1]],
    ['', 700, [700, 701]],
    ['', 1_199, [1_199]],
    ['', 1_200, []],
    ['metric:odd', 599, [1_199]],
    ['metric:odd', 600, []],
  ] as const) {
    const page = searchRules(sourcesOf(rules), { text, skip, limit: 2 });
    assert.deepEqual(
      page.rules.map(({ entry }) => entry.rule.id),
      expected.map((rank) => id(rank)),
      `${text} ${skip}`,
    );
  }
});

test('one answer looks at so many rules and no more, and names where to go on', async () => {
  const rules = new Rules();
  for (let index = 0; index < 45_000; index++)
    rules.set(id(index), { description: index === 44_000 ? 'here' : 'else' });
  // The index knows nothing yet.
  const answers = [];
  let after: string | undefined;
  do {
    const page = searchRules(sourcesOf(rules), { text: 'here', after, limit: 10 });
    answers.push(page.rules.length);
    after = page.next;
  } while (after !== undefined);
  assert.deepEqual(answers, [0, 0, 1]);
  await rules.index.build();
  const page = searchRules(sourcesOf(rules), { text: 'here', limit: 10 });
  assert.deepEqual([page.rules.length, page.next, page.total], [1, undefined, 1]);
});

const name = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '-', '1', 'é', 'Σ'), minLength: 1, maxLength: 6 });
/** More threes of letters than the index keeps of one rule. */
const long = Array.from({ length: 500 }, (_, index) => String.fromCharCode(0x4e00 + index)).join('');
const fields = fc.record(
  {
    metric_name: name,
    description: fc.oneof(name, fc.constant('the quick brown fox'), fc.constant(long)),
    enabled: fc.boolean(),
    tags: fc.dictionary(name, name, { maxKeys: 2 }),
    discord_webhook_url: fc
      .constantFrom('1', '2')
      .map((end) => `https://discord.com/api/webhooks/12345678901234567${end}/${'t'.repeat(68)}`),
  },
  { requiredKeys: ['metric_name'] },
);
const edit = fc.record({ rule: fc.nat(30), fields: fc.option(fields, { freq: 4 }) });
const glob = fc.string({ unit: fc.constantFrom('a', 'b', '1', '*', 'é', '-'), minLength: 1, maxLength: 4 });
const term = fc.oneof(
  glob.map((text) => text.replaceAll('*', 'ab')),
  glob.map((text) => `metric:${text}`),
  fc.tuple(glob, glob).map(([key, value]) => `tag:${key.replaceAll('*', '')}=${value}`),
  fc.constantFrom(
    'state:ok',
    'state:disabled',
    'state:firing',
    'webhook:123456789012345671',
    'quick',
    '0000',
    id(3),
    long.slice(50, 60),
  ),
);

test('the index finds what looking at every rule finds, whatever was edited before and after it was built', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(edit, { maxLength: 60 }),
      fc.array(edit, { maxLength: 60 }),
      fc.array(term, { minLength: 1, maxLength: 3 }),
      async (before, after, terms) => {
        const rules = new Rules();
        const alarms = new Map([[id(5), [alarm(id(5), firingSince(1))]]]);
        const apply = (edits: typeof before): void => {
          for (const { rule, fields: given } of edits)
            if (given === null) rules.delete(id(rule));
            else rules.set(id(rule), given);
        };
        apply(before);
        await rules.index.build();
        apply(after);
        const text = terms.join(' ');
        const sources = sourcesOf(rules, alarms);
        const looked = { ...sources, index: new RuleIndex(rules) };
        const idsOf = (from: SearchSources): string[] =>
          searchRules(from, { text, limit: 100 }).rules.map(({ entry }) => entry.rule.id);
        assert.deepEqual(idsOf(sources), idsOf(looked));
        assert.ok(parseSearch(text).length > 0);
      },
    ),
    { numRuns: 1_000 },
  );
});
