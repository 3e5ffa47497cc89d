import { test } from 'node:test';
import assert from 'node:assert/strict';
import {
  allSkewed,
  formatInstanceRecord,
  noSkew,
  parseInstanceRecord,
  type InstanceRecord,
} from './instance-record.ts';

const record: InstanceRecord = {
  id: '0f8fad5b-d9cb-469f-a165-70867728950e',
  name: 'web-1:4711',
  parts: ['alarms'],
  version: '1.2.3',
  startedMs: 1_000,
  atMs: 5_000,
  everyMs: 2_000,
  ended: false,
  rules: [3, 0, 7],
  evaluate: {
    partitions: [[2, 40, 5]],
    series: 9,
    samples: { evaluated: 40, bad_json: 1 },
    misrouted: 0,
    ahead: { count: 12, first: [['cpu{host=a}', 600]] },
    behind: noSkew,
    refusedWindows: [['cpu', 'window_max 60000', 3]],
  },
  health: { status: 'warn', problems: ['topics: metrics has LogAppendTime'] },
  notify: { partitions: [1, 2], waiting: 3, parked: 1, failing: 2, heldBackMs: 0 },
};

test('what is written is read again, with and without its parts', () => {
  const without = { ...record, ended: true, evaluate: undefined, notify: undefined };
  for (const each of [record, without]) assert.deepEqual(parseInstanceRecord(formatInstanceRecord(each)), each);
});

test('skewed series of many partitions are counted together, and those that differ most named', () => {
  const part = (offset: number) => ({
    count: 20,
    first: Array.from({ length: 10 }, (_, nth) => [`s${offset}-${nth}`, 100 - 10 * nth - offset] as const),
  });
  const { count, first } = allSkewed([part(1), noSkew, part(0)]);
  assert.equal(count, 40);
  assert.deepEqual(
    first.map(([, seconds]) => seconds),
    [100, 99, 90, 89, 80, 79, 70, 69, 60, 59],
  );
  assert.deepEqual(allSkewed([]), noSkew);
});

test('what another version adds or changes is passed over; what is no record is named', () => {
  const other = {
    ...(JSON.parse(formatInstanceRecord(record)) as object),
    rules: 'many',
    more: 1,
    parts: [1, 'alarms'],
  };
  const read = parseInstanceRecord(JSON.stringify(other));
  assert.ok(!('problem' in read));
  assert.deepEqual([read.rules, read.parts], [[], ['alarms']]);
  assert.deepEqual(parseInstanceRecord('{'), { problem: 'the record must be JSON in UTF-8' });
  assert.deepEqual(parseInstanceRecord('{}'), { problem: 'id must be a string' });
});
