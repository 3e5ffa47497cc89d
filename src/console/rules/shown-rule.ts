import { Type } from 'typebox';
import { maskedWebhookUrl } from '../../receiver/discord/address.ts';
import { heardMs, type Sending } from '../live/deliveries-view.ts';
import { AlarmSchema, shownAlarm } from '../live/shown-alarm.ts';
import type { CurrentValue } from './current-value.ts';
import type { RuleGlance } from './rule-glance.ts';
import type { RuleSummary } from './rule-search.ts';

/** A rule as all routes of the console show it: with its state, and what one looks for first. */
export const RuleSchema = Type.Object({
  rule: Type.Object({}, { description: 'The rule, its webhook masked' }),
  state: Type.Enum(['firing', 'pending', 'ok', 'disabled']),
  firing: Type.Integer(),
  pending: Type.Integer(),
  series: Type.Integer(),
  worst: Type.Optional(AlarmSchema),
  is_seen: Type.Boolean({ description: 'Whether a sample that it could judge was seen since this console began' }),
  value: Type.Optional(Type.Number({ description: 'What it compares, of the series nearest to firing' })),
  is_window_held: Type.Optional(
    Type.Literal(false, { description: 'Its window reaches back further than what is held here: `value` is left out' }),
  ),
  value_ms: Type.Optional(Type.Number()),
  is_old: Type.Optional(
    Type.Literal(true, {
      description: 'All that it judges has been silent for longer than it uses to be: `value` is not current',
    }),
  ),
  value_tags: Type.Optional(Type.Record(Type.String(), Type.String())),
  spark: Type.Optional(Type.Array(Type.Number(), { description: 'The last values of that series, newest last' })),
  window_samples: Type.Optional(Type.Integer({ description: 'In its window' })),
  cooldown_left_ms: Type.Optional(Type.Number()),
  owed: Type.Optional(Type.Integer({ description: 'Alarms whose message waits for the cooldown' })),
  fires_24h: Type.Integer({ description: 'How often it fired in 24 hours, to a quarter of an hour' }),
  delivery: Type.Optional(
    Type.Object({
      outcome: Type.String(),
      at_ms: Type.Number(),
      took_ms: Type.Optional(Type.Number({ description: "Until Discord's answer" })),
      attempts: Type.Integer(),
      reason: Type.Optional(Type.String()),
    }),
  ),
});

export function shownRule(summary: RuleSummary, glance: RuleGlance, current: CurrentValue) {
  return { ...shownSummary(summary, current), ...shownGlance(glance) };
}

/** The webhook's URL is a secret that only the rules API gives. */
function shownSummary({ entry, state, firing, pending, series, worst }: RuleSummary, current: CurrentValue) {
  const rule = { ...entry.rule, discord_webhook_url: maskedWebhookUrl(entry.webhook) };
  return {
    rule,
    state,
    firing,
    pending,
    series,
    ...(worst !== undefined && { worst: shownAlarm(worst, current(worst)) }),
  };
}

/** What says nothing is left out: a page of rules is asked for every other second. */
function shownGlance({ isSeen, nearest, cooldownLeftMs, owed, fires24h, lastSending }: RuleGlance) {
  return {
    is_seen: isSeen,
    ...(nearest !== undefined && {
      ...(nearest.value === undefined ? { is_window_held: false as const } : { value: nearest.value }),
      value_ms: nearest.atMs,
      ...(nearest.isOld && { is_old: true as const }),
      ...(Object.keys(nearest.tags).length > 0 && { value_tags: nearest.tags }),
      spark: nearest.spark.map((value) => Number(value.toPrecision(5))),
      ...(nearest.windowSamples !== undefined && { window_samples: nearest.windowSamples }),
    }),
    ...(cooldownLeftMs > 0 && { cooldown_left_ms: cooldownLeftMs }),
    ...(owed > 0 && { owed }),
    fires_24h: fires24h,
    ...(lastSending !== undefined && { delivery: shownSending(lastSending) }),
  };
}

function shownSending(sending: Sending) {
  const { outcome, attempts, attemptedMs, outcomeMs, reason } = sending;
  const isDelivered = outcome === 'delivered' || outcome === 'merged';
  return {
    outcome,
    at_ms: heardMs(sending),
    ...(isDelivered && attemptedMs !== undefined && { took_ms: Math.max(0, (outcomeMs ?? 0) - attemptedMs) }),
    attempts,
    ...(reason !== undefined && { reason }),
  };
}
