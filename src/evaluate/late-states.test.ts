// An owner that lives on, and what a former one still appends to its partition of `alarms`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginsMs } from '../../test/support/oracle/history.ts';
import { alarmRecord, EvaluatorBench, metricName, ruleId } from '../../test/support/sim-log/evaluator-bench.ts';
import { ok, type Firing } from '../alarm/alarm-state.ts';
import { topics } from '../topics.ts';
import { LateStates } from './late-states.ts';
import type { PartitionEvaluator } from './partition-evaluator.ts';

const firing = alarmRecord().state as Firing;
const at = (offset: number) => {
  const timeMs = beginsMs + offset * 1_000;
  return { sample: { partition: 0, offset, timestampMs: timeMs }, timeMs };
};

interface Owner {
  readonly bench: EvaluatorBench;
  readonly evaluator: PartitionEvaluator;
  readonly lateStates: LateStates;
  /** Judges all that was written, and makes it durable. */
  judge(): Promise<void>;
  /** Looks, makes durable what comes of it, and returns how many records it added. */
  look(): Promise<number>;
}

async function owner(): Promise<Owner> {
  const bench = new EvaluatorBench();
  const { evaluator, start, statesNext } = await bench.restore();
  const lateStates = new LateStates(
    bench.claim(),
    { log: bench.log, clock: bench.time, logger: bench.logger },
    statesNext,
  );
  let position = start;
  const write = async (): Promise<void> => {
    const { states } = evaluator.drain();
    const records = states.map((one) => ({ ...one, timestampMs: beginsMs, partition: 0 }));
    if (records.length > 0) await lateStates.append(records);
  };
  return {
    bench,
    evaluator,
    lateStates,
    async judge() {
      const { next } = bench.store.bounds(topics.metrics.name, 0);
      evaluator.evaluateChunk(bench.store.chunk(topics.metrics.name, 0, position, next), () => {});
      position = next;
      await write();
    },
    async look() {
      const before = bench.alarms().length;
      await lateStates.look(evaluator, () => position);
      await write();
      return bench.alarms().length - before;
    },
  };
}

const lastWord = ({ bench }: Owner) => {
  const last = bench.alarms().at(-1)!;
  return [last.alarm, last.state.state, last.offset];
};

test('an old state that comes late is written over by the one that holds, once', async () => {
  const one = await owner();
  one.bench.rule(ruleId, {});
  one.bench.sample(11, 0);
  one.bench.sample(9, 1_000);
  await one.judge();
  one.bench.alarm(at(0));
  assert.equal(await one.look(), 1);
  assert.deepEqual(lastWord(one), [`${ruleId} ["${metricName}"]`, 'ok', 1]);
  assert.deepEqual(one.bench.complaints.length, 1);
  assert.equal(await one.look(), 0);
  assert.equal(await one.look(), 0);
});

test('it is found behind this owner’s own appends too', async () => {
  const one = await owner();
  one.bench.rule(ruleId, {});
  one.bench.sample(11, 0);
  one.bench.sample(9, 1_000);
  await one.judge();
  one.bench.alarm(at(0));
  one.bench.sample(11, 2_000, { tags: { host: 'b' } });
  await one.judge();
  assert.equal(await one.look(), 1);
  assert.deepEqual(lastWord(one), [`${ruleId} ["${metricName}"]`, 'ok', 1]);
});

test('what this owner wrote alone is not read again, and disturbs nobody', async () => {
  const one = await owner();
  one.bench.rule(ruleId, {});
  let reads = 0;
  const read = one.bench.log.read.bind(one.bench.log);
  one.bench.log.read = (...args) => {
    if (args[0] === topics.alarms.name) reads++;
    return read(...args);
  };
  for (let index = 0; index < 5; index++) {
    one.bench.sample(index % 2 === 0 ? 11 : 9, index * 1_000);
    await one.judge();
    assert.equal(await one.look(), 0);
  }
  assert.equal(reads, 0);
});

test('a state of a rule’s former version, of a sample that was judged by the new one, is overruled', async () => {
  const one = await owner();
  one.bench.rule(ruleId, { threshold: 20 });
  one.bench.sample(11, 0);
  await one.judge();
  assert.equal(one.bench.alarms().length, 0, 'by the new version nothing fires');
  one.bench.alarm(at(0));
  assert.equal(await one.look(), 1);
  const { state, offset, revision } = one.bench.alarms().at(-1)!;
  assert.deepEqual([state, offset, revision], [ok, 0, 1]);
  const next = await one.bench.restore(1);
  one.bench.sample(9, 1_000);
  assert.deepEqual(one.bench.judge(next.evaluator, 1).notifications, [], 'nobody hears of its end');
});

test('a state of a sample that was not judged yet is left alone until it was', async () => {
  const one = await owner();
  one.bench.rule(ruleId, { threshold: 20 });
  one.bench.sample(9, 0);
  await one.judge();
  one.bench.sample(11, 1_000);
  one.bench.alarm({ ...at(1), state: firing });
  assert.equal(await one.look(), 0);
  await one.judge();
  assert.equal(await one.look(), 1);
  assert.deepEqual(one.bench.alarms().at(-1)!.state, ok);
});
