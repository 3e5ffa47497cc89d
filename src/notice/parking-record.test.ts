import { test } from 'node:test';
import assert from 'node:assert/strict';
import { formatParkingRecord, isParkingKey, parseParkingRecord, type ParkingRecord } from './parking-record.ts';

const common = { webhook: 'wh_0123456789ab', webhookId: '123456789012345678', atMs: 1_000 };
const parked = {
  reason: '404 gone',
  sinceMs: 1,
  probes: 2,
  scheduledAtMs: 3,
  probeAtMs: 4,
  ruleIds: ['a', 'b'],
  isTarget: true,
};

test('a parked webhook and a free one are read as they were written', () => {
  for (const record of [
    { ...common, parked },
    { ...common, webhook: `${common.webhook}/123456789012345678`, parked: { ...parked, isTarget: false } },
    { ...common, parked: undefined },
    {
      ...common,
      parked: undefined,
      failing: { reason: '500', sinceMs: 1, tries: 2, lastTryMs: 3, nextTryMs: 4 },
    },
  ] satisfies ParkingRecord[])
    assert.deepEqual(parseParkingRecord(formatParkingRecord(record)), record);
});

test('what is no such record is told with its field', () => {
  const written = JSON.parse(formatParkingRecord({ ...common, parked })) as Record<string, unknown>;
  for (const [field, wrong] of [
    ['kind', 'outcome'],
    ['webhook', 7],
    ['webhook_id', null],
    ['state', 'gone'],
    ['reason', undefined],
    ['since_ms', '1'],
    ['probes', -1],
    ['scheduled_ms', null],
    ['next_probe_ms', null],
    ['rule_ids', [1]],
    ['at_ms', undefined],
  ] as const) {
    const record = parseParkingRecord(JSON.stringify({ ...written, [field]: wrong }));
    assert.ok('problem' in record && record.problem.includes(field), `${field}: ${JSON.stringify(record)}`);
  }
});

test('its key is told from that of a notification', () => {
  assert.ok(isParkingKey(Buffer.from(common.webhook)));
  for (const key of [null, Buffer.from(''), Buffer.from('wh'), Buffer.from('0123456789abcdef')])
    assert.ok(!isParkingKey(key));
});
