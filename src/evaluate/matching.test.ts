// What matches is decided once for a series and a version of a rule, whatever the form of its tags: never per sample.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBatch, setBaseOffset } from '../log/batch.ts';
import { compileRule } from '../rule/condition.ts';
import type { RulesInForce } from '../rule/rule-book.ts';
import { OneRule, type RuleEntry } from '../rule/rule-list.ts';
import { PartitionEvaluator } from './partition-evaluator.ts';

const samplesOfChunk = 100;
const nowMs = 1_800_000_000_000;

test('a matcher is asked as often for two hundred samples of a series as for one hundred', () => {
  let asked = 0;
  const like = {
    get like(): string {
      asked++;
      return 'web-*';
    },
  };
  const rule = {
    id: '21433034-8078-4f1a-bb8d-1ac996db395d',
    metric_name: 'cpu',
    threshold: 50,
    // Pending at most: a notification would carry the rule, matchers and all.
    for_seconds: 3_600,
    tags: { host: like },
  };
  const entry: RuleEntry = { rule, condition: compileRule(rule), webhook: undefined, partition: 0, offset: 0 };
  const list = new OneRule(entry);
  const book: RulesInForce = {
    get: (id) => (id === rule.id ? entry : undefined),
    byMetric: (name) => (name === 'cpu' ? list : new OneRule(entry)),
    [Symbol.iterator]: () => list[Symbol.iterator](),
  };
  const evaluator = new PartitionEvaluator(book);
  let offset = 0;
  const evaluate = (): number => {
    const records = Array.from({ length: samplesOfChunk }, (_, index) => ({
      key: Buffer.from('cpu'),
      // Now above, now below: each takes the careful way, and changes the alarm.
      value: Buffer.from(`{"value": ${index % 2 === 0 ? 10 : 90}, "tags": {"host": "web-${index % 4 < 2 ? 1 : 2}"}}`),
      timestampMs: nowMs + offset + index,
    }));
    const batch = encodeBatch(records);
    setBaseOffset(batch, offset);
    const nextOffset = offset + samplesOfChunk;
    let evaluated = 0;
    evaluator.evaluateChunk(
      { partition: 0, batches: [batch], firstOffset: offset, nextOffset, headOffset: nextOffset },
      (outcome, count) => (evaluated += outcome === 'evaluated' ? count : 0),
    );
    offset = nextOffset;
    assert.equal(evaluated, samplesOfChunk);
    return evaluator.drain().states.length;
  };
  assert.ok(evaluate() > 0, 'it matches');
  const first = asked;
  assert.ok(first > 0);
  evaluate();
  assert.equal(asked, first);
});
