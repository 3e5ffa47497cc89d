import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf } from '../log/murmur2.ts';
import { canaryMetric, isCanaryMetric, isOfCanary, withCanaries } from '../rule/canary.ts';
import { RuleBook } from '../rule/rule-book.ts';
import { isRuleId } from '../rule/rule-id.ts';
import { canaryMetrics } from './heartbeat.ts';

test('each partition has a canary of its own, whose rule is found by its name and by its id', () => {
  const rules = withCanaries(new RuleBook());
  for (const partitions of [1, 20, 24]) {
    const names = canaryMetrics(partitions);
    assert.deepEqual(
      names.map((name) => partitionOf(Buffer.from(name), partitions)),
      Array.from({ length: partitions }, (_, index) => index),
    );
    for (const name of names) {
      const [entry, ...more] = rules.byMetric(name);
      assert.deepEqual([entry!.rule.metric_name, more], [name, []]);
      assert.ok(isRuleId(entry!.rule.id) && isOfCanary(entry!.rule.id) && isCanaryMetric(name));
      assert.equal(rules.get(entry!.rule.id), entry);
    }
  }
  for (const name of ['ssrms-canary-', 'ssrms-canary-x', 'ssrms-canary-01', 'cpu'])
    assert.equal(rules.byMetric(name).size, 0, name);
  assert.notEqual(rules.get([...rules.byMetric(canaryMetric(1))][0]!.rule.id), undefined);
});
