import type { Notification } from '../alarm/notification.ts';
import { comparisons } from '../rule/comparison.ts';
import { isInBreach } from '../rule/condition.ts';
import { ruleDefaults } from '../rule/rule-fields.ts';

/**
 * What happened, in a sentence, e.g. `received-packages is 508 which exceeds the rule threshold (500)`. `name`: the metric's, as the
 * receiver may show it.
 */
export function sentenceOf(notification: Notification, name: string): string {
  const { x, kind, isPast, timeMs } = notification;
  if (kind === 'no_data') {
    const { no_data_seconds: seconds } = notification.rule;
    const silence = seconds === undefined ? '' : ` for ${seconds} s`;
    return `${name} has sent no data${silence}${x === undefined ? '' : `; last value ${x}`}`;
  }
  const { window_duration_seconds: windowSeconds } = notification.rule;
  const isWindow = windowSeconds !== undefined;
  const value = isWindow
    ? `has averaged ${valueText(notification)} over the last ${windowSeconds} s`
    : `${isPast ? 'was' : 'is'} ${valueText(notification)}`;
  if (kind === 'resolved' && notification.cause === 'no_data')
    return `${name} sends data again${x === undefined ? '' : `, and ${value}`}`;
  if (x === undefined && notification.cause === 'no_data') return `${name} still sends no data`;
  if (x === undefined) return `${name} still ${comparison(notification)}`;
  const past = isPast ? ` at ${timeText(timeMs)},` : isWindow ? ',' : '';
  return `${name} ${value}${past} which ${comparison(notification)}`;
}

/** The value as JavaScript prints it, or `no data`. */
export function valueText(notification: Notification): string {
  return notification.x === undefined ? 'no data' : String(notification.x);
}

/** E.g. `14:02:01 UTC`. */
function timeText(timeMs: number): string {
  return Math.abs(timeMs) <= 8.64e15 ? `${new Date(timeMs).toISOString().slice(-13, -5)} UTC` : 'some time';
}

function comparison(notification: Notification): string {
  const { x, rule } = notification;
  const { operator = ruleDefaults.operator, threshold, resolve_threshold: resolveThreshold = threshold } = rule;
  const { recovery, words } = comparisons[operator];
  if (notification.kind === 'resolved') {
    if (recovery !== undefined && resolveThreshold !== threshold)
      return `is back at or ${recovery.words.clearSide} the resolve threshold (${resolveThreshold})`;
    return `${words.resolved} the rule threshold (${threshold})`;
  }
  if (x === undefined || recovery === undefined || isInBreach(rule, x))
    return `${words.breach} the rule threshold (${threshold})`;
  // Deferred, and sent while the value is between the two thresholds: still firing, and no longer in breach.
  return `${recovery.words.breachEarlier} the rule threshold (${threshold}) and is not back at the resolve threshold (${resolveThreshold})`;
}
