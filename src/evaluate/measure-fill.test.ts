// A window is a function of the log alone, whenever its rule was made.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvaluatorBench, metricName, otherRuleId, ruleId } from '../../test/support/sim-log/evaluator-bench.ts';
import { SimLog } from '../../test/support/sim-log/sim-log.ts';
import { SimProcess, type Act } from '../../test/support/sim-log/sim-process.ts';
import type { Rule } from '../rule/rule.ts';
import { PartitionEvaluator } from './partition-evaluator.ts';
import { MeasureFill } from './measure-fill.ts';

const mean = (seconds: number, fields: Partial<Rule> = {}): Partial<Rule> => ({
  type: 'window_average',
  window_duration_seconds: seconds,
  threshold: -1e9,
  trigger: 'every_sample',
  ...fields,
});

/** A partition that is judged as the loop does it: windows are filled before each batch. */
class Partition extends EvaluatorBench {
  readonly evaluator = new PartitionEvaluator(this.book);
  readonly #fill = new MeasureFill(this.book, 0, this.time);
  position = 0;

  change(id: string, fields: Partial<Rule> | null): void {
    const change = this.rule(id, fields);
    this.evaluator.ruleChanged(change, 0);
    this.#fill.ruleChanged(change, this.evaluator, 0);
  }

  /** What the rules compared at the samples that are new, in order. */
  async compared(log = this.log): Promise<(number | undefined)[]> {
    await this.#fill.fill(this.evaluator, log, this.position);
    const { notifications } = this.judge(this.evaluator, this.position);
    this.position = this.store.bounds('metrics', 0).next;
    return notifications.filter(({ message }) => message).map(({ x }) => x);
  }
}

test('a new window is filled from the log before its rule judges', async () => {
  const partition = new Partition();
  for (const [value, atMs] of [[100, 0], [2, 1_000], [4, 5_000]] as const) partition.sample(value, atMs); // prettier-ignore
  partition.sample(1_000, 5_000, { tags: { host: 'b' } });
  partition.sample(1_000, 5_000, { name: 'cpu' });
  assert.deepEqual(await partition.compared(), []);
  partition.change(ruleId, mean(10));
  partition.sample(9, 10_500);
  assert.deepEqual(
    await partition.compared(),
    [5],
    'the sample at 0 has left the window, those at 1 and 5 s are in it',
  );
});

test('a widened window reaches as far back as if it had always been so wide', async () => {
  const partition = new Partition();
  partition.change(ruleId, mean(1));
  for (const [value, atMs] of [[2, 0], [4, 5_000]] as const) partition.sample(value, atMs); // prettier-ignore
  assert.deepEqual(await partition.compared(), [2, 4]);
  partition.change(ruleId, mean(60));
  partition.sample(6, 10_000);
  assert.deepEqual(await partition.compared(), [4]);
  partition.change(ruleId, mean(1));
  partition.sample(8, 10_500);
  assert.deepEqual(await partition.compared(), [7]);
});

test('a window that was given up and is asked for again lacks nothing', async () => {
  const partition = new Partition();
  partition.change(ruleId, mean(60));
  partition.sample(2, 0);
  await partition.compared();
  partition.change(ruleId, { threshold: 1e9 });
  partition.sample(4, 1_000);
  await partition.compared();
  partition.change(ruleId, mean(60));
  partition.sample(6, 2_000);
  assert.deepEqual(await partition.compared(), [4]);
});

test('a disabled rule’s window is whole when the rule is enabled', async () => {
  const partition = new Partition();
  partition.change(ruleId, mean(60, { enabled: false }));
  partition.sample(2, 0);
  await partition.compared();
  partition.change(ruleId, mean(60));
  partition.sample(4, 1_000);
  assert.deepEqual(await partition.compared(), [3]);
});

test('two rules of one duration on different series of a metric have whole windows both, whoever came first', async () => {
  const partition = new Partition();
  const [a, b] = [{ host: 'a' }, { host: 'b' }];
  partition.change(ruleId, mean(60, { tags: a }));
  // The second is of a form that is known by then.
  partition.sample(1, 0, { tags: b });
  partition.sample(2, 1_000, { tags: b });
  partition.sample(4, 2_000, { tags: b });
  await partition.compared();
  partition.sample(8, 3_000, { tags: b });
  await partition.compared();
  partition.change(otherRuleId, mean(60, { tags: b }));
  partition.sample(16, 4_000, { tags: b });
  assert.deepEqual(await partition.compared(), [6.2]);
});

test('a window filled late holds what one that always ran holds, also beyond what is kept singly', async () => {
  const [always, late] = [new Partition(), new Partition()];
  always.change(ruleId, mean(3_600));
  for (const partition of [always, late]) {
    for (let index = 0; index < 6_000; index++) partition.sample(Math.sin(index) * 1_000, index * 700);
  }
  await always.compared();
  await late.compared();
  late.change(ruleId, mean(3_600));
  for (const partition of [always, late]) partition.sample(1, 6_000 * 700);
  assert.deepEqual(await late.compared(), await always.compared());
});

/** A log whose acts wait until they are let go. */
class Held {
  readonly acts: Act[] = [];
  readonly log: SimLog;

  constructor(bench: EvaluatorBench) {
    this.log = new SimLog(bench.groups, new SimProcess('held', (act) => this.acts.push(act)));
  }

  /** Lets all acts go that there are, and that come of them, until the promise has settled. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    const progress = { isSettled: false };
    const settle = (): void => void (progress.isSettled = true);
    promise.then(settle, settle);
    while (!progress.isSettled) {
      this.letGo();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return promise;
  }

  letGo(): void {
    for (const act of this.acts.splice(0)) {
      for (const effect of act.effects) effect();
      act.answer();
    }
  }
}

test('a rule that comes while windows are filled has its own filled too, before anything is judged', async () => {
  const partition = new Partition();
  const held = new Held(partition);
  partition.sample(2, 0);
  await partition.compared();
  partition.change(ruleId, mean(60));
  partition.sample(4, 1_000);
  const compared = partition.compared(held.log);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(held.acts.length, 1, 'the first is being filled');
  partition.change(otherRuleId, mean(30));
  assert.deepEqual(await held.until(compared), [3, 3]);
  partition.sample(6, 2_000);
  assert.deepEqual(await partition.compared(), [4, 4], 'and is not filled twice');
});

test('a rule that goes and comes back while its window is filled has it whole', async () => {
  const partition = new Partition();
  const held = new Held(partition);
  partition.sample(2, 0);
  await partition.compared();
  partition.change(ruleId, mean(60));
  partition.sample(4, 1_000);
  const compared = partition.compared(held.log);
  await new Promise((resolve) => setImmediate(resolve));
  partition.change(ruleId, null);
  held.letGo();
  await new Promise((resolve) => setImmediate(resolve));
  partition.change(ruleId, mean(60));
  assert.deepEqual(await held.until(compared), [3]);
  partition.change(ruleId, null);
  partition.sample(6, 2_000);
  assert.deepEqual(await partition.compared(), []);
  partition.change(ruleId, mean(60));
  partition.sample(8, 3_000);
  assert.deepEqual(await partition.compared(), [5]);
});

test('the windows of a metric that belongs to another partition are filled where it was seen', async () => {
  const partition = new Partition(3);
  partition.sample(2, 0);
  await partition.compared();
  assert.equal(partition.evaluator.metrics.has(metricName), true);
  partition.change(ruleId, mean(60));
  partition.sample(4, 1_000);
  assert.deepEqual(await partition.compared(), [3]);
});

const groupSum: Partial<Rule> = { group_by: [], aggregate: 'sum', threshold: -1e9, trigger: 'every_sample' };

test('a rule that comes while groups are filled has its window filled, before anything is judged', async () => {
  const partition = new Partition();
  const held = new Held(partition);
  partition.sample(2, 0);
  await partition.compared();
  partition.change(ruleId, groupSum);
  partition.sample(4, 1_000);
  const compared = partition.compared(held.log);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(held.acts.length, 1, 'the groups are being filled');
  partition.change(otherRuleId, mean(60));
  assert.deepEqual(await held.until(compared), [4, 3]);
});

test('the groups of a rule are filled by one read, and only where their metric is', async () => {
  for (const [partitions, reads] of [
    [1, 1],
    [3, 0],
  ] as const) {
    // prettier-ignore
    const partition = new Partition(partitions);
    let begun = 0;
    const log = new SimLog(partition.groups);
    const read = log.read.bind(log);
    log.read = (...args) => (begun++, read(...args));
    partition.sample(2, 0, { name: 'cpu' });
    await partition.compared();
    partition.change(ruleId, { ...groupSum, ...mean(60) });
    partition.sample(4, 1_000);
    await partition.compared(log);
    assert.equal(begun, reads);
  }
});
