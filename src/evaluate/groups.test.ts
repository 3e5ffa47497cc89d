// Groups of series and ratios, as people would try them. The oracle holds the evaluator to them in combination with all else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drained, EvaluatorBench, ruleId, type RuleFields } from '../../test/support/sim-log/evaluator-bench.ts';
import { parseNotification, type Notice, type Notification } from '../alarm/notification.ts';
import type { PartitionEvaluator } from './partition-evaluator.ts';

type Tags = Record<string, string>;

interface Sent {
  readonly kind: string;
  readonly value: number | undefined;
  readonly group: object | undefined;
  readonly members: readonly (readonly [Tags, number])[];
}

class Groups {
  readonly bench = new EvaluatorBench();
  evaluator!: PartitionEvaluator;
  #offset = -1;
  #atMs = 0;

  static async of(fields: RuleFields): Promise<Groups> {
    const groups = new Groups();
    groups.bench.rule(ruleId, fields);
    groups.evaluator = (await groups.bench.restore()).evaluator;
    return groups;
  }

  /** A sample, a second after the one before. */
  sample(value: number, tags: Tags, afterMs = 1_000): this {
    this.#atMs += afterMs;
    this.#offset = this.bench.sample(value, this.#atMs, { tags });
    const chunk = this.bench.store.chunk('metrics', 0, this.#offset, this.#offset + 1);
    this.evaluator.evaluateChunk(chunk, () => {});
    return this;
  }

  /** What was sent since the last call. */
  sent(): Sent[] {
    return this.evaluator.drain().notifications.map(({ value }) => {
      const read = parseNotification(value!) as Notification | Notice;
      assert.ok(!('problem' in read), JSON.stringify(read));
      const members = (read.members?.first ?? []).map((one) => [one.tags, one.value] as const);
      return { kind: read.kind, value: read.x, group: read.series.group, members };
    });
  }
}

test('the sum of each service fires by itself, and names its series, the largest first', async () => {
  const groups = await Groups.of({ group_by: ['service'], aggregate: 'sum', notify_on_resolve: true });
  groups.sample(6, { service: 'a', host: '1' }).sample(5, { service: 'b', host: '1' });
  assert.deepEqual(groups.sent(), []);
  groups.sample(7, { service: 'a', host: '2' });
  const members = [
    [{ service: 'a', host: '2' }, 7],
    [{ service: 'a', host: '1' }, 6],
  ];
  assert.deepEqual(groups.sent(), [{ kind: 'fired', value: 13, group: { service: 'a' }, members }]);
  groups.sample(1, { service: 'a', host: '1' });
  assert.deepEqual(
    groups.sent().map(({ kind, value }) => [kind, value]),
    [['resolved', 8]],
  );
});

test('series without a tag that makes the groups are a group of their own', async () => {
  const groups = await Groups.of({ group_by: ['zone'], aggregate: 'max' });
  groups.sample(11, { host: '1' }).sample(12, { host: '1', zone: 'x' });
  assert.deepEqual(
    groups.sent().map(({ group }) => group),
    [{ zone: null }, { zone: 'x' }],
  );
});

test('a series that sends no more leaves the sum', async () => {
  const groups = await Groups.of({ group_by: [], aggregate: 'sum', stale_seconds: 10, notify_on_resolve: true });
  groups.sample(6, { host: '1' }).sample(6, { host: '2' }).sample(6, { host: '2' }, 9_000);
  assert.deepEqual(
    groups.sent().map(({ kind }) => kind),
    ['fired'],
  );
  groups.sample(6, { host: '2' });
  assert.deepEqual(
    groups.sent().map(({ kind, value }) => [kind, value]),
    [['resolved', 6]],
  );
});

test('with fewer series than wanted nothing is evaluated', async () => {
  const groups = await Groups.of({ group_by: [], aggregate: 'average', min_series: 2 });
  groups.sample(99, { host: '1' });
  assert.deepEqual(groups.sent(), []);
  groups.sample(99, { host: '2' });
  assert.deepEqual(
    groups.sent().map(({ value }) => value),
    [99],
  );
});

test('the number and the share of series above a value', async () => {
  const where = { operator: '>', threshold: 90 } as const;
  const counted = await Groups.of({ group_by: [], aggregate: 'count_where', aggregate_where: where, threshold: 1 });
  counted.sample(95, { host: '1' }).sample(10, { host: '2' }).sample(91, { host: '2' });
  assert.deepEqual(
    counted.sent().map(({ value }) => value),
    [2],
  );
  const shared = await Groups.of({ group_by: [], aggregate: 'share_where', aggregate_where: where, threshold: 0.5 });
  shared.sample(10, { host: '1' }).sample(95, { host: '2' }).sample(95, { host: '3' });
  assert.deepEqual(
    shared.sent().map(({ value }) => value),
    [2 / 3],
  );
});

test('a share of errors fires only where there are enough requests', async () => {
  const groups = await Groups.of({
    tags: { status: '500' },
    group_by: ['service'],
    aggregate: 'sum',
    divide_by: { tags: {}, min_value: 100 },
    threshold: 0.05,
  });
  groups.sample(10, { service: 'a', status: '500' }).sample(80, { service: 'a', status: '200' });
  assert.deepEqual(groups.sent(), [], '90 requests are too few');
  groups.sample(95, { service: 'a', status: '200' });
  assert.deepEqual(groups.sent(), [
    {
      kind: 'fired',
      value: 10 / 105,
      group: { service: 'a' },
      members: [[{ service: 'a', status: '500' }, 10]],
    },
  ]);
  groups.sample(1_000, { service: 'b', status: '200' });
  assert.deepEqual(groups.sent(), [], 'without an error the share is 0');
});

test('a group of all series fires for a metric that was never seen, and resolves with its first sample', async () => {
  const groups = await Groups.of({ group_by: [], aggregate: 'count', no_data_seconds: 60, notify_on_resolve: true });
  const { evaluator, bench } = groups;
  const read = (passedMs: number): void =>
    evaluator.passTime({ clockMs: bench.time.wallMs() + passedMs, monotonicMs: passedMs, isAtHead: true });
  read(1);
  read(60_000);
  assert.deepEqual(groups.sent(), []);
  read(60_002);
  assert.deepEqual(groups.sent(), [{ kind: 'no_data', value: undefined, group: {}, members: [] }]);
  groups.sample(1, {}, 61_000);
  assert.deepEqual(
    groups.sent().map(({ kind }) => kind),
    ['resolved'],
  );
});

test('so it does without a threshold, and whatever is sent then resolves it', async () => {
  const groups = await Groups.of({ threshold: undefined, group_by: [], no_data_seconds: 60, notify_on_resolve: true });
  const { bench, evaluator } = groups;
  bench.readClocks(evaluator, 1_000);
  bench.readClocks(evaluator, 61_002);
  assert.deepEqual(
    groups.sent().map(({ kind }) => kind),
    ['no_data'],
  );
  groups.sample(1e9, { host: 'a' }, 62_000).sample(-1e9, { host: 'a' });
  assert.deepEqual(
    groups.sent().map(({ kind, value }) => [kind, value]),
    [['resolved', undefined]],
  );
});

test('a new owner knows that a metric never seen is already told of', async () => {
  const fields = { group_by: [], aggregate: 'count', no_data_seconds: 60 } as const;
  const groups = await Groups.of(fields);
  const { bench } = groups;
  const read = (evaluator: PartitionEvaluator, passedMs: number): void =>
    evaluator.passTime({ clockMs: bench.time.wallMs() + passedMs, monotonicMs: passedMs, isAtHead: true });
  read(groups.evaluator, 1);
  read(groups.evaluator, 60_002);
  bench.keep(groups.evaluator);
  const { evaluator } = await bench.restore();
  evaluator.beganAt(60_003);
  read(evaluator, 60_004);
  read(evaluator, 200_000);
  assert.deepEqual(drained(evaluator).notifications, []);
});

test('another partition than that of its name waits for no metric', async () => {
  const groups = await Groups.of({ group_by: [], aggregate: 'count', no_data_seconds: 60 });
  groups.evaluator.place = { partition: 0, owns: () => false };
  for (const passedMs of [1, 60_002])
    groups.evaluator.passTime({ clockMs: 1e12 + passedMs, monotonicMs: passedMs, isAtHead: true });
  assert.deepEqual(groups.sent(), []);
});

test('sums beyond the range of doubles are not evaluated, and those after them are right', async () => {
  const groups = await Groups.of({ group_by: [], aggregate: 'sum' });
  groups.sample(1.7e308, { host: '1' });
  assert.equal(groups.sent().length, 1);
  groups.sample(1.7e308, { host: '2' }).sample(1, { host: '1' }).sample(2, { host: '2' });
  assert.deepEqual(groups.evaluator.metrics.size, 1);
  groups.sample(20, { host: '3' });
  assert.deepEqual(
    groups.sent().map(({ kind, value }) => [kind, value]),
    [
      ['resolved', 3],
      ['fired', 23],
    ],
  );
});
