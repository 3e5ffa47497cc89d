import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileRule } from '../rule/condition.ts';
import type { Rule } from '../rule/rule.ts';
import type { AlarmEvent } from './alarm-event.ts';
import { ok, type Firing } from './alarm-state.ts';
import { formatNotification, notificationOf, parseNotification } from './notification.ts';
import { send, step } from './step.ts';

const token = 'a-secret-token-'.padEnd(68, 'x');
const rule: Rule = {
  id: '21433034-8078-4f1a-bb8d-1ac996db395d',
  metric_name: 'received-packages',
  threshold: 500,
  discord_webhook_url: `https://discord.com/api/webhooks/12345678901234567/${token}`,
};
const series = { name: 'received-packages', tags: { host: 'a' } };
const sampleEvent: AlarmEvent = {
  kind: 'sample',
  x: 508,
  timeMs: 20,
  sample: { partition: 3, offset: 9, timestampMs: 19 },
};

function notified(fields: Partial<Rule>, event: AlarmEvent) {
  const version = { ...rule, ...fields };
  const condition = compileRule(version);
  const { next } = step({ condition, subjectKey: 'key' }, ok, event);
  const own = event.kind === 'sample' ? event : undefined;
  const { due } = send(next as Firing, { own, isDelayed: false, sentMs: event.timeMs });
  return notificationOf('5b2c…', due, { rule: version, partition: 1, offset: 7 }, series);
}

test('A22: the public text of a notification says all of it', () => {
  const fields: Partial<Rule> = {
    resolve_threshold: 490,
    type: 'window_average',
    window_duration_seconds: 0.3,
    description: 'Too much',
  };
  const notification = notified(fields, sampleEvent);
  assert.deepEqual(JSON.parse(formatNotification(notification)), {
    id: notification.id,
    kind: 'fired',
    alarm_id: notification.alarmId,
    rule_id: rule.id,
    rule_version: { partition: 1, offset: 7 },
    rule: { id: rule.id, metric_name: 'received-packages', threshold: 500, ...fields },
    metric_name: 'received-packages',
    tags: { host: 'a' },
    x: 508,
    operator: '>',
    threshold: 500,
    resolve_threshold: 490,
    window_duration_seconds: 0.3,
    cause: 'breach',
    description: 'Too much',
    time_ms: 20,
    since_ms: 20,
    partition: 3,
    offset: 9,
    timestamp_ms: 19,
    owed: false,
  });
});

test('A22: a notification is read back as it was written', () => {
  const sample = { partition: 3, offset: 9, timestampMs: 20 };
  const silence: AlarmEvent = { kind: 'no_data', timeMs: 60_020, heardMs: 20, x: 7, ordinal: 0, sample };
  for (const notification of [notified({}, sampleEvent), notified({ no_data_seconds: 60, operator: '<' }, silence)]) {
    const written = formatNotification(notification);
    assert.deepEqual(parseNotification(written), notification);
    assert.deepEqual(parseNotification(new TextEncoder().encode(written)), notification);
  }
});

test('A22: a notification with a required field missing is a problem that names the field', () => {
  const whole = JSON.parse(formatNotification(notified({}, sampleEvent))) as Record<string, unknown>;
  for (const field of Object.keys(whole)) {
    // Fields of version 0.1 are required where `rule` is missing.
    if (['tags', 'x', 'rule', 'operator', 'threshold', 'owed'].includes(field)) continue;
    const read = parseNotification(JSON.stringify({ ...whole, [field]: undefined }));
    assert.ok('problem' in read, field);
    assert.match(read.problem, new RegExp(field));
  }
});

test('A22: what no message is sent of is read back, and no notifier of an older version can take it for a message', () => {
  const notice = { ...notified({}, sampleEvent), kind: 'resolved', message: false } as const;
  const written = formatNotification(notice);
  assert.deepEqual(parseNotification(written), notice);
  assert.equal((JSON.parse(written) as object & { owed?: boolean }).owed, undefined);
});

test('A22: what a cooldown has delayed is read back, also as versions before 0.3 wrote it', () => {
  const delayed = { ...notified({}, sampleEvent), deferred: true, isPast: true };
  assert.deepEqual(parseNotification(formatNotification(delayed)), delayed);
  const {
    deferred: _deferred,
    past: _past,
    ...old
  } = JSON.parse(formatNotification(delayed)) as Record<string, unknown>;
  assert.deepEqual(parseNotification(JSON.stringify(old)), { ...delayed, isPast: false });
});

test('A23: the webhook is in no notification', () => {
  assert.ok(!formatNotification(notified({}, sampleEvent)).includes(token));
});

test('A22: a notification of version 0.1, which has the fields of its rule beside each other, is read', () => {
  const fields: Partial<Rule> = { resolve_threshold: 490, type: 'window_average', window_duration_seconds: 60 };
  const notification = notified({ ...fields, description: 'Too much' }, sampleEvent);
  const { rule: _rule, ...written } = JSON.parse(formatNotification(notification)) as Record<string, unknown>;
  assert.deepEqual(parseNotification(JSON.stringify(written)), {
    ...notification,
    rule: { ...notification.rule, operator: '>' },
  });
});

test('A22: a notification whose rule has a field of another type is a problem that names the field', () => {
  const whole = JSON.parse(formatNotification(notified({}, sampleEvent))) as { rule: object };
  const read = parseNotification(JSON.stringify({ ...whole, rule: { ...whole.rule, threshold: 'x' } }));
  assert.deepEqual(read, { problem: 'rule.threshold is not as a rule has it' });
});
