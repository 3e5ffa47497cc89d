import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drained, EvaluatorBench, ruleId } from '../../test/support/sim-log/evaluator-bench.ts';
import { topics } from '../topics.ts';

test('among more series than lie in a cache each sample finds its own, and a new one is new', async () => {
  const bench = new EvaluatorBench();
  bench.rule(ruleId, {});
  const { evaluator } = await bench.restore();
  const series = 8_500;
  const name = (index: number): string => `host-${index}`;
  const counted = new Map<string, number>();
  const judge = (from: number): void => {
    const { next } = bench.store.bounds(topics.metrics.name, 0);
    for (let offset = from; offset < next;) {
      const chunk = bench.store.chunk(topics.metrics.name, 0, offset, next);
      evaluator.evaluateChunk(chunk, (outcome, records) => counted.set(outcome, (counted.get(outcome) ?? 0) + records));
      offset = chunk.nextOffset;
    }
  };
  for (let index = 0; index < series; index++) bench.sample(9, 0, { tags: { host: name(index) } });
  judge(0);
  assert.equal(evaluator.seriesCount(), series);
  drained(evaluator);
  // In another order, every seventh in breach, and one that was not met before.
  const order = Array.from({ length: series + 1 }, (_, index) => (index * 7_919) % (series + 1));
  for (const index of order) bench.sample(index % 7 === 0 ? 11 : 9, 1_000, { tags: { host: name(index) } });
  judge(series);
  assert.equal(evaluator.seriesCount(), series + 1);
  assert.equal(counted.get('evaluated'), 2 * series + 1);
  const fired = drained(evaluator).notifications.map((one) => one.series);
  const wanted = order.filter((index) => index % 7 === 0);
  assert.deepEqual(
    fired,
    wanted.map((index) => `["received-packages","host","${name(index)}"]`),
  );
});
