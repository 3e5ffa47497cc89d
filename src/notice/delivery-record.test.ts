import { test } from 'node:test';
import assert from 'node:assert/strict';
import { formatDeliveryRecord, outcomes, parseDeliveryRecord, type DeliveryRecord } from './delivery-record.ts';

const common = { notificationId: 'n1', webhookId: '123456789012345678', atMs: 1_000 };
const attempt: DeliveryRecord = { ...common, kind: 'attempt', attemptId: 'a1', attempt: 2, deadlineMs: 16_000 };
const withdrawn: DeliveryRecord = {
  ...common,
  kind: 'withdrawn',
  attemptId: 'a1',
  attemptAtMs: 900,
  notBeforeMs: 1_500,
  webhook: 'wh_0123456789ab',
  webhookNotBeforeMs: 1_700,
};
const none = {
  messageId: undefined,
  attemptId: undefined,
  reason: undefined,
  webhook: undefined,
  offset: undefined,
  possibleRepeat: false,
};

test('an attempt, its withdrawal and every outcome are read as they were written', () => {
  const ends = outcomes.flatMap((outcome): DeliveryRecord[] => [
    { ...common, kind: 'outcome', outcome, ...none },
    {
      ...common,
      kind: 'outcome',
      outcome,
      messageId: '17',
      attemptId: 'a1',
      reason: '404 gone',
      webhook: 'wh_0123456789ab',
      offset: 7,
      possibleRepeat: true,
    },
  ]);
  for (const record of [attempt, withdrawn, ...ends])
    assert.deepEqual(parseDeliveryRecord(formatDeliveryRecord(record)), record);
});

test('records from before there were merged and parked ones are read', () => {
  const head = '"notification_id":"n1","webhook_id":"123456789012345678"';
  assert.deepEqual(
    parseDeliveryRecord(`{"kind":"attempt",${head},"attempt_id":"a1","attempt":2,"at_ms":1000,"deadline_ms":16000}`),
    attempt,
  );
  assert.deepEqual(
    parseDeliveryRecord(`{"kind":"outcome",${head},"outcome":"delivered","message_id":"17","at_ms":1000}`),
    { ...common, kind: 'outcome', outcome: 'delivered', ...none, messageId: '17' },
  );
});

test('what is no such record is told with its field', () => {
  for (const [text, problem] of [
    ['{"kind":"outcome","notification_id":"n1","webhook_id":"1","outcome":"lost","at_ms":1}', /outcome/],
    ['{"kind":"attempt","notification_id":"n1","webhook_id":"1","at_ms":1}', /attempt_id/],
    ['[]', /./],
    ['{', /./],
  ] as const) {
    const record = parseDeliveryRecord(text);
    assert.ok('problem' in record && problem.test(record.problem), JSON.stringify(record));
  }
});
