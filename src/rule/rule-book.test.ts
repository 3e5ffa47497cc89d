import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { problemsMax } from '../base/record-problems.ts';
import { RuleBook, ruleRecordBytesMax, type RuleRecord } from './rule-book.ts';
import { formatRule, type Rule } from './rule.ts';

const token = 'secret-token-'.padEnd(68, 'x');
const url = `https://discord.com/api/webhooks/1100000000000000001/${token}`;

function idOf(number: number): string {
  return `${number.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
}

function ruleOf(number: number, fields: Partial<Rule> = {}): Rule {
  return { id: idOf(number), metric_name: 'received-packages', threshold: 500, discord_webhook_url: url, ...fields };
}

function recordOf(rule: Rule, offset: number, partition = 0): RuleRecord {
  return { key: rule.id, value: formatRule(rule), partition, offset };
}

test('a rule is found by its id and by its metric, from text and from bytes', () => {
  const book = new RuleBook();
  const rule = ruleOf(1);
  const change = book.apply({
    key: new TextEncoder().encode(rule.id),
    value: new TextEncoder().encode(formatRule(rule)),
    partition: 2,
    offset: 117,
  });
  assert.equal(change.kind, 'set');
  const entry = book.get(rule.id);
  assert.deepEqual(entry?.rule, rule);
  assert.deepEqual(entry?.webhook, { id: '1100000000000000001', token });
  assert.deepEqual([entry?.partition, entry?.offset], [2, 117]);
  assert.deepEqual([...book.byMetric('received-packages')], [entry]);
  assert.deepEqual([...book.byMetric('constructor')], []);
  assert.equal(book.size, 1);
});

test('a new version takes the place of the old, and may move to another metric', () => {
  const book = new RuleBook();
  book.apply(recordOf(ruleOf(1), 1));
  const change = book.apply(recordOf(ruleOf(1, { metric_name: 'cpu' }), 2));
  assert.ok(change.kind === 'set' && change.before?.offset === 1);
  assert.deepEqual([book.byMetric('received-packages').size, book.byMetric('cpu').size, book.size], [0, 1, 1]);
  assert.deepEqual([...book.metricNames()], ['cpu']);
});

test('a null deletes, and deletes nothing where there is nothing', () => {
  const book = new RuleBook();
  book.apply(recordOf(ruleOf(1), 1));
  assert.equal(book.apply({ key: idOf(1), value: null, partition: 0, offset: 2 }).kind, 'deleted');
  assert.equal(book.apply({ key: idOf(1), value: null, partition: 0, offset: 3 }).kind, 'nothing');
  assert.equal(book.apply({ key: 'no id', value: null, partition: 0, offset: 4 }).kind, 'nothing');
  assert.deepEqual([book.size, book.byMetric('received-packages').size, book.get(idOf(1))], [0, 0, undefined]);
});

test('a rule is found by its name, with all that share it, as long as it has it', () => {
  const book = new RuleBook();
  const ids = (name: string): string[] => book.named(name).map(({ rule }) => rule.id);
  book.apply(recordOf(ruleOf(2, { name: 'a' }), 1));
  book.apply(recordOf(ruleOf(1, { name: 'a' }), 2));
  book.apply(recordOf(ruleOf(3, { name: 'b' }), 3));
  book.apply(recordOf(ruleOf(4), 4));
  assert.deepEqual([ids('a'), ids('b'), ids('constructor')], [[idOf(1), idOf(2)], [idOf(3)], []]);
  assert.deepEqual([...book.sharedNames()], ['a']);
  book.apply(recordOf(ruleOf(2, { name: 'b' }), 5));
  assert.deepEqual([ids('a'), ids('b'), [...book.sharedNames()]], [[idOf(1)], [idOf(2), idOf(3)], ['b']]);
  book.apply(recordOf(ruleOf(2), 6));
  book.apply({ key: idOf(1), value: null, partition: 0, offset: 7 });
  assert.deepEqual([ids('a'), ids('b'), [...book.sharedNames()]], [[], [idOf(3)], []]);
  assert.deepEqual(book.page({ name: 'b', limit: 5 }), [book.get(idOf(3))]);
});

test('the key of a rule that was made by its name is a UUID v5', () => {
  const id = '2ed6657d-e927-568b-95e1-2665a8aea6a2';
  const book = new RuleBook();
  assert.equal(book.apply(recordOf({ ...ruleOf(1), id }, 1)).kind, 'set');
  assert.equal(book.get(id)?.rule.id, id);
});

test('a record that was applied before changes nothing', () => {
  const book = new RuleBook();
  book.apply(recordOf(ruleOf(1, { threshold: 2 }), 7));
  assert.equal(book.apply(recordOf(ruleOf(1), 7)).kind, 'nothing');
  assert.equal(book.apply(recordOf(ruleOf(1), 6)).kind, 'nothing');
  assert.equal(book.get(idOf(1))?.rule.threshold, 2);
});

const good = ruleOf(1);
const broken: [string, RuleRecord['value'], RegExp][] = [
  ['bad JSON', `{"id": "${url}`, /must be JSON/],
  ['bytes that are no UTF-8', new Uint8Array([0xff, 0xfe]), /must be UTF-8/],
  ['an empty text', '', /must be JSON/],
  ['the text null', 'null', /must be a JSON object/],
  ['another id than its key', formatRule(ruleOf(2)), /id must be/],
  ['no id', JSON.stringify({ ...good, id: undefined }), /id is missing/],
  ['a field of a future schema', JSON.stringify({ ...good, of_the_future: 'high' }), /of_the_future is not a field/],
  ['a wrong type', JSON.stringify({ ...good, threshold: '500' }), /threshold must be/],
  [
    'a webhook on another host',
    JSON.stringify({ ...good, discord_webhook_url: url.replace('discord.com', 'evil.example') }),
    /discord_webhook_url/,
  ],
  [
    '900 KB',
    JSON.stringify({ ...good, description: 'x'.repeat(900_000) }),
    new RegExp(`at most ${ruleRecordBytesMax} bytes`),
  ],
];

for (const [name, value, message] of broken) {
  test(`a record with ${name} leaves the last good version in force, and the problem is named`, () => {
    const book = new RuleBook();
    book.apply(recordOf(ruleOf(2), 0));
    book.apply(recordOf(good, 1));
    const change = book.apply({ key: good.id, value, partition: 0, offset: 2 });
    assert.ok(change.kind === 'problem' && change.inForce?.offset === 1);
    assert.deepEqual(book.get(good.id)?.rule, good);
    const [problem, ...others] = book.problems();
    assert.deepEqual([problem?.id, problem?.partition, problem?.offset, others.length], [good.id, 0, 2, 0]);
    assert.match(problem?.message ?? '', message);
    assert.ok(!JSON.stringify(book.problems()).includes('secret-token'), 'no problem holds the webhook’s token');
    book.apply(recordOf(good, 3));
    assert.deepEqual(book.problems(), []);
  });
}

test('a key that is no rule’s id is a problem, its text cut short', () => {
  const book = new RuleBook();
  for (const key of ['one', idOf(1).toUpperCase().replace('0000', 'ABCD'), `${url}!`, 'k'.repeat(500), '']) {
    const change = book.apply({ key, value: formatRule(good), partition: 0, offset: 1 });
    assert.ok(
      change.kind === 'problem' && change.problem.id.length <= 80 && !change.problem.id.includes('secret-token'),
      key,
    );
  }
  assert.equal(book.apply({ key: new Uint8Array([0xff]), value: '{}', partition: 0, offset: 1 }).kind, 'problem');
  assert.equal(book.size, 0);
});

test('a deletion ends a problem, too', () => {
  const book = new RuleBook();
  book.apply({ key: good.id, value: '{', partition: 0, offset: 1 });
  book.apply({ key: good.id, value: null, partition: 0, offset: 2 });
  assert.deepEqual(book.problems(), []);
});

test('problems are remembered up to a number, and counted beyond', () => {
  const book = new RuleBook();
  for (let number = 0; number < problemsMax + 5; number += 1) {
    book.apply({ key: idOf(number), value: '{', partition: 0, offset: number });
  }
  assert.equal(book.problems().length, problemsMax);
  assert.equal(book.problemsForgotten, 5);
  assert.equal(book.problems()[0]?.id, idOf(5));
});

test('pages come in the order of the ids, of one metric or of all', () => {
  const book = new RuleBook();
  for (const number of [5, 1, 4, 2, 3]) {
    book.apply(recordOf(ruleOf(number, { metric_name: number % 2 === 0 ? 'even' : 'odd' }), number));
  }
  const numbers = (entries: readonly { readonly rule: Rule }[]) => entries.map((entry) => parseInt(entry.rule.id, 16));
  assert.deepEqual(numbers(book.page({ limit: 2 })), [1, 2]);
  assert.deepEqual(numbers(book.page({ limit: 2, after: idOf(2) })), [3, 4]);
  assert.deepEqual(numbers(book.page({ limit: 9, after: idOf(4) })), [5]);
  assert.deepEqual(numbers(book.page({ limit: 9, after: idOf(5) })), []);
  assert.deepEqual(numbers(book.page({ limit: 9, metricName: 'odd', after: idOf(2) })), [3, 5]);
  assert.deepEqual(numbers(book.page({ limit: 9, metricName: 'none' })), []);
  assert.deepEqual(numbers([...book]), [1, 2, 3, 4, 5]);
});

test('after any records the book is what a map of the last good versions would be', () => {
  const moves = fc.array(
    fc.record({
      number: fc.nat(40),
      what: fc.constantFrom('set', 'set', 'delete', 'break'),
      metric: fc.constantFrom('a', 'b', 'c'),
      after: fc.nat(45),
    }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(moves, (all) => {
      const book = new RuleBook();
      const model = new Map<string, Rule>();
      for (const [offset, { number, what, metric, after }] of all.entries()) {
        const rule = ruleOf(number, { metric_name: metric, threshold: offset });
        const value = what === 'set' ? formatRule(rule) : what === 'delete' ? null : '{';
        book.apply({ key: rule.id, value, partition: 0, offset });
        if (what === 'set') model.set(rule.id, rule);
        if (what === 'delete') model.delete(rule.id);
        const sorted = [...model.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1));
        assert.equal(book.size, sorted.length);
        assert.deepEqual(
          [...book].map((entry) => entry.rule),
          sorted,
        );
        assert.deepEqual(
          [...book.byMetric(metric)].map((entry) => entry.rule),
          sorted.filter((each) => each.metric_name === metric),
        );
        const page = book.page({ after: idOf(after), limit: 3 });
        assert.deepEqual(
          page.map((entry) => entry.rule),
          sorted.filter((each) => each.id > idOf(after)).slice(0, 3),
        );
      }
    }),
  );
});

test('fifty thousand rules in any order, all of one metric, are in place within seconds', () => {
  const book = new RuleBook();
  const startMs = performance.now();
  for (let index = 0; index < 50_000; index += 1) {
    const number = (index * 7_919) % 50_021;
    book.apply(recordOf(ruleOf(number), index));
  }
  const list = [...book.byMetric('received-packages')].map((entry) => entry.rule.id);
  assert.deepEqual(list, list.toSorted());
  assert.equal(book.page({ after: list[25_000], limit: 1 })[0]?.rule.id, list[25_001]);
  assert.ok(performance.now() - startMs < 10_000);
});
