import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packStorm, plainMessage } from '../../../src/receiver/discord/message.ts';
import type { Notification } from '../../../src/alarm/notification.ts';
import { factsOf, type ExpectedAlarm, type LedgerFacts } from './ledger-facts.ts';
import { alarmsOf, type LedgerEntry } from './ledger.ts';

const ruleId = '21433034-8078-4f1a-bb8d-1ac996db395d';

function due(x: number): Notification {
  return {
    id: String(x),
    kind: 'fired',
    alarmId: 'a',
    ruleId,
    ruleVersion: { partition: 0, offset: 0 },
    series: { name: 'odd, value 7, threshold 8, rule 9', tags: {} },
    x,
    rule: { id: ruleId, metric_name: 'received-packages', threshold: 1 },
    cause: 'breach',
    timeMs: 0,
    sinceMs: 0,
    sample: { partition: 0, offset: 0, timestampMs: 0 },
    message: true,
    deferred: false,
    isPast: false,
  };
}

let requests = 0;
function accepted(webhookId: string, values: readonly number[], more: Partial<LedgerEntry> & { footer?: string } = {}) {
  const { footer = '', ...rest } = more;
  const entry: LedgerEntry = {
    request: ++requests,
    atMs: 0,
    method: 'POST',
    webhookId,
    outcome: 'accepted',
    status: 200,
    code: 0,
    fault: '',
    messageId: String(requests),
    alarms: values.map((value) => ({
      title: 'Alarm triggered',
      ruleId,
      metricName: 'm',
      value: String(value),
      threshold: '1',
      footer,
    })),
    content: '',
    pings: [],
    whileEmpty: false,
    overlapped: false,
    ...rest,
  };
  return entry;
}
const expected = (webhookId: string, values: readonly number[]): ExpectedAlarm[] =>
  values.map((value) => ({ webhookId, ruleId, value: String(value) }));
const nothing: LedgerFacts = {
  lost: [],
  doubled: [],
  unexpected: [],
  outOfOrder: [],
  whileEmpty: [],
  overlapped: [],
  pings: [],
  invalidShare: 0,
};
const named = (webhookId: string, value: number) => `${webhookId} Alarm triggered ${ruleId} ${value}`;

test('a run without a fault has no fact against it', () => {
  const entries = [accepted('w', [1, 2]), accepted('v', [1]), accepted('w', [3])];
  assert.deepEqual(factsOf(entries, [...expected('w', [1, 2, 3]), ...expected('v', [1])], 0), nothing);
});

test('what never arrived is lost, what nobody asked for is unexpected', () => {
  const entries = [accepted('w', [1]), accepted('w', [2], { outcome: 'failed' }), accepted('w', [4])];
  const facts = factsOf(entries, expected('w', [1, 2]), 0);
  assert.deepEqual(facts, { ...nothing, lost: [named('w', 2)], unexpected: [named('w', 4)] });
});

test('copies are counted, and those that do not say so; one deleted again is none', () => {
  const entries = [
    accepted('w', [1, 2]),
    accepted('w', [1], { footer: 'possible repeat, sent late' }),
    accepted('w', [1]),
    accepted('w', [2], { messageId: 'second' }),
    accepted('w', [], { method: 'DELETE', messageId: 'second' }),
  ];
  const facts = factsOf(entries, expected('w', [1, 2]), 0);
  assert.deepEqual(facts, { ...nothing, doubled: [{ alarm: named('w', 1), copies: 3, unmarked: 1 }] });
});

test('order is that of first copies, and of each webhook by itself', () => {
  const entries = [accepted('w', [2]), accepted('v', [9]), accepted('w', [1, 3]), accepted('w', [2])];
  const facts = factsOf(entries, [...expected('v', [9]), ...expected('w', [1, 2, 3])], 0);
  assert.deepEqual(facts.outOfOrder, [named('w', 1)]);
});

test('requests against the rules, pings and the share of invalid ones are told', () => {
  const entries = [accepted('w', [], { whileEmpty: true, pings: ['@here'] }), accepted('w', [], { overlapped: true })];
  const [first, second] = entries.map((entry) => entry.request);
  assert.deepEqual(factsOf(entries, [], 0.5), {
    ...nothing,
    whileEmpty: [first],
    overlapped: [second],
    pings: ['@here'],
    invalidShare: 0.5,
  });
});

test('alarms in a list and in plain text are found as those in embeds are', () => {
  const notifications = Array.from({ length: 30 }, (_, index) => due(index));
  const storm = packStorm(notifications, { possibleRepeat: true });
  const inStorm = alarmsOf(storm.body);
  assert.deepEqual(
    inStorm.map((alarm) => alarm.value),
    notifications.slice(0, storm.carried.length).map(({ x }) => String(x)),
  );
  assert.ok(inStorm.length > 10 && inStorm.every(({ footer }) => footer.includes('possible repeat')));
  const plain = plainMessage(notifications.slice(0, 3), { possibleRepeat: true });
  assert.deepEqual(
    alarmsOf(plain.body).map(({ value, ruleId: id, threshold }) => [value, id, threshold]),
    ['0', '1', '2'].map((value) => [value, ruleId, '1']),
  );
  assert.ok(alarmsOf(plain.body).every(({ footer }) => footer.includes('possible repeat')));
});
