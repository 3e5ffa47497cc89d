import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alarmId, notificationId } from './identity.ts';

const ruleId = '21433034-8078-4f1a-bb8d-1ac996db395d';
const place = { partition: 3, offset: 1_234, timestampMs: 1_700_000_000_000 };

test('A15: the ids are these, on every machine and in every version', () => {
  const id = alarmId(ruleId, '["received-packages"]', place, 'breach');
  // Both computed by another implementation (Python's uuid.uuid5).
  assert.equal(id, '43339786-83ad-5988-a9ad-787901f9f214');
  const due = { alarmId: id, kind: 'fired', sample: place, ordinal: 0 } as const;
  assert.equal(notificationId(due), 'bd58c544-753c-5f8d-8f3e-fd8e8c38b30d');
});

test('A15: an alarm’s id differs when anything it is a function of differs', () => {
  const ids = [
    alarmId(ruleId, '["a"]', place, 'breach'),
    alarmId(ruleId, '["a"]', place, 'no_data'),
    alarmId(ruleId, '["a"]', { ...place, ordinal: 1 }, 'no_data'),
    alarmId(ruleId, '["a","b","c"]', place, 'breach'),
    alarmId(ruleId.replace('2', '3'), '["a"]', place, 'breach'),
    alarmId(ruleId, '["a"]', { ...place, partition: 4 }, 'breach'),
    alarmId(ruleId, '["a"]', { ...place, offset: 1_235 }, 'breach'),
    alarmId(ruleId, '["a"]', { ...place, timestampMs: 1_700_000_000_001 }, 'breach'),
  ];
  assert.equal(new Set(ids).size, ids.length);
});

test('A15: a notification’s id differs by alarm, kind, offset, timestamp, ordinal and receiver', () => {
  const alarm = alarmId(ruleId, '["a"]', place, 'breach');
  const due = { alarmId: alarm, kind: 'fired', sample: place, ordinal: 0 } as const;
  const ids = [
    notificationId(due),
    notificationId({ ...due, kind: 'resolved' }),
    notificationId({ ...due, kind: 'no_data' }),
    notificationId({ ...due, kind: 'ended' }),
    notificationId({ ...due, alarmId: alarm.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) }),
    notificationId({ ...due, sample: { ...place, offset: 1_235 } }),
    notificationId({ ...due, sample: { ...place, timestampMs: 0 } }),
    notificationId({ ...due, ordinal: 1 }),
    notificationId(due, 'receiver:ops'),
  ];
  assert.equal(new Set(ids).size, ids.length);
});

test('A15: an alarm ends without a sample only once, whatever the newest sample is', () => {
  const due = { alarmId: 'some-alarm', kind: 'ended', sample: place, ordinal: 0 } as const;
  assert.equal(notificationId(due), notificationId({ ...due, sample: { ...place, offset: 9 } }));
});

test('A15: names that are not Latin are named too', () => {
  assert.match(alarmId(ruleId, '["größe 尺寸 📦"]', place, 'breach'), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-/);
});
