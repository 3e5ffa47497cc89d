// What a new owner makes of the log that a former one left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  alarmRecord,
  drained,
  EvaluatorBench,
  metricName,
  otherRuleId,
  ruleId,
} from '../../test/support/sim-log/evaluator-bench.ts';
import { VirtualTime } from '../../test/support/sim-log/virtual-time.ts';
import { day } from '../../test/support/oracle/history-shapes.ts';
import { beginsMs } from '../../test/support/oracle/history.ts';
import { seenNotification, withoutCopies } from '../../test/support/oracle/seen.ts';
import { ok, type Deferred, type Firing } from '../alarm/alarm-state.ts';
import { topics } from '../topics.ts';
import type { Rule } from '../rule/rule.ts';
import type { Effects } from './effects.ts';

const minute = 60_000;
const hour = 60 * minute;
const firing = alarmRecord().state as Firing;
const deferred: Deferred = { kind: 'fired', sample: alarmRecord().sample, ordinal: 0, x: 11, timeMs: beginsMs };
const at = (offset: number, ms = offset * 1_000) => ({
  sample: { partition: 0, offset, timestampMs: beginsMs + ms },
  timeMs: beginsMs + ms,
});

/** A test whose wall clock is where its samples are. */
function atTime(name: string, ms: number, body: (bench: EvaluatorBench) => Promise<void>): void {
  test(name, () => body(new EvaluatorBench(1, new VirtualTime(beginsMs + ms))));
}

atTime('of an alarm’s records the one with the largest offset holds, whatever came after it', 5_000, async (bench) => {
  bench.rule(ruleId, {});
  for (let offset = 0; offset < 4; offset++) bench.sample(offset % 2 === 0 ? 11 : 9, offset * 1_000);
  bench.alarm(at(0));
  bench.alarm({ ...at(3), state: ok });
  bench.alarm({ ...at(2), state: { ...firing, deferred } });
  const { evaluator, start } = await bench.restore(4);
  assert.equal(start, 4);
  bench.sample(11, 4_000);
  const { notifications } = bench.judge(evaluator, start);
  assert.deepEqual(
    notifications.map(({ kind, at: { offset } }) => [kind, offset]),
    [['fired', 4]],
    'it came from ok',
  );
});

atTime(
  'where an outdated state is the last word, the good one is written again, before anything else',
  5_000,
  async (bench) => {
    bench.rule(ruleId, {});
    const b = { name: metricName, tags: { host: 'b' } };
    bench.alarm({ ...at(3), state: ok });
    bench.alarm({ ...at(3), series: b });
    bench.alarm(at(1));
    for (let offset = 0; offset < 4; offset++) bench.sample(9, offset * 1_000);
    await bench.restore(4);
    const written = bench.alarms().slice(3);
    assert.deepEqual(
      written.map(({ alarm, state, offset }) => [alarm, state.state, offset]),
      [[`${ruleId} ["${metricName}"]`, 'ok', 3]],
    );
    assert.equal(bench.complaints.length, 1);
    await bench.restore(4);
    assert.equal(bench.alarms().length, 4, 'put right once, it stays right');
  },
);

atTime('of records at the same sample the later holds', 5_000, async (bench) => {
  bench.rule(ruleId, {});
  bench.sample(11, 0);
  bench.alarm({ ...at(0), state: { ...firing, notified: false, deferred } });
  bench.alarm(at(0));
  const { evaluator, start } = await bench.restore(1);
  bench.sample(11, 1_000);
  assert.deepEqual(bench.judge(evaluator, start).notifications, [], 'nothing is owed');
});

atTime('judging begins at the later of S and the committed position', 5_000, async (bench) => {
  bench.rule(ruleId, {});
  for (let offset = 0; offset < 5; offset++) bench.sample(11, offset * 1_000);
  bench.alarm(at(2));
  assert.equal((await bench.restore(1)).start, 2);
  assert.equal((await bench.restore(4)).start, 4);
});

atTime('the sample at S is judged only for the alarms whose own state is older', 5_000, async (bench) => {
  bench.rule(ruleId, { threshold: 10 });
  bench.rule(otherRuleId, { threshold: 5 });
  bench.sample(11, 0);
  bench.alarm(at(0));
  const { evaluator, start } = await bench.restore(0);
  assert.equal(start, 0);
  const { notifications, states } = bench.judge(evaluator, start);
  assert.deepEqual(
    notifications.map((one) => one.ruleId),
    [otherRuleId],
  );
  assert.deepEqual(
    states.map((one) => one.ruleId),
    [otherRuleId],
  );
});

atTime(
  'where retention overtook the position, judging begins with the first record held, and that is said',
  5_000,
  async (bench) => {
    bench.rule(ruleId, {});
    for (let offset = 0; offset < 6; offset++) bench.sample(9, offset * 1_000);
    bench.store.deleteBefore(topics.metrics.name, 0, 4);
    assert.equal((await bench.restore(1)).start, 4);
    assert.match(bench.complaints.join(), /deleted before they were evaluated/);
  },
);

atTime(
  'where the log lost its tail, judging begins at its end, and a new sample at a reused offset is heard',
  5_000,
  async (bench) => {
    bench.rule(ruleId, {});
    for (let offset = 0; offset < 6; offset++) bench.sample(9, offset * 1_000);
    bench.alarm({ ...at(5), state: ok });
    bench.store.rewind(topics.metrics.name, 0, 3);
    const { evaluator, start } = await bench.restore(6);
    assert.equal(start, 3);
    assert.match(bench.complaints.join(), /rewound/);
    bench.sample(11, 6_000);
    const { notifications } = bench.judge(evaluator, start);
    assert.deepEqual(
      notifications.map((one) => [one.kind, one.at.offset]),
      [['fired', 3]],
    );
  },
);

atTime('a record of alarms that cannot be read is left out, and said', 5_000, async (bench) => {
  bench.rule(ruleId, {});
  bench.sample(11, 0);
  bench.alarm(at(0));
  bench.append(topics.alarms.name, 'anything', '{"half a rec');
  const { evaluator, start } = await bench.restore(1);
  assert.match(bench.complaints.join(), /could not be read/);
  bench.sample(9, 1_000);
  assert.deepEqual(
    bench.judge(evaluator, start).states.map(({ state }) => state),
    [ok],
  );
});

atTime('a tombstone takes an alarm away', 5_000, async (bench) => {
  bench.rule(ruleId, {});
  bench.sample(11, 0);
  bench.alarm(at(0));
  bench.append(topics.alarms.name, `${ruleId} ["${metricName}"]`, null);
  const { evaluator, start } = await bench.restore(1);
  bench.sample(11, 1_000);
  assert.deepEqual(
    bench.judge(evaluator, start).notifications.map(({ kind }) => kind),
    ['fired'],
  );
});

const orphans = {
  'is gone': undefined,
  'is disabled': { enabled: false },
  'no longer matches the series': { tags: { host: 'a' } },
  'went to another metric': { metric_name: 'cpu' },
};

for (const [why, fields] of Object.entries(orphans)) {
  atTime(`a restored alarm whose rule ${why} ends, and nobody is told`, 5_000, async (bench) => {
    if (fields) bench.rule(ruleId, { notify_on_resolve: true, ...fields });
    bench.sample(11, 0);
    bench.alarm(at(0));
    const { evaluator, start } = await bench.restore(1);
    const { notifications, states } = drained(evaluator);
    const kinds = notifications.map(({ kind, message }) => [kind, message]);
    // A rule that is gone names nobody to tell.
    assert.deepEqual(kinds, fields === undefined ? [] : [['ended', false]]);
    assert.deepEqual(
      states.map(({ ruleId: id, state, offset }) => [id, state, offset]),
      [[ruleId, ok, 0]],
    );
    bench.rule(ruleId, { notify_on_resolve: true });
    bench.sample(9, 1_000);
    assert.deepEqual(bench.judge(evaluator, start).notifications, [], 'nothing is left to be resolved');
  });
}

atTime('the cooldown of a rule goes on where it was', 60_000, async (bench) => {
  bench.rule(ruleId, { cooldown_seconds: 30 });
  bench.sample(11, 10_000);
  bench.sample(11, 20_000, { tags: { host: 'b' } });
  bench.alarm({ ...at(0, 10_000), ruleMemory: { ...alarmRecord().ruleMemory, lastSentMs: beginsMs + 10_000 } });
  const { evaluator, start } = await bench.restore(1);
  bench.sample(11, 40_000, { tags: { host: 'c' } });
  const { notifications } = bench.judge(evaluator, start);
  assert.deepEqual(
    notifications.map(({ series, deferred: isDeferred }) => [series, isDeferred]),
    [
      [`["${metricName}","host","b"]`, true],
      [`["${metricName}","host","c"]`, false],
    ],
  );
});

atTime('windows are filled with all that they would hold, however many samples that are', 3_600_000, async (bench) => {
  bench.rule(ruleId, {
    type: 'window_average',
    window_duration_seconds: 3_600,
    threshold: 1e9,
    trigger: 'every_sample',
  });
  // More than a window keeps singly.
  const count = 6_000;
  for (let index = 0; index < count; index++) bench.sample(Math.sin(index) * 1_000, index * 700);
  const always = await bench.restore(0);
  bench.judge(always.evaluator, 0);
  const restored = await bench.restore(count);
  assert.equal(restored.start, count);
  // A rule that fires tells what its window holds.
  const change = bench.rule(ruleId, { type: 'window_average', window_duration_seconds: 3_600, threshold: -1e9 });
  for (const { evaluator } of [always, restored]) evaluator.ruleChanged(change, 0);
  bench.sample(1, count * 700);
  const [one, other] = [always, restored].map(({ evaluator }) => bench.judge(evaluator, count).notifications[0]!.x);
  assert.equal(one, other);
});

atTime(
  'after a stop of hours a series that fell silent meanwhile is still known, and missed',
  5 * hour,
  async (bench) => {
    bench.rule(ruleId, { no_data_seconds: 60 });
    bench.sample(9, 0);
    const { evaluator } = await bench.restore(1);
    bench.readClocks(evaluator, bench.time.wallMs() - beginsMs);
    assert.deepEqual(
      drained(evaluator).notifications.map(({ kind, timeMs }) => [kind, timeMs]),
      [['no_data', beginsMs + 60_000]],
    );
  },
);

atTime('a window of samples that lie far behind the clock is filled too', 2 * day, async (bench) => {
  bench.rule(ruleId, { type: 'window_average', window_duration_seconds: 60, threshold: 10 });
  bench.sample(2, 0);
  const { evaluator, start } = await bench.restore(1);
  bench.sample(20, 30_000);
  assert.deepEqual(
    bench.judge(evaluator, start).notifications.map(({ x }) => x),
    [11],
  );
});

atTime(
  'an alarm that has fired for days goes on, though its series speaks but once an hour',
  50 * hour,
  async (bench) => {
    bench.rule(ruleId, {});
    const first = await bench.restore();
    for (let index = 0; index < 50; index++) bench.judge(first.evaluator, bench.sample(11, index * hour));
    for (let index = 0; index < 5; index++)
      bench.judge(first.evaluator, bench.sample(9, 49 * hour + (20 + index) * minute, { tags: { host: 'b' } }));
    const { evaluator, start } = await bench.restore(55);
    bench.readClocks(evaluator, bench.time.wallMs() - beginsMs);
    assert.deepEqual(drained(evaluator).states, [], 'it is not forgotten');
    bench.sample(11, 50 * hour);
    assert.deepEqual(bench.judge(evaluator, start).notifications, []);
  },
);

atTime('a rule that sent without data remembers when', 10 * minute, async (bench) => {
  bench.rule(ruleId, { no_data_seconds: 60, cooldown_seconds: 90 });
  const first = await bench.restore();
  const b = { tags: { host: 'b' } };
  bench.sample(9, 0);
  bench.sample(9, 0, b);
  bench.sample(9, 31_000, b);
  bench.judge(first.evaluator, 0);
  bench.readClocks(first.evaluator, 61_000);
  const sent = bench.keep(first.evaluator).notifications;
  assert.deepEqual(
    sent.map(({ timeMs }) => timeMs - beginsMs),
    [60_000],
  );
  const { evaluator } = await bench.restore(3);
  evaluator.beganAt(61_000);
  bench.readClocks(evaluator, 122_000);
  const { notifications, states } = drained(evaluator);
  assert.deepEqual(notifications, [], '61 s after the restart the cooldown of 90 s is not over');
  assert.deepEqual(
    states.map(({ state }) => state.state === 'firing' && state.deferred?.kind),
    ['no_data'],
  );
});

atTime('what a silence made of an alarm outlives a late state of the same sample', 10 * minute, async (bench) => {
  bench.rule(ruleId, { no_data_seconds: 60, for_seconds: 600 });
  const first = await bench.restore();
  bench.sample(11, 0);
  bench.judge(first.evaluator, 0);
  const [pending] = bench.store.records(topics.alarms.name, 0);
  bench.readClocks(first.evaluator, 61_000);
  bench.keep(first.evaluator);
  // As from an append whose answer was lost.
  bench.store.append(topics.alarms.name, { ...pending!, partition: 0 });
  const { evaluator } = await bench.restore(1);
  bench.readClocks(evaluator, 62_000);
  assert.deepEqual(drained(evaluator).notifications, [], 'the silence was told of before');
});

atTime('an alarm that ended with its rule, and begins anew at the same sample, holds', 10 * minute, async (bench) => {
  bench.rule(ruleId, { no_data_seconds: 60 });
  const { evaluator } = await bench.restore();
  bench.judge(evaluator, bench.sample(11, 0));
  for (const enabled of [false, true]) evaluator.ruleChanged(bench.rule(ruleId, { no_data_seconds: 60, enabled }), 0);
  bench.readClocks(evaluator, 61_000);
  bench.keep(evaluator);
  const next = await bench.restore(1);
  bench.readClocks(next.evaluator, 62_000);
  assert.deepEqual(drained(next.evaluator).notifications, [], 'the silence was told of before');
});

/** What was written of a decision of a clock when its owner crashed: nothing, some or all of each stage. */
function* crashes({ ahead, notifications, states }: Effects): Generator<readonly [name: string, written: Effects]> {
  const none = { ahead: [], notifications: [], states: [] };
  yield ['before it was written ahead', none];
  for (let count = 1; count <= ahead.length; count++)
    yield [`${count} of ${ahead.length} written ahead`, { ...none, ahead: ahead.slice(0, count) }];
  for (let count = 1; count <= notifications.length; count++)
    yield [`${count} sent`, { ...none, ahead, notifications: notifications.slice(0, count) }];
  for (let count = 1; count <= states.length; count++)
    yield [`${count} said to be sent`, { ahead, notifications, states: states.slice(0, count) }];
}

interface Decision {
  readonly rule: Partial<Rule>;
  /** What is evaluated before the clock decides, and how far the clock has come then. */
  readonly before: (bench: EvaluatorBench) => void;
  readonly clockMs: number;
  /** What comes after the crash, before any clock is read. */
  readonly after: (bench: EvaluatorBench) => void;
  /** The kinds and values that are sent if the clock has decided, and if it has not. */
  readonly decided: readonly string[];
  readonly undecided: readonly string[];
}

const decisions: Record<string, Decision> = {
  'a series that is missing': {
    rule: { no_data_seconds: 60, notify_on_resolve: true },
    before: (bench) => void bench.sample(9, 0),
    clockMs: 61_000,
    after: (bench) => void bench.sample(9, 90_000),
    decided: ['no_data', 'resolved 9'],
    undecided: [],
  },
  'an alarm that resolves without data': {
    rule: { resolve_without_data_seconds: 60, notify_on_resolve: true },
    before: (bench) => void bench.sample(20, 0),
    clockMs: 61_000,
    after: (bench) => void bench.sample(1, 90_000),
    decided: ['resolved'],
    undecided: ['resolved 1'],
  },
  'a cooldown that is over': {
    rule: { cooldown_seconds: 60, notify_on_resolve: true },
    before(bench) {
      for (const [index, host] of ['a', 'b', 'c'].entries()) bench.sample(20 + index, index, { tags: { host } });
    },
    clockMs: 62_000,
    // Both end before the cooldown is over in rule time.
    after(bench) {
      for (const host of ['b', 'c']) bench.sample(1, 30_000, { tags: { host } });
    },
    decided: ['fired 21', 'fired 22', 'resolved 1', 'resolved 1'],
    undecided: [],
  },
  'a reminder': {
    rule: { remind_seconds: 60, notify_on_resolve: true },
    before: (bench) => void bench.sample(20, 0),
    clockMs: 62_000,
    after: (bench) => void bench.sample(1, 30_000),
    decided: ['reminder 20', 'resolved 1'],
    undecided: ['resolved 1'],
  },
};

for (const [what, decision] of Object.entries(decisions)) {
  atTime(
    `${what}, told by a clock, is told whole or not at all, wherever a crash comes (A25)`,
    90_000,
    async (first) => {
      const decide = async (bench: EvaluatorBench): Promise<Effects> => {
        bench.rule(ruleId, decision.rule);
        const { evaluator } = await bench.restore();
        decision.before(bench);
        bench.judge(evaluator, 0);
        bench.readClocks(evaluator, decision.clockMs);
        return evaluator.drain();
      };
      const all = [...crashes(await decide(first))];
      assert.ok(all.length > 3);
      for (const [index, [name]] of all.entries()) {
        const bench = new EvaluatorBench(1, new VirtualTime(beginsMs + 90_000));
        const [, { ahead, notifications, states }] = [...crashes(await decide(bench))][index]!;
        for (const { key, value } of [...ahead, ...states])
          bench.append(topics.alarms.name, String(key), value === null ? null : String(value));
        const { next } = bench.store.bounds(topics.metrics.name, 0);
        const { evaluator, start } = await bench.restore(next);
        const finished = bench.keep(evaluator).notifications;
        decision.after(bench);
        const seen = [...notifications.map(({ value }) => seenNotification(value!)), ...finished];
        seen.push(...bench.judge(evaluator, start).notifications);
        const kinds = withoutCopies(seen).map(({ kind, x }) => (x === undefined ? kind : `${kind} ${x}`));
        assert.deepEqual(kinds, ahead.length === 0 ? decision.undecided : decision.decided, name);
      }
    },
  );
}

atTime(
  'a rise that was sent within a cooldown sends nothing else when its sample is evaluated again',
  5_000,
  async (bench) => {
    const levels = [{ threshold: 10 }, { threshold: 20 }];
    bench.rule(ruleId, { threshold: undefined, levels, cooldown_seconds: 600 });
    const { evaluator } = await bench.restore();
    const [a, b] = [{ tags: { host: 'a' } }, { tags: { host: 'b' } }];
    bench.sample(11, 0, a);
    bench.sample(12, 1_000, b);
    bench.sample(25, 2_000, a);
    const { notifications } = bench.judge(evaluator, 0);
    assert.deepEqual(
      notifications.map(({ kind, level, x }) => [kind, level, x]),
      [
        ['fired', 1, 11],
        ['raised', 2, 25],
      ],
    );
    const next = await bench.restore();
    assert.equal(next.start, 2);
    assert.deepEqual(bench.judge(next.evaluator, next.start).notifications, []);
    bench.sample(25, 602_000, a);
    const later = bench.judge(next.evaluator, 3).notifications;
    assert.deepEqual(
      later.map(({ kind, deferred: isDeferred, x }) => [kind, isDeferred, x]),
      [['fired', true, 12]],
    );
  },
);
