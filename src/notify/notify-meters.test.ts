import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Meter } from '../base/meter.ts';
import { systemClock } from '../base/clock.ts';
import { countNotify, reportNotify } from './notify-meters.ts';
import { holdBack, park } from './schedule/parking.ts';
import { SendGate } from './send-gate.ts';
import { SendGates } from './send-gates.ts';
import { discordAddressRate } from '../receiver/discord/limits.ts';

const nowMs = 1_800_000_000_000;
const trouble = {
  webhookId: '123',
  sinceMs: nowMs - 60_000,
  tries: 7,
  lastTryMs: nowMs - 1_000,
  nextTryMs: nowMs + 31_000,
};
const partition = {
  waiting: 7,
  oldestMs: Date.now() - 60_000,
  parked: () => [park('wh_0123456789ab', '404 Unknown Webhook (code 10015)', 0)],
  troubles: () => [{ ...trouble, webhook: 'wh_ba9876543210', reason: '502' }],
};

test('figures tell of each outcome, of what waits and for how long, and of parked webhooks', async () => {
  const meter = new Meter();
  const count = countNotify(
    meter,
    new Map([[3, partition]]),
    new SendGates(discordAddressRate, systemClock),
    systemClock,
  );
  for (const outcome of ['delivered', 'merged', 'parked', 'dead', 'expired', 'rerouted'] as const)
    count.ended(outcome, 1_000);
  count.limited(1_500);
  count.answered('rate_limited');
  const text = await meter.text();
  for (const outcome of ['delivered', 'merged', 'parked', 'dead', 'expired', 'rerouted'])
    assert.match(text, new RegExp(`^ssrms_notify_notifications_total{outcome="${outcome}"} 1$`, 'm'));
  assert.match(text, /^ssrms_notify_delay_seconds_count 2$/m);
  assert.match(text, /^ssrms_notify_limit_wait_seconds_sum 1\.5$/m);
  assert.match(text, /^ssrms_notify_answers_total{action="rate_limited"} 1$/m);
  assert.match(text, /^ssrms_notify_waiting 7$/m);
  assert.match(text, /^ssrms_notify_parked_webhooks 1$/m);
  assert.match(text, /^ssrms_notify_held_back_targets 0$/m);
  assert.match(text, /^ssrms_notify_invalid_answers 0$/m);
  assert.match(text, /^ssrms_notify_invalid_answers_max 80$/m);
  assert.match(text, /^ssrms_notify_failing_targets 1$/m);
  assert.match(text, /^ssrms_notify_target_tries{webhook_id="123",target="wh_ba9876543210"} 7$/m);
  assert.match(text, /^ssrms_notify_target_failing_seconds{webhook_id="123",target="wh_ba9876543210"} \d+/m);
  assert.match(text, /^ssrms_notify_oldest_seconds 6\d(\.\d+)?$/m);
});

test('health names each webhook in trouble by its hash, and why; and says when nobody may send', () => {
  const gate = new SendGate(40, systemClock, 48);
  assert.deepEqual(reportNotify(new Map(), gate, nowMs), { status: 'pass', detail: '0 notifications waiting' });
  const { status, detail } = reportNotify(new Map([[3, partition]]), gate, nowMs);
  assert.equal(status, 'warn');
  assert.equal(
    detail,
    '7 notifications waiting; parked webhooks: wh_0123456789ab: 404 Unknown Webhook (code 10015); failing webhooks: wh_ba9876543210: 502 (since 2027-01-15T07:59:00Z, 7 tries, next try in 31 s)',
  );
  const atMs = systemClock.monotonicMs();
  gate.answered({ kind: 'address_blocked', waitMs: 90_000, reason: '429' }, atMs, atMs);
  assert.match(reportNotify(new Map(), gate, nowMs).detail ?? '', /^Discord blocks this address for (90|89) s more; /);
});

test('health says how many webhooks are not tried yet, and why', () => {
  const gate = new SendGates(discordAddressRate, systemClock).shared;
  gate.judge(
    { key: '1', name: 'wh_1', isOpen: true },
    { kind: 'answered', status: 401, headers: {}, body: { code: 50_027, message: 'Invalid Webhook Token' } },
  );
  const parked = () => [holdBack('wh_0123456789ab', 0), holdBack('wh_ba9876543210', 0)];
  const held = { waiting: 0, oldestMs: undefined, parked, troubles: () => [] };
  assert.deepEqual(reportNotify(new Map([[3, held]]), gate, nowMs), {
    status: 'warn',
    detail:
      '0 notifications waiting; 2 webhooks not tried yet: 1 requests were refused in 10 min, and more than 80 might bring a ban of this address',
  });
});
