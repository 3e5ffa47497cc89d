// The evaluator against the oracle: whatever comes, they say the same. A failure prints its seed; to run it again set
// SSRMS_SEED to it, and SSRMS_RUNS to how many histories are tried.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { feeds, tryHistory, type Feed } from '../../test/support/oracle/evaluator-trial.ts';
import { beginsMs, histories, type Step } from '../../test/support/oracle/history.ts';
import {
  clocklessShape,
  restartInSilenceShape,
  restartShape,
  silenceShape,
  thresholdsShape,
  type HistoryShape,
} from '../../test/support/oracle/history-shapes.ts';
import {
  assertNotifications,
  assertStates,
  winningStates,
  withoutLastOfGroup,
} from '../../test/support/oracle/seen.ts';
import type { OracleNotification } from '../../test/support/oracle/oracle.ts';
import { verdictOf } from '../../test/support/oracle/verdict-of-history.ts';

const { SSRMS_SEED, SSRMS_RUNS = '300' } = process.env;
const parameters = { numRuns: Number(SSRMS_RUNS), ...(SSRMS_SEED !== undefined && { seed: Number(SSRMS_SEED) }) };

function check(shape: HistoryShape, feed: Feed): Promise<void> {
  const property = fc.asyncProperty(histories(shape), fc.nat(), async (steps, seed) => {
    const result = await tryHistory(steps, { feed, seed });
    const verdict = verdictOf(steps);
    const known = shape.restarts === 0 ? (one: OracleNotification) => one : withoutLastOfGroup;
    const due = { ...verdict, notifications: verdict.notifications.map(known) };
    assertNotifications(result.notifications.map(known), due);
    assertStates(winningStates(result.states), verdict);
    if (shape.restarts > 0) return;
    const records = steps.filter((step) => step.kind === 'record').length;
    const { evaluated = 0, late = 0, ...refused } = Object.fromEntries(result.outcomes);
    const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
    assert.equal(refusals, verdict.unreadable, 'every record that is no sample is counted as such (I10)');
    assert.equal(evaluated + late + refusals, records, 'every record is counted once (I15)');
  });
  return fc.assert(property, parameters);
}

for (const feed of feeds) {
  test(`fed ${feed}, the evaluator says what the oracle says`, () => check(clocklessShape, feed));
  test(`fed ${feed}, it does so where most samples change nothing`, () => check(thresholdsShape, feed));
  test(`fed ${feed}, it does so when series fall silent`, () => check(silenceShape, feed));
  test(`fed ${feed}, it does so whenever it begins anew`, () => check(restartShape, feed));
  test(`fed ${feed}, it does so when it begins anew amid silences`, () => check(restartInSilenceShape, feed));
}

const cpuRule = {
  id: '21433034-8078-4f1a-bb8d-1ac996db395d',
  metric_name: 'cpu',
  threshold: 10,
  no_data_seconds: 5,
  discord_webhook_url: `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`,
};

const cpuSample = (atMs: number, value = 1): Step => ({
  kind: 'record',
  key: Buffer.from('cpu'),
  value: Buffer.from(`{"value": ${value}}`),
  timestampMs: beginsMs + atMs,
});

const clock = (atMs: number, passedMs: number): Step => ({ kind: 'clock', clockMs: beginsMs + atMs, passedMs });

test('a reminder that is due when a series is heard again is deferred at the next look, however soon that is', async () => {
  const rule = { ...cpuRule, operator: '<' as const, cooldown_seconds: 1_800, remind_seconds: 60 };
  const steps: Step[] = [
    { kind: 'rule', rule },
    cpuSample(0),
    clock(65_000, 65_000),
    cpuSample(65_000),
    clock(65_000, 0),
  ];
  for (const feed of feeds) {
    const result = await tryHistory(steps, { feed, seed: 1 });
    assertStates(winningStates(result.states), verdictOf(steps));
    assert.equal(result.states.at(-1)?.state.state, 'firing');
  }
});

test('a late sample ends a silence, and the next one begins when nothing was received since', async () => {
  const steps: Step[] = [
    { kind: 'rule', rule: cpuRule },
    cpuSample(0),
    clock(60_000, 60_000),
    cpuSample(-30_000),
    clock(65_000, 5_001),
    cpuSample(125_000),
    clock(185_000, 120_000),
  ];
  for (const feed of feeds) {
    const { notifications } = await tryHistory(steps, { feed, seed: 1 });
    assertNotifications(notifications, verdictOf(steps));
    const kinds = notifications.map(({ kind }) => kind);
    assert.deepEqual(kinds, ['no_data', 'resolved', 'no_data', 'resolved', 'no_data']);
  }
});

test('each value counts for for_samples, resolve_for_seconds and levels, however fast it is read', async () => {
  const { no_data_seconds: _noData, threshold: _threshold, ...plain } = cpuRule;
  const levels = [{ threshold: 10 }, { threshold: 20, for_seconds: 3 }];
  const rules = [
    { threshold: 10, for_samples: { breaches: 2, of: 4 } },
    { threshold: 10, resolve_for_seconds: 5, resolve_threshold: 8 },
    { levels },
    { levels, resolve_for_seconds: 3 },
  ];
  const values = [11, 11, 21, 9, 11, 7, 9, 11, 21, 15, 21, 21, 21, 21, 15, 21, 9, 15, 9, 9, 9, 9];
  for (const fields of rules) {
    for (let count = 1; count <= values.length; count++) {
      const samples = values.slice(0, count).map((value, index) => cpuSample(index * 1_000, value));
      const steps: Step[] = [{ kind: 'rule', rule: { ...plain, ...fields } }, ...samples];
      for (const feed of feeds) {
        const { states, notifications } = await tryHistory(steps, { feed, seed: 1 });
        assertStates(winningStates(states), verdictOf(steps));
        assertNotifications(notifications, verdictOf(steps));
      }
    }
  }
});

test('groups that are still to be filled are, though their rule is edited again before', async () => {
  const { no_data_seconds: _noData, ...plain } = cpuRule;
  const rule = { ...plain, group_by: [], aggregate: 'sum' as const };
  const steps: Step[] = [
    { kind: 'rule', rule: { ...rule, aggregate: 'count' } },
    cpuSample(0, 10),
    { kind: 'rule', rule },
    { kind: 'rule', rule: { ...rule, cooldown_seconds: 1 } },
    { ...cpuSample(1_000), value: Buffer.from('{"value": 1, "tags": {"host": "b"}}') } as Step,
  ];
  for (const feed of feeds) {
    const { notifications } = await tryHistory(steps, { feed, seed: 1 });
    assertNotifications(notifications, verdictOf(steps));
    assert.deepEqual(
      notifications.map(({ kind, x }) => [kind, x]),
      [['fired', 11]],
    );
  }
});

test('after a rule has matched no series, the first one’s time is the rule time, whether the process began anew or not', async () => {
  const { no_data_seconds: _noData, ...plain } = cpuRule;
  const rule = { ...plain, operator: '!=' as const, cooldown_seconds: 60 };
  const hostA = (atMs: number): Step => ({
    ...cpuSample(atMs),
    value: Buffer.from('{"value": 0, "tags": {"host": "a"}}'),
  }) as Step; // prettier-ignore
  for (const restart of [[], [{ kind: 'restart' }]] as Step[][]) {
    const steps: Step[] = [
      { kind: 'rule', rule },
      cpuSample(0),
      { kind: 'rule', rule: { ...rule, tags: { host: 'a' } } },
      ...restart,
      hostA(-300_000),
      hostA(0),
    ];
    for (const feed of feeds) {
      const { notifications } = await tryHistory(steps, { feed, seed: 1 });
      assertNotifications(notifications, verdictOf(steps));
      assert.deepEqual(
        notifications.filter(({ kind }) => kind === 'fired').map(({ at, deferred }) => [at.offset, deferred]),
        [
          [0, false],
          [1, true],
        ],
      );
    }
  }
});

test('when all series of a rule are forgotten at once, its cooldown goes on from where it was', async () => {
  const rule = { ...cpuRule, cooldown_seconds: 100_000 };
  const hour = 3_600_000;
  const other = (atMs: number): Step =>
    ({ ...cpuSample(atMs), value: Buffer.from('{"value": 1, "tags": {"host": "b"}}') }) as Step;
  const clocks = (fromHour: number, toHour: number): Step[] =>
    Array.from({ length: (toHour - fromHour) / 5 }, (_, index) => clock((fromHour + 5 * (index + 1)) * hour, 5 * hour));
  const group = { group_by: [], aggregate: 'count' as const, threshold: 1_000 };
  const steps: Step[] = [
    { kind: 'rule', rule: { ...rule, ...group } },
    other(0),
    cpuSample(0),
    other(3 * hour),
    ...clocks(3, 28),
    cpuSample(29 * hour),
    ...clocks(29, 39),
  ];
  for (const feed of feeds) {
    const { notifications } = await tryHistory(steps, { feed, seed: 1 });
    assertNotifications(notifications, verdictOf(steps));
  }
});

test('what is deferred of a metric never seen is sent as delayed after a restart', async () => {
  const { threshold: _threshold, ...absence } = cpuRule;
  const steps: Step[] = [
    { kind: 'rule', rule: { ...absence, group_by: [], cooldown_seconds: 1_800, remind_seconds: 60 } },
    clock(60_001, 60_001),
    clock(360_001, 300_000),
    clock(660_001, 300_000),
    { kind: 'restart' },
    clock(4_260_001, 3_600_000),
  ];
  for (const feed of feeds) {
    const { notifications } = await tryHistory(steps, { feed, seed: 1 });
    assertNotifications(notifications, verdictOf(steps));
    assert.deepEqual(
      notifications.map(({ kind, at, deferred }) => [kind, at.offset, deferred]),
      [
        ['no_data', -1, false],
        ['reminder', -1, true],
      ],
    );
  }
});
