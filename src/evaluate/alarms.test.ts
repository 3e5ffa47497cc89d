// The records of alarms that are over, and when they may go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drained, EvaluatorBench, metricName, ruleId } from '../../test/support/sim-log/evaluator-bench.ts';
import type { PartitionEvaluator } from './partition-evaluator.ts';

const hour = 3_600_000;
const other = { tags: { host: 'b' } };
const key = (tags = '') => `${ruleId} ["${metricName}"${tags}]`;

/** The keys of the records that are deleted at a time, all before `committed` being done. */
function deletedAt(evaluator: PartitionEvaluator, nowMs: number, committed = 100): string[] {
  evaluator.deleteFinished(committed, nowMs);
  const { states } = evaluator.drain();
  return states.filter(({ value }) => value === null).map((one) => Buffer.from(one.key).toString());
}

async function judged(fields: Parameters<EvaluatorBench['rule']>[1], values: readonly [number, object?][]) {
  const bench = new EvaluatorBench();
  bench.rule(ruleId, fields);
  const { evaluator } = await bench.restore();
  values.forEach(([value, how], index) => bench.sample(value, index * 1_000, how));
  bench.judge(evaluator, 0);
  return { bench, evaluator };
}

test('the record of an alarm that is over is deleted after an hour, not before', async () => {
  const { evaluator } = await judged({}, [[11], [9], [11, other], [9, other]]);
  assert.deepEqual(deletedAt(evaluator, 0), []);
  assert.deepEqual(deletedAt(evaluator, hour - 1), []);
  assert.deepEqual(deletedAt(evaluator, hour), [key()]);
  assert.deepEqual(deletedAt(evaluator, 9 * hour), [], 'the other remembers for the rule when it last sent');
});

test('it stays as long as the position could fall back before it', async () => {
  const { evaluator } = await judged({}, [[11], [9], [11, other], [9, other]]);
  deletedAt(evaluator, 0);
  assert.deepEqual(deletedAt(evaluator, hour, 1), []);
  assert.deepEqual(deletedAt(evaluator, hour, 2), [key()]);
});

test('an alarm that fires again meanwhile is not deleted', async () => {
  const { bench, evaluator } = await judged({}, [[11], [9], [11, other], [9, other]]);
  deletedAt(evaluator, 0);
  bench.judge(evaluator, bench.sample(11, 10_000));
  assert.deepEqual(deletedAt(evaluator, hour), [key(',"host","b"')], 'the one that fires remembers now');
});

test('with its rule go all records of it', async () => {
  const { bench, evaluator } = await judged({}, [[11], [11, other]]);
  evaluator.ruleChanged(bench.rule(ruleId, null), 0);
  deletedAt(evaluator, 0);
  assert.deepEqual(deletedAt(evaluator, hour).sort(), [key(',"host","b"'), key()].sort());
});

test('a deletion takes no memory of what the rule has sent: after it a new owner keeps the cooldown', async () => {
  const { bench, evaluator } = await judged({ cooldown_seconds: 3_600 }, [[11], [9], [9, other]]);
  deletedAt(evaluator, 0);
  evaluator.deleteFinished(100, hour);
  bench.keep(evaluator);
  const next = await bench.restore(3);
  bench.sample(11, 60_000, other);
  assert.deepEqual(bench.judge(next.evaluator, next.start).notifications, []);
});

test('a new owner counts the hour anew', async () => {
  const { bench } = await judged({}, [[11], [9], [11, other]]);
  const { evaluator } = await bench.restore(3);
  drained(evaluator);
  assert.deepEqual(deletedAt(evaluator, 5 * hour), []);
  assert.deepEqual(deletedAt(evaluator, 6 * hour), [key()]);
});

test('a series that was forgotten and speaks again keeps the record of its new alarm', async () => {
  const { bench, evaluator } = await judged({}, [[11], [9], [11, other]]);
  const day = 24 * hour;
  bench.readClocks(evaluator, 400 * day);
  bench.keep(evaluator);
  deletedAt(evaluator, 0);
  bench.judge(evaluator, bench.sample(11, 500 * day));
  assert.ok(!deletedAt(evaluator, 2 * hour).includes(key()), 'the alarm fires');
});
