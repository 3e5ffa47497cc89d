// F36 of windows: past the budget a series gets no further window, and no alarm that exists goes wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginsMs } from '../../test/support/oracle/history.ts';
import { EvaluatorBench, otherRuleId, ruleId } from '../../test/support/sim-log/evaluator-bench.ts';
import type { Rule } from '../rule/rule.ts';
import { MeasureFill } from './measure-fill.ts';
import { PartitionEvaluator } from './partition-evaluator.ts';
import { SeriesBudget } from './series-budget.ts';

const sum: Partial<Rule> = {
  type: 'window_sum',
  window_duration_seconds: 600,
  threshold: -1e9,
  trigger: 'every_sample',
};
/** Room for two small windows. */
const bytesMax = 200;

class Partition extends EvaluatorBench {
  readonly budget: SeriesBudget;
  readonly evaluator: PartitionEvaluator;
  readonly fill: MeasureFill;
  position = 0;

  constructor(windowBytesMax = bytesMax) {
    super();
    this.budget = new SeriesBudget(undefined, undefined, windowBytesMax);
    this.evaluator = new PartitionEvaluator(this.book, this.budget);
    this.fill = new MeasureFill(this.book, 0, this.time);
  }

  change(id: string, fields: Partial<Rule> | null): void {
    const change = this.rule(id, fields);
    this.evaluator.ruleChanged(change, 0);
    this.fill.ruleChanged(change, this.evaluator, 0);
  }

  /** What was compared of the samples that are new, by host. */
  async compared(): Promise<Record<string, number | undefined>> {
    this.fill.retry(this.evaluator, this.budget.windows);
    await this.fill.fill(this.evaluator, this.log, this.position);
    const { notifications } = this.judge(this.evaluator, this.position);
    this.position = this.store.bounds('metrics', 0).next;
    const sent = notifications.filter(({ message }) => message);
    return Object.fromEntries(sent.map(({ series, x }) => [(JSON.parse(series) as string[])[2], x]));
  }

  send(atMs: number, values: Readonly<Record<string, number>>): void {
    for (const [host, value] of Object.entries(values)) this.sample(value, atMs, { tags: { host } });
  }
}

test('past the budget new windows are refused, and those that are there stay right', async () => {
  const partition = new Partition();
  partition.change(ruleId, sum);
  partition.send(0, { a: 1, b: 2, c: 3, d: 4 });
  assert.deepEqual(await partition.compared(), { a: 1, b: 2 });
  const { windows } = partition.budget;
  assert.equal(windows.refusedSeries, 2);
  assert.equal(windows.refused()[0]?.series, 2);
  partition.send(1_000, { a: 10, b: 20, c: 30, d: 40 });
  assert.deepEqual(await partition.compared(), { a: 11, b: 22 });
  partition.evaluator.close();
  assert.deepEqual([windows.held, windows.refusedSeries], [0, 0]);
});

test('what was refused is filled from the log once there is room, and lacks nothing', async () => {
  const partition = new Partition();
  partition.change(otherRuleId, { ...sum, type: 'window_max', tags: { host: 'nobody' } });
  partition.send(0, { a: 1, b: 2, c: 3 });
  await partition.compared();
  partition.change(ruleId, sum);
  partition.send(1_000, { a: 10, b: 20, c: 30 });
  assert.deepEqual(await partition.compared(), {}, 'the other rule has all of it');
  partition.change(otherRuleId, null);
  partition.send(2_000, { a: 100, b: 200 });
  assert.deepEqual(await partition.compared(), { a: 111, b: 222 });
  assert.equal(partition.budget.windows.refusedSeries, 1, 'there is no room for three');
});

test('a series whose alarm is not ok gets its window all the same', async () => {
  const partition = new Partition();
  partition.change(ruleId, { threshold: 5 });
  partition.send(0, { a: 1, b: 2, c: 9 });
  assert.deepEqual(await partition.compared(), { c: 9 });
  partition.change(ruleId, { ...sum, threshold: 5, notify_on_resolve: true });
  partition.send(1_000, { a: 1, b: 2, c: 1 });
  partition.send(2_000, { c: -9 });
  assert.deepEqual(await partition.compared(), { c: 1 }, 'c resolves by the sum of its three samples');
  assert.equal(partition.budget.windows.refusedSeries, 0);
});

test('a series is kept for as long as its window looks back, however long it is silent', async () => {
  const partition = new Partition(Infinity);
  const dayMs = 24 * 3_600_000;
  partition.change(ruleId, { type: 'window_delta', window_duration_seconds: 86_400, threshold: 1.5 });
  partition.send(0, { a: 1, b: 1 });
  await partition.compared();
  const { evaluator } = partition;
  const pass = (days: number): void =>
    evaluator.passTime({ clockMs: beginsMs + days * dayMs, monotonicMs: days * dayMs, isAtHead: true });
  pass(1);
  pass(2);
  partition.send(2 * dayMs, { a: 5 });
  assert.deepEqual(await partition.compared(), { a: 2 }, 'half of the rise lies within the day');
  pass(6);
  assert.equal(evaluator.seriesCount(), 1, 'b is dropped, and a has an alarm');
});
