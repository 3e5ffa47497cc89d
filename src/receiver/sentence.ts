import { isOfSilence, type Notification } from '../alarm/notification.ts';
import type { MeasureType } from '../measure/measure.ts';
import { withPercentile } from '../measure/measure-words.ts';
import { measures } from '../measure/measures.ts';
import { shownValue } from '../measure/shown-value.ts';
import { groupWords } from '../rule/aggregate.ts';
import { comparisons } from '../rule/comparison.ts';
import { hasComputedValue, isClear, isInBreach } from '../rule/condition.ts';
import { ruleDefaults } from '../rule/rule-fields.ts';

/**
 * What happened, in a sentence, e.g. `received-packages is 508 which exceeds the rule threshold (500)`. `name`: the metric's, as the
 * receiver may show it.
 */
export function sentenceOf(notification: Notification, name: string): string {
  const { x, kind, isPast, timeMs, rule } = notification;
  if (kind === 'no_data') {
    const { no_data_seconds: seconds } = rule;
    const silence = seconds === undefined ? '' : ` for ${seconds} s`;
    return `${name} has sent no data${silence}${x === undefined ? '' : `; last value ${x}`}`;
  }
  if (rule.group_by !== undefined && x !== undefined) return groupSentence(notification, name);
  if (isOfSilence(notification))
    return `${name} has sent no data for ${lengthText(rule.resolve_without_data_seconds ?? 0)}`;
  const { words, hasWindow } = measureOf(notification);
  const value = filled(words.sentence, notification, name);
  if (kind === 'resolved' && notification.cause === 'no_data')
    return `${name} sends data again${x === undefined ? '' : `, and ${withoutPrefix(value, `${name} `)}`}`;
  if (x === undefined && notification.cause === 'no_data') return `${name} still sends no data`;
  if (x === undefined)
    return rule.threshold === undefined ? `${name} still fires` : `${name} still ${comparison(notification)}`;
  if (rule.threshold === undefined) return value;
  const past = isPast ? ` at ${timeText(timeMs)},` : hasWindow ? ',' : '';
  return `${value}${past} which ${comparison(notification)}`;
}

/** The same for a line that is read in passing, e.g. `received-packages is 508, above 500`. */
export function headlineOf(notification: Notification, name: string): string {
  const { x, kind, rule, isPast, timeMs } = notification;
  if (x === undefined || kind === 'no_data' || kind === 'resolved' || !isInBreach(rule, x))
    return sentenceOf(notification, name);
  const { short } = comparisons[rule.operator ?? ruleDefaults.operator].words;
  const value = valueSentence(notification, name);
  return `${value}${isPast ? ` at ${timeText(timeMs)}` : ''}, ${short} ${rule.threshold}`;
}

/** E.g. `the sum of requests is 508, which exceeds the rule threshold (500)`. */
function groupSentence(notification: Notification, name: string): string {
  const { isPast, timeMs, kind, cause } = notification;
  const value = valueSentence(notification, name);
  if (kind === 'resolved' && cause === 'no_data') return `${name} sends data again, and ${value}`;
  return `${value}${isPast ? ` at ${timeText(timeMs)}` : ''}, which ${comparison(notification)}`;
}

function valueSentence(notification: Notification, name: string): string {
  const { rule, isPast } = notification;
  if (rule.group_by === undefined) return filled(measureOf(notification).words.sentence, notification, name);
  const { before = '', after = '' } = groupWords(rule) ?? {};
  return `${before}${name}${after}${eachText(rule)} ${isPast ? 'was' : 'is'} ${valueText(notification)}`;
}

/** By what measure each member of a group has its value. */
function eachText({ type = ruleDefaults.type, window_duration_seconds: seconds }: Notification['rule']): string {
  if (seconds === undefined) return '';
  return ` (each series by its ${measures[type].words.noun.toLowerCase()} over the last ${seconds} s)`;
}

/** The value, or `no data`. */
export function valueText(notification: Notification): string {
  const { x, rule } = notification;
  if (x === undefined) return 'no data';
  const limits = [rule.threshold, rule.resolve_threshold].filter((limit) => limit !== undefined);
  return shownValue(x, hasComputedValue(rule), limits);
}

function measureOf({ rule: { type = ruleDefaults.type } }: Notification): MeasureType {
  return measures[type];
}

/** A measure's sentence about a value, e.g. `received-packages has averaged 508 over the last 60 s`. */
function filled(sentence: string, notification: Notification, name: string): string {
  const seconds = notification.rule.window_duration_seconds ?? 0;
  const parts: Readonly<Record<string, string>> = {
    name,
    value: valueText(notification),
    is: notification.isPast ? 'was' : 'is',
    window: lengthText(seconds),
    seconds: String(seconds),
  };
  return withPercentile(sentence, notification.rule.percentile).replace(
    /\{(\w+)\}/g,
    (_, part: string) => parts[part] ?? '',
  );
}

/** `60 s`, `5 min`, `1 h`. */
function lengthText(seconds: number): string {
  if (seconds >= 3_600 && seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds > 60 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

/** E.g. `14:02:01 UTC`. */
function timeText(timeMs: number): string {
  return Math.abs(timeMs) <= 8.64e15 ? `${new Date(timeMs).toISOString().slice(-13, -5)} UTC` : 'some time';
}

/** `, as did 3 of the last 5 values` */
function samplesText({ kind, rule: { for_samples: samples } }: Notification): string {
  return samples === undefined || kind !== 'fired'
    ? ''
    : `, as did ${samples.breaches} of the last ${samples.of} values`;
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
  if (x === undefined || isInBreach(rule, x))
    return `${words.breach} the rule threshold (${threshold})${samplesText(notification)}`;
  // Still firing, since the value must be clear for longer.
  if (recovery === undefined || isClear(rule, x))
    return `${words.resolved} the rule threshold (${threshold}), but not for long enough to resolve`;
  // Deferred, and sent while the value is between the two thresholds: still firing, and no longer in breach.
  return `${recovery.words.breachEarlier} the rule threshold (${threshold}) and is not back at the resolve threshold (${resolveThreshold})`;
}
