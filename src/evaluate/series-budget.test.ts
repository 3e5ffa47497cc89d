import { test } from 'node:test';
import assert from 'node:assert/strict';
import { RuleBook } from '../rule/rule-book.ts';
import { PartitionEvaluator } from './partition-evaluator.ts';
import { SeriesBudget } from './series-budget.ts';

function sample(offset: number, name: string, host: string, timestampMs = 1_000) {
  const value = `{"value": 1, "tags": {"host": "${host}"}}`;
  return { partition: 0, offset, timestampMs, key: Buffer.from(name), value: Buffer.from(value) };
}

test('over the limits new series are refused, and those that are there go on', () => {
  const budget = new SeriesBudget(3, 2);
  const evaluator = new PartitionEvaluator(new RuleBook(), budget);
  assert.equal(evaluator.evaluate(sample(0, 'cpu', 'a')), 'evaluated');
  assert.equal(evaluator.evaluate(sample(1, 'cpu', 'b')), 'evaluated');
  assert.equal(evaluator.evaluate(sample(2, 'cpu', 'c')), 'too_many_series', 'a metric has two at the most');
  assert.equal(evaluator.evaluate(sample(3, 'memory', 'a')), 'evaluated');
  assert.equal(evaluator.evaluate(sample(4, 'disk', 'a')), 'too_many_series', 'the instance has three at the most');
  assert.equal(evaluator.evaluate(sample(5, 'cpu', 'a')), 'evaluated');
});

test('the budget is shared by the partitions of an instance, and given back by what is forgotten or lost', () => {
  const budget = new SeriesBudget(2);
  const [one, other] = [new PartitionEvaluator(new RuleBook(), budget), new PartitionEvaluator(new RuleBook(), budget)];
  one.evaluate(sample(0, 'cpu', 'a'));
  one.evaluate(sample(1, 'cpu', 'b'));
  assert.equal(other.evaluate(sample(0, 'disk', 'a')), 'too_many_series');
  const afterMs = 25 * 3_600_000;
  one.passTime({ clockMs: afterMs, monotonicMs: afterMs, isAtHead: true });
  assert.equal(budget.held, 0);
  assert.equal(other.evaluate(sample(1, 'disk', 'a')), 'evaluated');
  other.close();
  assert.equal(budget.held, 0);
});
