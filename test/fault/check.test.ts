// The checkers of the fault tests, each shown to fail on evidence that was tampered with as a broken evaluator would.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { judgeAll, type OracleRecord } from '../support/oracle/oracle.ts';
import type { OracleRule } from '../support/oracle/oracle-rule.ts';
import { checkEvidence } from './check.ts';
import type { Evidence, StoodNotification, StoodState } from './evidence.ts';
import type { Snapshot } from './positions.ts';

const rule: OracleRule = {
  id: '21433034-8078-4f1a-bb8d-1ac996db395d',
  metric_name: 'packages',
  threshold: 10,
  discord_webhook_url: 'https://discord.com/api/webhooks/12345678901234567/token',
  notify_on_resolve: true,
};
const values = [1, 12, 13, 10, 9, 11, 3, 15, 2];

/** A run in which all went well: everything is written at once, in order. */
function soundEvidence(): Evidence {
  const records = values.map((value, offset): OracleRecord => {
    const body = Buffer.from(JSON.stringify({ value }));
    return { offset, key: Buffer.from('packages'), value: body, timestampMs: 1_000_000 + offset * 1_000 };
  });
  const events = [{ fromOffset: 0, rule, version: { partition: 0, offset: 0 } }];
  const verdict = judgeAll({ partition: 0, records, events });
  const notifications = verdict.notifications.map((one, offset) => ({ ...one, stood: { partition: 0, offset } }));
  // One record for each sample, whatever it made of the alarm on the way.
  const last = verdict.changes.filter(({ byOffset }, index, all) => all[index + 1]?.byOffset !== byOffset);
  const states = last.map((change, offset): StoodState => {
    const sent = verdict.notifications.findLast((one) => one.kind === 'fired' && one.at.offset <= change.offset);
    const { alarm, state } = change;
    return {
      alarm,
      ruleId: rule.id,
      state,
      lastSentMs: sent?.timeMs,
      sentCount: offset,
      offset: change.offset,
      revision: 0,
      decidedAt: undefined,
      stood: { partition: 0, offset },
    };
  });
  return { notifications, states, verdicts: [verdict], samples: records.length };
}

const heads = (next: number) => new Map([[0, next]]);
const snapshotOf = (committed: number, alarms: number, notifications: number): Snapshot => ({
  atMs: 0,
  committed: heads(committed),
  alarmsNext: heads(alarms),
  notificationsNext: heads(notifications),
  metricsNext: heads(values.length),
});

type Tamper = (evidence: { notifications: StoodNotification[]; states: StoodState[] }) => void;

function verdictOn(tamper: Tamper, snapshots: readonly Snapshot[] = []): () => void {
  const sound = soundEvidence();
  const tampered = { notifications: [...sound.notifications], states: [...sound.states] };
  tamper(tampered);
  return () => void checkEvidence({ ...sound, ...tampered }, snapshots);
}

test('a run in which all went well passes, copies and all', () => {
  const summary = checkEvidence(soundEvidence(), [snapshotOf(0, 0, 0), snapshotOf(9, 6, 6)]);
  assert.deepEqual([summary.notifications, summary.copies], [6, 0]);
  const repeated = verdictOn(({ notifications, states }) => {
    notifications.push({ ...notifications[2]!, stood: { partition: 0, offset: 6 } });
    states.push({ ...states[1]!, stood: { partition: 0, offset: 6 } });
  });
  assert.doesNotThrow(repeated);
});

const cases: readonly (readonly [string, RegExp, Tamper])[] = [
  ['a notification is missing', /I1: notifications missing: 1/, ({ notifications }) => notifications.splice(1, 1)],
  [
    'a notification is made up',
    /I1: notifications that nobody is due: 1/,
    ({ notifications }) => notifications.push({ ...notifications[0]!, id: 'made up' }),
  ],
  [
    'an id is random',
    /I1: 1 missing and 1 too many/,
    ({ notifications }) => (notifications[3] = { ...notifications[3]!, id: 'random' }),
  ],
  [
    'copies of an id differ',
    /I2: copies of an id/,
    ({ notifications }) => notifications.push({ ...notifications[0]!, x: 99, stood: { partition: 0, offset: 6 } }),
  ],
  [
    'a value is wrong',
    /I1: notifications that do not say/,
    ({ notifications }) => (notifications[0] = { ...notifications[0]!, x: 12.001 }),
  ],
  ['the order is wrong', /I3: notifications not in the order/, ({ notifications }) => notifications.reverse()],
  [
    'a state is not what its sample made',
    /I3: states that are not/,
    ({ states }) => (states[2] = { ...states[2]!, state: { state: 'ok' } }),
  ],
  ['a change is not in alarms', /I4: changes that are not in alarms/, ({ states }) => states.splice(2, 1)],
  [
    'a rule remembers another time',
    /I4: the times of the last sent/,
    ({ states }) => (states[5] = { ...states[5]!, lastSentMs: 1 }),
  ],
];

for (const [what, message, tamper] of cases) {
  test(`it is found when ${what}`, () => assert.throws(verdictOn(tamper), message));
}

test('it is found when a position or a state promises what is not in the log', () => {
  const nothing: Tamper = () => {};
  assert.throws(verdictOn(nothing, [snapshotOf(2, 0, 0)]), /I4: promised/, 'the position is ahead of a notification');
  assert.throws(verdictOn(nothing, [snapshotOf(2, 0, 1)]), /I4: promised/, 'the position is ahead of a state');
  assert.throws(verdictOn(nothing, [snapshotOf(0, 1, 0)]), /I4: promised/, 'a state is ahead of its notification');
  assert.doesNotThrow(verdictOn(nothing, [snapshotOf(1, 1, 1), snapshotOf(2, 1, 1)]));
});
