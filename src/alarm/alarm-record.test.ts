import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { tagsOf } from '../metric/sample.ts';
import {
  alarmRecordKey,
  formatAlarmRecord,
  keyOfAlarmRecord,
  parseAlarmRecord,
  parseAlarmRecordKey,
  supersedes,
  type AlarmRecord,
} from './alarm-record.ts';
import { ok, type AlarmState } from './alarm-state.ts';
import { deferredKinds, notificationKinds, type Due } from './due.ts';

const encoder = new TextEncoder();
const ruleId = '21433034-8078-4f1a-bb8d-1ac996db395d';

const time = fc.integer({ min: 0, max: 4e12 });
const offset = fc.nat();
const maybeTime = fc.option(time, { nil: undefined });
const maybeValue = fc.option(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0),
  { nil: undefined },
);
/** -1 where no sample of the subject was ever seen. */
const sampleOffset = fc.integer({ min: -1, max: 2 ** 31 });
const somePlace = fc.record({ partition: fc.constant(3), offset: sampleOffset, timestampMs: time });
const cause = { sample: somePlace, x: maybeValue, timeMs: time };
const due: fc.Arbitrary<Due> = fc.record({
  kind: fc.constantFrom(...notificationKinds),
  alarmId: fc.uuid(),
  cause: fc.constantFrom('breach' as const, 'no_data' as const),
  level: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  forLevels: fc.option(fc.array(fc.integer({ min: 1, max: 4 })), { nil: undefined }),
  sinceMs: time,
  ...cause,
  ordinal: fc.nat(2),
  message: fc.boolean(),
  deferred: fc.boolean(),
  isPast: fc.boolean(),
});
const recent = fc.option(fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }), { nil: undefined });
const levels = fc.option(
  fc.array(
    fc.record({
      state: fc.constantFrom('ok' as const, 'pending' as const, 'firing' as const),
      sinceMs: maybeTime,
      clearSinceMs: maybeTime,
      notified: fc.constantFrom(true as const, undefined),
    }),
    { minLength: 2, maxLength: 4 },
  ),
  { nil: undefined },
);
const states: fc.Arbitrary<AlarmState> = fc.oneof(
  fc.constant(ok),
  fc.record({ state: fc.constant('pending' as const), sinceMs: time, recent, levels }),
  fc.record({
    state: fc.constant('firing' as const),
    sinceMs: time,
    alarmId: fc.uuid(),
    cause: fc.constantFrom('breach' as const, 'no_data' as const),
    notified: fc.boolean(),
    deferred: fc.option(fc.record({ kind: fc.constantFrom(...deferredKinds), ...cause, ordinal: fc.nat(2) }), {
      nil: undefined,
    }),
    recent,
    levels,
    clearSinceMs: maybeTime,
    silentSinceMs: maybeTime,
    messagedMs: maybeTime,
  }),
);
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((each) => !/\p{Cc}/u.test(each));
const tags = fc
  .array(fc.tuple(fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString')), text), { maxLength: 5 })
  .map(tagsOf);
const records: fc.Arbitrary<AlarmRecord> = fc.record({
  ruleId: fc.uuid(),
  ruleVersion: fc.record({ partition: fc.nat(2), offset }),
  series: fc.record({ name: text, tags }),
  state: states,
  ruleMemory: fc.record({
    lastSentMs: maybeTime,
    lastSentOffset: fc.option(offset, { nil: undefined }),
    sentCount: fc.nat(),
    ruleTimeMs: maybeTime,
  }),
  toSend: fc.option(fc.array(due, { minLength: 1, maxLength: 2 }), { nil: undefined }),
  decidedAt: fc.option(offset, { nil: undefined }),
  deferredAfter: fc.nat(),
  value: maybeValue,
  clockDues: fc.nat(3),
  endedMs: maybeTime,
  x: maybeValue,
  timeMs: time,
  sample: somePlace,
  revision: fc.nat(3),
});

test('A22: a state is read back as it was written, from text and from bytes', () => {
  fc.assert(
    fc.property(records, (record) => {
      const written = formatAlarmRecord(record);
      for (const value of [written, encoder.encode(written)]) {
        const read = parseAlarmRecord(value);
        assert.ok(!('problem' in read));
        // A JSON text is a fair comparison, whatever prototypes the two have.
        assert.equal(formatAlarmRecord(read), written);
        assert.equal(keyOfAlarmRecord(read), keyOfAlarmRecord(record));
      }
    }),
  );
});

const firing: AlarmRecord = {
  ruleId,
  ruleVersion: { partition: 1, offset: 7 },
  series: { name: 'received-packages', tags: { host: 'a' } },
  state: { state: 'firing', sinceMs: 10, alarmId: 'some-id', cause: 'breach', notified: true, messagedMs: 10 },
  ruleMemory: { lastSentMs: 10, lastSentOffset: 1_230, sentCount: 3, ruleTimeMs: 11 },
  deferredAfter: 0,
  clockDues: 0,
  x: 508,
  timeMs: 10,
  sample: { partition: 3, offset: 1_234, timestampMs: 9 },
  revision: 1,
};

test('A22: the public text of a state is this', () => {
  assert.deepEqual(JSON.parse(formatAlarmRecord(firing)), {
    rule_id: ruleId,
    rule_version: { partition: 1, offset: 7 },
    metric_name: 'received-packages',
    tags: { host: 'a' },
    state: 'firing',
    since_ms: 10,
    alarm_id: 'some-id',
    cause: 'breach',
    notified: true,
    owed: false,
    messaged_ms: 10,
    last_sent_ms: 10,
    last_sent_offset: 1_230,
    sent_count: 3,
    rule_time_ms: 11,
    x: 508,
    time_ms: 10,
    partition: 3,
    offset: 1_234,
    timestamp_ms: 9,
    revision: 1,
  });
  assert.equal(keyOfAlarmRecord(firing), `${ruleId} ["received-packages","host","a"]`);
});

test('A22: a record with any field missing or of a wrong type is a problem that names the field', () => {
  const whole = JSON.parse(formatAlarmRecord(firing)) as Record<string, unknown>;
  const memory = ['last_sent_ms', 'last_sent_offset', 'sent_count', 'rule_time_ms', 'messaged_ms'];
  const optional = ['tags', 'x', 'revision', ...memory];
  for (const field of Object.keys(whole)) {
    for (const wrong of [undefined, null, [], 'text of no use', -1.5, true]) {
      if (
        typeof wrong === typeof whole[field] &&
        !Array.isArray(wrong) &&
        wrong !== null &&
        !['state', 'cause', 'partition', 'offset', 'sent_count', 'last_sent_offset', 'revision'].includes(field)
      )
        continue;
      if (wrong === undefined && optional.includes(field)) continue;
      const read = parseAlarmRecord(JSON.stringify({ ...whole, [field]: wrong }));
      assert.ok('problem' in read, `${field} = ${JSON.stringify(wrong)}`);
      assert.match(read.problem, new RegExp(field));
    }
  }
  for (const other of ['', '{', '[]', '"x"', 'null', '7']) assert.ok('problem' in parseAlarmRecord(other));
  assert.ok('problem' in parseAlarmRecord(new Uint8Array([0xff])));
});

test('A22: a record of a version without levels, for_samples and resolve_for_seconds is read', () => {
  const old = JSON.parse(formatAlarmRecord(firing)) as object;
  for (const field of ['levels', 'level', 'notified_level', 'recent', 'clear_since_ms'])
    assert.ok(!(field in old), field);
  const read = parseAlarmRecord(JSON.stringify(old));
  assert.ok(!('problem' in read));
  assert.equal(formatAlarmRecord(read), formatAlarmRecord(firing));
});

test('A22: what a version before 0.3 deferred stands for the sample of its record', () => {
  const { messaged_ms: _messaged, ...old } = JSON.parse(formatAlarmRecord(firing)) as Record<string, unknown>;
  const read = parseAlarmRecord(JSON.stringify({ ...old, owed: true }));
  assert.ok(!('problem' in read) && read.state.state === 'firing');
  const { sample, x, timeMs } = firing;
  assert.deepEqual(read.state.deferred, { kind: 'fired', sample, ordinal: 0, x, timeMs });
});

test('A22: a key is taken apart again', () => {
  const series = '["a b","c d","e f"]';
  assert.deepEqual(parseAlarmRecordKey(alarmRecordKey(ruleId, series)), { ruleId, seriesKey: series });
  assert.equal(parseAlarmRecordKey('nothing'), undefined);
});

test('A24: of two records the larger offset holds, then the larger revision, then the later', () => {
  const at = (place: number, revision: number, partition = 0) => {
    return { sample: { partition, offset: place, timestampMs: 1_000 * partition }, revision };
  };
  assert.equal(supersedes(at(2, 0), at(1, 3)), true);
  assert.equal(supersedes(at(1, 3), at(2, 0)), false);
  assert.equal(supersedes(at(1, 1), at(1, 0)), true);
  assert.equal(supersedes(at(1, 0), at(1, 1)), false);
  assert.equal(supersedes(at(1, 1), at(1, 1)), true);
  // Of two partitions the later sample.
  assert.equal(supersedes(at(1, 0, 21), at(500, 0, 3)), true);
  assert.equal(supersedes(at(500, 0, 3), at(1, 0, 21)), false);
});

test('A22: the levels of an alarm are numbered from the least severe on', () => {
  const own = [
    { state: 'firing', sinceMs: 5, notified: true },
    { state: 'firing', sinceMs: 7 },
    { state: 'ok' },
  ] as const;
  const written = JSON.parse(formatAlarmRecord({ ...firing, state: { ...firing.state, levels: own } as AlarmState }));
  assert.deepEqual(
    [written.levels, written.level, written.notified_level],
    [[{ state: 'firing', since_ms: 5, notified: true }, { state: 'firing', since_ms: 7 }, { state: 'ok' }], 2, 1],
  );
});
