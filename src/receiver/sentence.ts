import type { Notification } from '../alarm/notification.ts';
import { isOfSilence } from '../alarm/of-silence.ts';
import { withPercentile } from '../measure/measure-words.ts';
import { measures } from '../measure/measures.ts';
import { shownValue } from '../measure/shown-value.ts';
import { comparedParts, isPercentage, lengthText, percentText, type SentencePart } from '../rule/compared-words.ts';
import { comparisons } from '../rule/comparison.ts';
import { hasComputedValue, isClear, isInBreach, nearestThreshold } from '../rule/condition.ts';
import { thresholdAt, thresholdsOf } from '../rule/rule-level.ts';
import { ruleDefaults } from '../rule/rule-fields.ts';

/** How a receiver shows what somebody else wrote. */
export interface ShownTexts {
  readonly metric: (text: string) => string;
  readonly tag: (text: string) => string;
}

/** Of more tags than these a sentence says nothing: they stand beside it. */
const tagsSaidMax = 3;

/** What happened, in a sentence, e.g. `received-packages is 508 which exceeds the rule threshold (500)`. */
export function sentenceOf(notification: Notification, shown: ShownTexts): string {
  const { x, kind, cause, isPast, timeMs, rule, series } = notification;
  const name = `${shown.metric(series.name)}${groupText(notification, shown)}`;
  if (kind === 'no_data') {
    const { no_data_seconds: seconds } = rule;
    const silence = seconds === undefined ? '' : ` for ${seconds} s`;
    return `${name} has sent no data${silence}${x === undefined ? '' : `; last value ${valueText(notification)}`}`;
  }
  if (isOfSilence(notification))
    return `${name} has sent no data for ${lengthText(rule.resolve_without_data_seconds ?? 0)}`;
  if (x === undefined && cause === 'no_data')
    return `${name} ${kind === 'resolved' ? 'sends data again' : 'still sends no data'}`;
  if (x === undefined)
    return thresholdOf(notification) === undefined
      ? `${name} still fires`
      : `${name} still ${comparison(notification)}`;
  const value = valueSentence(notification, shown);
  if (kind === 'resolved' && cause === 'no_data')
    return `${name} sends data again, and ${withoutPrefix(value, `${name} `)}`;
  if (thresholdOf(notification) === undefined) return value;
  const isLong = rule.group_by !== undefined || measures[rule.type ?? ruleDefaults.type].hasWindow;
  const past = isPast ? ` at ${timeText(timeMs)},` : isLong ? ',' : '';
  return `${value}${past} which ${comparison(notification)}`;
}

/** The same for a line that is read in passing, e.g. `received-packages is 508, above 500`. */
export function headlineOf(notification: Notification, shown: ShownTexts): string {
  const { x, kind, rule, level, isPast, timeMs } = notification;
  if (x === undefined || kind === 'no_data' || kind === 'resolved' || !isInBreach(rule, x, level))
    return sentenceOf(notification, shown);
  const { short } = comparisons[rule.operator ?? ruleDefaults.operator].words;
  const value = valueSentence(notification, shown);
  return `${value}${isPast ? ` at ${timeText(timeMs)}` : ''}, ${short} ${limitText(thresholdOf(notification), rule)}`;
}

/** Whether a notification's sentences name the group that it is about. */
export function namesGroup({ series: { group } }: Notification): boolean {
  return group !== undefined && Object.keys(group).length <= tagsSaidMax;
}

/** E.g. `the sum of requests of service checkout is 508`. */
function valueSentence(notification: Notification, shown: ShownTexts): string {
  const { rule, series, isPast } = notification;
  const group = namesGroup(notification) ? series.group : undefined;
  const isShare = isPercentage(rule);
  // A rule of somebody else's may have any number of tags.
  const isNamed = Object.keys(rule.tags ?? {}).length <= tagsSaidMax;
  const { group_by: by, ...others } = rule;
  const parts = comparedParts(
    {
      ...others,
      metric_name: series.name,
      ...(isNamed || rule.divide_by === undefined ? {} : { tags: {} }),
      ...(by && { group_by: group === undefined ? [] : by }),
    },
    { group, hasTags: false },
  );
  if (parts === undefined) return filled(measures[rule.type ?? ruleDefaults.type].words.sentence, notification, shown);
  const shownPart = ({ kind, text }: SentencePart): string =>
    kind === 'metric' ? shown.metric(text) : kind === 'tag' ? shown.tag(text) : text;
  const value = isShare ? percentText(notification.x!, limitsOf(rule)) : valueText(notification);
  return `${parts.map(shownPart).join('')} ${isPast ? 'was' : 'is'} ${value}${divisorText(notification)}`;
}

/** What a ratio is of, where that is known: ` (of 412)`. */
function divisorText({ members, isPast, rule }: Notification): string {
  const divisor = members?.divisor;
  if (divisor === undefined || isPast || rule.divide_by === undefined) return '';
  return ` (${isPercentage(rule) ? 'of' : 'divided by'} ${shownValue(divisor, true)})`;
}

/** ` of service checkout`; nothing of a series. */
function groupText(notification: Notification, { tag }: ShownTexts): string {
  const { group = {} } = notification.series;
  const names = Object.entries(group).map(([key, value]) =>
    value === null ? `no ${tag(key)}` : `${tag(key)} ${tag(value)}`,
  );
  return names.length === 0 || !namesGroup(notification) ? '' : ` of ${names.join(', ')}`;
}

/** The threshold that a message is about: its level's; of one that has resolved the first that the value is not past. */
export function thresholdOf({ rule, level, kind, x }: Notification): number | undefined {
  return kind === 'resolved' && x !== undefined ? nearestThreshold(rule, x) : thresholdAt(rule, level);
}

/** The value, or `no data`. */
export function valueText({ x, rule }: Notification): string {
  return x === undefined ? 'no data' : shownValue(x, hasComputedValue(rule), limitsOf(rule));
}

function limitsOf(rule: Notification['rule']): number[] {
  return [...thresholdsOf(rule), rule.resolve_threshold].filter((limit) => limit !== undefined);
}

/** A threshold as sentences have it. */
function limitText(limit: number | undefined, rule: Notification['rule']): string {
  return limit !== undefined && isPercentage(rule) ? percentText(limit) : String(limit);
}

/** A measure's sentence about a value, e.g. `received-packages has averaged 508 over the last 60 s`. */
function filled(sentence: string, notification: Notification, { metric }: ShownTexts): string {
  const seconds = notification.rule.window_duration_seconds ?? 0;
  const parts: Readonly<Record<string, string>> = {
    name: metric(notification.series.name),
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
  const { x, rule, level } = notification;
  const threshold = thresholdOf(notification);
  const { operator = ruleDefaults.operator, resolve_threshold: resolveThreshold = threshold } = rule;
  const { recovery, words } = comparisons[operator];
  if (notification.kind === 'resolved') {
    if (recovery !== undefined && resolveThreshold !== threshold)
      return `is back at or ${recovery.words.clearSide} the resolve threshold (${limitText(resolveThreshold, rule)})`;
    return `${words.resolved} the rule threshold (${limitText(threshold, rule)})`;
  }
  if (x === undefined || isInBreach(rule, x, level))
    return `${words.breach} the rule threshold (${limitText(threshold, rule)})${samplesText(notification)}`;
  // Still firing, since the value must be clear for longer.
  if (recovery === undefined || isClear(rule, x, level))
    return `${words.resolved} the rule threshold (${limitText(threshold, rule)}), but not for long enough to resolve`;
  // Deferred, and sent while the value is between the two thresholds: still firing, and no longer in breach.
  return `${recovery.words.breachEarlier} the rule threshold (${limitText(threshold, rule)}) and is not back at the resolve threshold (${limitText(resolveThreshold, rule)})`;
}
