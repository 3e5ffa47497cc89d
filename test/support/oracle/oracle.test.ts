// The oracle itself, by examples worked out by hand from "What a rule means": it judges everything else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { exactMean } from './exact-mean.ts';
import { oracleAlarmId, oracleNotificationId } from './oracle-ids.ts';
import type { OracleRule } from './oracle-rule.ts';
import { readSample } from './oracle-sample.ts';
import { judgeAll, type OracleEvent, type OracleRecord, type Verdict } from './oracle.ts';
import { poisonRecords, sampleForms, type Pairs } from './sample-forms.ts';

const id = '21433034-8078-4f1a-bb8d-1ac996db395d';
const ruleOf = (fields: Partial<OracleRule>): OracleRule => ({
  id,
  metric_name: 'm',
  threshold: 10,
  discord_webhook_url: '',
  ...fields,
});

/** Samples as [seconds, value], or [seconds, value, host]; a rule in force from the first, and what else happens. */
function judged(
  fields: Partial<OracleRule>,
  samples: readonly (readonly [number, number, string?])[],
  more: readonly OracleEvent[] = [],
): Verdict {
  const records = samples.map(([seconds, value, host], offset): OracleRecord => {
    const tags = host === undefined ? '' : `, "tags": {"host": "${host}"}`;
    const text = `{"value": ${value}${tags}}`;
    return { offset, key: Buffer.from('m'), value: Buffer.from(text), timestampMs: seconds * 1_000 };
  });
  const rule = { fromOffset: 0, rule: ruleOf(fields), version: { partition: 0, offset: 0 } };
  return judgeAll({ partition: 0, records, events: [rule, ...more] });
}

/** The messages, as [kind, the time of x in seconds, x]. */
const sent = ({ notifications }: Verdict): unknown[] =>
  notifications.filter(({ message }) => message).map(({ kind, timeMs, x }) => [kind, timeMs / 1_000, x]);

const clock = (fromOffset: number, seconds: number, passedSeconds: number): OracleEvent => ({
  fromOffset,
  clockMs: seconds * 1_000,
  passedMs: passedSeconds * 1_000,
});

test('a breach is notified once, strictly beyond the threshold, and again after it has ended', () => {
  const samples = [[0, 10], [1, 11], [2, 12], [3, 10], [4, 10.5]] as const; // prettier-ignore
  assert.deepEqual(sent(judged({}, samples)), [['fired', 1, 11], ['fired', 4, 10.5]]); // prettier-ignore
  const mirrored = samples.map(([seconds, value]) => [seconds, 20 - value] as const);
  assert.deepEqual(sent(judged({ operator: '<' }, mirrored)), [['fired', 1, 9], ['fired', 4, 9.5]]); // prettier-ignore
});

test('each operator says what of equal is in breach', () => {
  const samples = [[0, 10], [1, 11], [2, 10], [3, 9], [4, 10]] as const; // prettier-ignore
  assert.deepEqual(sent(judged({ operator: '>=' }, samples)), [['fired', 0, 10], ['fired', 4, 10]]); // prettier-ignore
  assert.deepEqual(sent(judged({ operator: '<=' }, samples)), [['fired', 0, 10], ['fired', 2, 10]]); // prettier-ignore
  assert.deepEqual(sent(judged({ operator: '==' }, samples)), [['fired', 0, 10], ['fired', 2, 10], ['fired', 4, 10]]); // prettier-ignore
  assert.deepEqual(sent(judged({ operator: '!=' }, samples)), [['fired', 1, 11], ['fired', 3, 9]]); // prettier-ignore
});

test('between the two thresholds a firing alarm stays firing, and one that is ok stays ok', () => {
  const rule = { resolve_threshold: 8, notify_on_resolve: true };
  const verdict = judged(rule, [[0, 9], [1, 11], [2, 9], [3, 11], [4, 8], [5, 9]]); // prettier-ignore
  assert.deepEqual(sent(verdict), [['fired', 1, 11], ['resolved', 4, 8]]); // prettier-ignore
  assert.equal(verdict.states.size, 0);
});

test('a breach must last before it fires, and it fires since it began', () => {
  const verdict = judged({ for_seconds: 2 }, [[0, 11], [1, 9], [2, 11], [3, 11], [4, 11]]); // prettier-ignore
  assert.deepEqual(
    verdict.notifications.map(({ timeMs, sinceMs }) => [timeMs, sinceMs]),
    [[4_000, 2_000]],
  );
});

test('a cooldown is the rule’s; when it is over by rule time, all that it held back is sent together, oldest first', () => {
  const samples = [[0, 11, 'a'], [1, 11, 'b'], [2, 11, 'c'], [3, 11, 'd'], [3.5, 9, 'd'], [4, 9, 'a']] as const; // prettier-ignore
  const { notifications } = judged({ cooldown_seconds: 4 }, samples);
  const messages = notifications.filter(({ message }) => message);
  assert.deepEqual(
    messages.map(({ series, timeMs, sentOffset, deferred, past }) => [series, timeMs, sentOffset, deferred, past]),
    [
      ['["m","host","a"]', 0, 0, false, false],
      ['["m","host","b"]', 1_000, 5, true, true],
      ['["m","host","c"]', 2_000, 5, true, true],
    ],
  );
});

test('a device whose clock is ahead silences nobody: where rule time stands still, the clock ends the cooldown', () => {
  const samples = [[3_000, 11, 'a'], [1, 11, 'b'], [2, 11, 'c']] as const; // prettier-ignore
  const verdict = judged({ cooldown_seconds: 4 }, samples, [clock(3, 3, 4.9), clock(3, 4, 0.1)]);
  assert.deepEqual(sent(verdict), [['fired', 3_000, 11], ['fired', 1, 11], ['fired', 2, 11]]); // prettier-ignore
  const early = judged({ cooldown_seconds: 4 }, samples, [clock(3, 3, 4.9)]);
  assert.deepEqual(sent(early), [['fired', 3_000, 11]]);
});

test('what is deferred at its own series’ sample is sent with the present value', () => {
  const verdict = judged({ cooldown_seconds: 4 }, [[0, 11, 'a'], [1, 12, 'b'], [4, 13, 'b']]); // prettier-ignore
  assert.deepEqual(sent(verdict), [['fired', 0, 11], ['fired', 4, 13]]); // prettier-ignore
  assert.equal(verdict.notifications[1]?.at.offset, 1);
});

test('an alarm that still fires is sent again when that long has passed, at a sample or by the clock', () => {
  const samples = [[0, 11], [59, 12], [60, 13]] as const; // prettier-ignore
  assert.deepEqual(sent(judged({ remind_seconds: 60 }, samples)), [['fired', 0, 11], ['reminder', 60, 13]]); // prettier-ignore
  const byClock = judged({ remind_seconds: 60 }, [[0, 11]], [clock(1, 60, 60), clock(1, 61, 1), clock(1, 120, 59)]); // prettier-ignore
  assert.deepEqual(sent(byClock), [['fired', 0, 11], ['reminder', 0, 11]]); // prettier-ignore
});

test('every sample in breach is notified when the rule says so', () => {
  const verdict = judged({ trigger: 'every_sample', resolve_threshold: 9 }, [[0, 11], [1, 9.5], [2, 12]]); // prettier-ignore
  assert.deepEqual(sent(verdict), [['fired', 0, 11], ['fired', 2, 12]]); // prettier-ignore
});

test('a window is what the log holds in (T - W, T], late samples inside of it included', () => {
  const rule = { type: 'window_average', window_duration_seconds: 10, threshold: -1, trigger: 'every_sample' } as const;
  const verdict = judged(rule, [[0, 8], [10, 2], [1, 5], [0, 1_000], [11, 8]]); // prettier-ignore
  assert.deepEqual(sent(verdict), [['fired', 0, 8], ['fired', 10, 2], ['fired', 10, 3.5], ['fired', 11, 5]]); // prettier-ignore
});

test('a silence fires when the clock has passed the expected time, and ends at the next sample', () => {
  const rule = { no_data_seconds: 5, notify_on_resolve: true };
  const clocks = [clock(1, 5, 5), clock(1, 6, 1), clock(1, 7, 1), clock(2, 24, 17)];
  const verdict = judged(rule, [[0, 9], [20, 11]], clocks); // prettier-ignore
  assert.deepEqual(sent(verdict), [['no_data', 5, undefined], ['resolved', 20, 11], ['fired', 20, 11]]); // prettier-ignore
});

test('a device whose clock is behind, or that works off a backlog, is not missing', () => {
  const rule = { no_data_seconds: 5 };
  const samples = [[700, 9], [704, 9], [708, 9]] as const; // prettier-ignore
  const clocks = [clock(1, 1_004, 4), clock(2, 1_008, 4), clock(3, 1_012, 4)];
  assert.deepEqual(sent(judged(rule, samples, clocks)), []);
  assert.deepEqual(sent(judged(rule, samples, [...clocks, clock(3, 1_014, 2)])), [['no_data', 1_013, undefined]]);
});

test('a firing alarm says once that its series is silent, and what ends that', () => {
  const rule = { no_data_seconds: 5, notify_on_resolve: true };
  const clocks = [clock(1, 6, 6), clock(1, 20, 14)];
  const inBreach = judged(rule, [[0, 11], [21, 12], [22, 9]], clocks); // prettier-ignore
  assert.deepEqual(sent(inBreach), [['fired', 0, 11], ['no_data', 5, 11], ['resolved', 22, 9]]); // prettier-ignore
  assert.deepEqual(
    inBreach.notifications.map(({ kind }) => kind),
    ['fired', 'no_data', 'data_again', 'resolved'],
  );
});

test('after a restart no series is missing before the grace is over, and it was last received at T', () => {
  const rule = { no_data_seconds: 5 };
  const restart = { fromOffset: 1, isRestart: true } as const;
  const clocks = [clock(1, 100, 100), restart, clock(1, 105, 5)];
  assert.deepEqual(sent(judged(rule, [[98, 9]], [clock(0, 98, 98), restart, clock(1, 103, 5)])), []); // prettier-ignore
  assert.deepEqual(sent(judged(rule, [[98, 9]], [restart, ...clocks.slice(2), clock(1, 106, 1)])), [['no_data', 103, undefined]]); // prettier-ignore
});

test('a series silent for a day is forgotten: it fires again', () => {
  const day = 86_400;
  assert.deepEqual(sent(judged({}, [[0, 11], [day - 1, 12], [2 * day - 1, 13]])), [['fired', 0, 11], ['fired', 2 * day - 1, 13]]); // prettier-ignore
});

test('a new version keeps the alarm; deleting or disabling ends it, and nobody is told', () => {
  const version = { partition: 0, offset: 1 };
  const change = (fields: Partial<OracleRule>): OracleEvent => ({ fromOffset: 1, rule: ruleOf(fields), version });
  const samples = [[0, 11], [1, 11], [2, 9]] as const; // prettier-ignore
  const resolves = { notify_on_resolve: true };
  assert.deepEqual(sent(judged(resolves, samples, [change({ ...resolves, threshold: 5 })])), [['fired', 0, 11]]);
  const [, resolved] = judged(resolves, samples, [change({ ...resolves, threshold: 9.5 })]).notifications;
  assert.deepEqual([resolved?.kind, resolved?.version], ['resolved', version]);
  const disabled = change({ ...resolves, enabled: false });
  assert.deepEqual(sent(judged(resolves, samples, [disabled])), [['fired', 0, 11]]);
  assert.deepEqual(sent(judged(resolves, samples, [{ fromOffset: 1, deletedRuleId: id }])), [['fired', 0, 11]]);
  const again = [disabled, change(resolves)];
  assert.deepEqual(sent(judged(resolves, samples, again)), [['fired', 0, 11], ['fired', 1, 11], ['resolved', 2, 9]]); // prettier-ignore
});

test('ids are these UUIDs, made by Python’s uuid.uuid5', () => {
  const at = { partition: 3, offset: 1_234, timestampMs: 1_700_000_000_123 };
  const alarm = oracleAlarmId({ ruleId: id, series: '["m","host","a"]', at, cause: 'breach' });
  const silent = oracleAlarmId({ ruleId: id, series: '["m","host","a"]', at, cause: 'no_data' });
  assert.deepEqual(
    [alarm, silent, oracleNotificationId({ alarmId: alarm, kind: 'fired', at })],
    [
      '247a4278-e8d5-54ed-9ec5-87d9a6e3d913',
      '1b8ceb7b-d635-5a99-afb0-f9bdcdd0063c',
      'aa72a757-1de6-5804-a96d-8f9b05612445',
    ],
  );
});

test('a mean is rounded once, whatever the sizes of its values', () => {
  assert.equal(exactMean([0.1, 0.2, 0.3]), 0.2);
  assert.equal(exactMean([1e300, 1, -1e300, 2]), 0.75);
  assert.equal(exactMean([Number.MAX_VALUE, Number.MAX_VALUE]), Number.MAX_VALUE);
  assert.equal(exactMean([5e-324, 5e-324]), 5e-324);
  assert.equal(exactMean([-3, 3]), 0);
  const value = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 });
  fc.assert(
    fc.property(value, fc.integer({ min: 1, max: 9 }), (one, count) => {
      assert.equal(exactMean(Array.from({ length: count }, () => one)), one + 0); // prettier-ignore
    }),
  );
});

test('each form says the sample, and nothing that is poison says any', () => {
  const tags: Pairs = [['host', 'a'], ['__proto__', '"ü']]; // prettier-ignore
  for (const [index, form] of sampleForms.entries()) {
    for (const value of [0, -0.25, 12, 1e21, 5e-324]) {
      const read = readSample(Buffer.from('m'), Buffer.from(form(value, tags)), 0);
      assert.equal(read?.value, value, `form ${index}`);
      assert.deepEqual(read?.tags, new Map(tags), `form ${index}`);
      assert.equal(readSample(Buffer.from('m'), Buffer.from(form(value, [])), 0)?.tags.size, 0, `form ${index}`);
    }
  }
  for (const { key, value } of poisonRecords('m')) {
    assert.equal(readSample(key, value, 0), undefined, Buffer.from(value ?? []).toString().slice(0, 80)); // prettier-ignore
  }
  assert.equal(readSample(Buffer.from('m'), Buffer.from('{"value": 1}'), -1), undefined);
});
