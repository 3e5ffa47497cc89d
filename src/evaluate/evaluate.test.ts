// The loop of one partition: the clock that silence is measured by, rules that change under it, records that stand elsewhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvaluatorBench, metricName, otherRuleId, ruleId } from '../../test/support/sim-log/evaluator-bench.ts';
import { day } from '../../test/support/oracle/history-shapes.ts';
import { beginsMs } from '../../test/support/oracle/history.ts';
import type { OracleNotification } from '../../test/support/oracle/oracle.ts';
import { seenNotification } from '../../test/support/oracle/seen.ts';
import { runningInstance, SimInstance } from '../../test/support/sim-log/sim-instance.ts';
import type { Act } from '../../test/support/sim-log/sim-process.ts';
import { VirtualTime } from '../../test/support/sim-log/virtual-time.ts';
import type { Rule } from '../rule/rule.ts';
import { topics } from '../topics.ts';
import { evaluateGroup } from './evaluate.ts';

/** The real service, on a log whose acts may be held up. */
class Loop extends EvaluatorBench {
  readonly instance: SimInstance;
  readonly #waiting: Act[] = [];
  /** Acts that begin with this text wait. */
  held = 'nothing';

  constructor(partitions = 1) {
    super(partitions, new VirtualTime(beginsMs, { ownerNow: () => runningInstance.getStore() }));
    this.instance = new SimInstance('the evaluator', this.groups, (act) => {
      if (act.what.startsWith(this.held)) this.#waiting.push(act);
      else perform(act);
    });
    // Else a log that is empty at first has the loop begin at its end.
    this.store.setPosition(`${topics.metrics.name}/${evaluateGroup}`, 0, 0);
  }

  /** Lets go what waits, and lets everything that can happen without time happen. */
  async settle(): Promise<void> {
    for (const act of this.#waiting.splice(0)) {
      if (act.what.startsWith(this.held)) this.#waiting.push(act);
      else perform(act);
    }
    for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  async letOneGo(): Promise<void> {
    await this.settle();
    const act = this.#waiting.shift();
    if (act !== undefined) perform(act);
    await this.settle();
  }

  change(id: string, fields: Partial<Rule> | null): void {
    this.rule(id, fields);
    this.instance.learnRule();
  }

  /** Lets the clock show a time, and the loop look at it. */
  async lookAt(ms: number): Promise<void> {
    this.time.clockMs = beginsMs + ms;
    this.time.tick(300);
    await this.settle();
  }

  /** The messages, or what is appended without one. */
  sent(isMessage = true): OracleNotification[] {
    const { partitions } = this.store.topic(topics.notifications.name)!;
    const all = partitions.flatMap(({ records }) => records.map(({ value }) => seenNotification(value!)));
    return all.filter(({ message }) => message === isMessage);
  }

  async end(): Promise<void> {
    this.instance.process.die();
    await this.settle();
  }
}

function perform(act: Act): void {
  for (const effect of act.effects) effect();
  act.answer();
}

async function withLoop(body: (loop: Loop) => Promise<void>, partitions = 1): Promise<void> {
  const loop = new Loop(partitions);
  try {
    await body(loop);
  } finally {
    await loop.end();
  }
}

const whatAndWhen = (sent: readonly OracleNotification[]): unknown[] =>
  sent.map(({ kind, timeMs }) => [kind, timeMs - beginsMs]);

test('at the head of the log a silence is measured by the wall clock', () =>
  withLoop(async (loop) => {
    loop.instance.start();
    loop.change(ruleId, { no_data_seconds: 60 });
    loop.sample(9, 0);
    await loop.settle();
    await loop.lookAt(60_000);
    assert.deepEqual(loop.sent(), []);
    await loop.lookAt(60_001);
    assert.deepEqual(whatAndWhen(loop.sent()), [['no_data', 60_000]]);
    loop.sample(9, 90_000);
    await loop.settle();
    await loop.lookAt(150_000);
    assert.equal(loop.sent().length, 1);
    await loop.lookAt(150_001);
    assert.deepEqual(whatAndWhen(loop.sent()).at(-1), ['no_data', 150_000]);
  }));

test('a consumer that is behind takes no data for missing, whatever the wall clock shows', () =>
  withLoop(async (loop) => {
    loop.instance.start();
    loop.change(ruleId, { no_data_seconds: 60 });
    loop.sample(9, 0);
    await loop.settle();
    loop.held = 'read metrics';
    loop.sample(9, 50_000);
    await loop.settle();
    await loop.lookAt(3_600_000);
    assert.deepEqual(loop.sent(), []);
    loop.held = 'nothing';
    await loop.settle();
    await loop.lookAt(3_600_000);
    assert.deepEqual(loop.sent(), [], 'caught up, it waits for what is on its way');
    await loop.lookAt(3_660_001);
    assert.deepEqual(whatAndWhen(loop.sent()), [['no_data', 110_000]], 'it is missed since a minute after the last');
  }));

test('behind the head a silence is measured by the newest timestamp read', () =>
  withLoop(async (loop) => {
    loop.instance.start();
    loop.change(ruleId, { no_data_seconds: 60 });
    loop.sample(9, 0);
    loop.time.clockMs += 61_000;
    loop.sample(9, 61_000, { tags: { host: 'b' } });
    await loop.settle();
    loop.held = 'read metrics';
    loop.sample(9, 62_000);
    await loop.settle();
    await loop.lookAt(3_600_000);
    assert.deepEqual(whatAndWhen(loop.sent()), [['no_data', 60_000]]);
  }));

test('a head that was heard of long ago is no head', () =>
  withLoop(async (loop) => {
    loop.groups.group(topics.metrics.name, `${topics.metrics.name}/${evaluateGroup}`);
    loop.instance.start();
    loop.change(ruleId, { no_data_seconds: 60 });
    loop.sample(9, 0);
    await loop.settle();
    const [claim] = loop.groups.group(topics.metrics.name, evaluateGroup).claims;
    claim!.heardAtMs = loop.time.monotonicMs() - 60_000;
    await loop.lookAt(3_600_000);
    assert.deepEqual(loop.sent(), [], 'the broker is not heard of: there may be samples');
    claim!.heardAtMs = undefined;
    await loop.lookAt(3_600_000);
    await loop.lookAt(3_660_001);
    assert.equal(loop.sent().length, 1);
  }));

test('a sample from the future makes no other data look missing', () =>
  withLoop(async (loop) => {
    loop.instance.start();
    loop.change(ruleId, { no_data_seconds: 60 });
    loop.sample(11, 0);
    loop.sample(11, 400 * day, { tags: { host: 'b' } });
    await loop.settle();
    loop.held = 'read metrics';
    loop.sample(11, 1_000);
    await loop.settle();
    await loop.lookAt(2_000);
    assert.deepEqual(whatAndWhen(loop.sent()), [
      ['fired', 0],
      ['fired', 400 * day],
    ]);
    assert.deepEqual(
      loop.alarms().map(({ state }) => state.state),
      ['firing', 'firing'],
      'and nothing is forgotten',
    );
  }));

const endings: Record<string, Partial<Rule> | null> = {
  deleted: null,
  disabled: { enabled: false, notify_on_resolve: true },
  'given other tags': { tags: { host: 'c' }, notify_on_resolve: true },
};

for (const [how, fields] of Object.entries(endings)) {
  test(`a rule that is ${how} while firing ends its alarm, durably, without a message`, () =>
    withLoop(async (loop) => {
      loop.instance.start();
      loop.change(ruleId, { notify_on_resolve: true });
      loop.sample(11, 0);
      await loop.settle();
      assert.deepEqual(whatAndWhen(loop.sent()), [['fired', 0]]);
      loop.change(ruleId, fields);
      await loop.settle();
      assert.deepEqual(
        loop.alarms().map(({ state, offset }) => [state.state, offset]),
        [
          ['firing', 0],
          ['ok', 0],
        ],
      );
      assert.deepEqual(
        loop.sent(false).map(({ kind }) => kind),
        ['ended'],
      );
      loop.sample(9, 1_000);
      await loop.settle();
      assert.equal(loop.sent().length, 1);
    }));
}

test('a rule that changes at any point of a restore is judged by from the first sample on', async () => {
  for (let reads = 0; reads < 16; reads++) {
    await withLoop(async (loop) => {
      for (let index = 0; index < 12; index++) loop.sample(index < 11 ? 2 : 14, index * 1_000);
      loop.store.setPosition(`${topics.metrics.name}/${evaluateGroup}`, 0, 12);
      loop.held = 'read a range of metrics';
      loop.instance.start();
      for (let times = 0; times < reads; times++) await loop.letOneGo();
      loop.change(ruleId, { type: 'window_average', window_duration_seconds: 60, threshold: 3.5 });
      loop.change(otherRuleId, { threshold: 5 });
      loop.held = 'nothing';
      loop.sample(16, 12_000);
      await loop.settle();
      const sent = loop.sent().map(({ ruleId: id, x }) => [id, x]);
      assert.deepEqual(sent, [[ruleId, 4], [otherRuleId, 16]], `when it changes after ${reads} reads`); // prettier-ignore
    });
  }
});

test('a metric that stands in another partition than its name leads to is counted, once, and judged', () =>
  withLoop(async (loop) => {
    loop.instance.start();
    loop.change(ruleId, {});
    // Of two partitions this name leads to the other.
    loop.sample(11, 0);
    loop.sample(11, 1_000);
    loop.sample(11, 1_000, { name: 'größe 📦' });
    await loop.settle();
    assert.deepEqual(whatAndWhen(loop.sent()), [['fired', 0]]);
    assert.match(await loop.instance.meter.text(), /^ssrms_evaluate_misrouted_metrics_total 1$/m);
    assert.equal(metricName, 'received-packages');
  }, 2));

test('a metric that appears where it belongs is dropped in the wrong partition, without a message', () =>
  withLoop(async (loop) => {
    loop.instance.start();
    loop.change(ruleId, { notify_on_resolve: true, no_data_seconds: 60 });
    loop.sample(11, 0);
    await loop.settle();
    assert.deepEqual(whatAndWhen(loop.sent()), [['fired', 0]]);
    // Its producer was mended.
    loop.sample(12, 2_000, { partition: 1 });
    await loop.settle();
    await loop.lookAt(2_000);
    loop.time.tick(5_000);
    await loop.settle();
    const tombstones = loop.store.records(topics.alarms.name, 0).filter(({ value }) => value === null);
    assert.equal(tombstones.length, 1);
    // What still comes to the wrong one is skipped and counted.
    loop.sample(1, 3_000);
    await loop.settle();
    await loop.lookAt(59_000);
    assert.deepEqual(whatAndWhen(loop.sent()), [['fired', 0], ['fired', 2_000]]); // prettier-ignore
    assert.deepEqual(loop.sent(false), []);
    assert.match(await loop.instance.meter.text(), /^ssrms_evaluate_samples_total\{outcome="misplaced"\} 1$/m);
    // The right one alone misses it; ten minutes later the wrong one takes it again.
    await loop.lookAt(700_000);
    loop.time.tick(5_000);
    await loop.settle();
    loop.sample(13, 700_000);
    await loop.settle();
    assert.deepEqual(
      loop.sent().map(({ kind, at }) => [kind, at.partition]),
      [['fired', 0], ['fired', 1], ['no_data', 1], ['fired', 0]], // prettier-ignore
    );
  }, 2));

test('every record is counted by what became of it', () =>
  withLoop(async (loop) => {
    loop.instance.start();
    loop.sample(1, 1_000);
    loop.sample(1, 0);
    loop.append(topics.metrics.name, metricName, 'no sample');
    loop.append(topics.metrics.name, metricName, null);
    loop.append(topics.metrics.name, '', '{"value": 1}');
    await loop.settle();
    const text = await loop.instance.meter.text();
    const counts = [...text.matchAll(/^ssrms_evaluate_samples_total\{outcome="(\w+)"\} (\d+)$/gm)];
    assert.deepEqual(Object.fromEntries(counts.map(([, outcome, count]) => [outcome, Number(count)])), {
      evaluated: 1,
      late: 1,
      bad_json: 1,
      tombstone: 1,
      no_key: 1,
    });
  }));
