import { tagsIfAny } from '../../metric/sample.ts';
import { maskedRule } from '../../rule/masked-rule.ts';
import type { RuleView } from '../../wire/rules.ts';
import { heardMs } from '../live/deliveries-view.ts';
import type { Sending } from '../live/sending.ts';
import { shownAlarm } from './shown-alarm.ts';
import type { CurrentValue } from './current-value.ts';
import type { RuleGlance } from './rule-glance.ts';
import type { RuleSummary } from './rule-summary.ts';

/** A rule as all routes of the console show it: with its state, and what one looks for first. */
export function shownRule(summary: RuleSummary, glance: RuleGlance, current: CurrentValue): RuleView {
  const { entry, state, firing, pending, series, worst } = summary;
  const { isSeen, nearest, cooldownLeftMs, deferred, fires24h, lastSending } = glance;
  return {
    // The webhook's URL is a secret that only the rules API gives.
    rule: maskedRule(entry),
    state,
    firing,
    pending,
    series,
    worst: worst === undefined ? undefined : shownAlarm(worst, current(worst)),
    is_seen: isSeen,
    // What says nothing is left out: a page of rules is asked for every other second.
    is_window_held: nearest !== undefined && nearest.value === undefined ? false : undefined,
    value: nearest?.value,
    value_ms: nearest?.atMs,
    is_old: nearest?.isOld === true ? true : undefined,
    value_tags: nearest === undefined ? undefined : tagsIfAny(nearest.tags),
    spark: nearest?.spark.map((value) => Number(value.toPrecision(5))),
    window_samples: nearest?.windowSamples,
    cooldown_left_ms: cooldownLeftMs > 0 ? cooldownLeftMs : undefined,
    deferred: deferred > 0 ? deferred : undefined,
    fires_24h: fires24h,
    delivery: lastSending === undefined ? undefined : shownSending(lastSending),
  };
}

function shownSending(sending: Sending): NonNullable<RuleView['delivery']> {
  const { outcome, attempts, attemptedMs, outcomeMs, reason } = sending;
  const isDelivered = outcome === 'delivered' || outcome === 'merged';
  return {
    outcome,
    at_ms: heardMs(sending),
    took_ms: isDelivered && attemptedMs !== undefined ? Math.max(0, (outcomeMs ?? 0) - attemptedMs) : undefined,
    attempts,
    reason,
  };
}
