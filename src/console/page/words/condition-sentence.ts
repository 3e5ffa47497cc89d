import { withPercentile } from '../../../measure/measure-words.ts';
import { shownValue } from '../../../measure/shown-value.ts';
import { measures } from '../../../measure/measures.ts';
import {
  comparedParts,
  isPercentage,
  matcherWords,
  percentText,
  tagParts,
  textPart,
  type SentencePart,
} from '../../../rule/compared-words.ts';
import type { Group } from '../../../metric/subject.ts';
import { comparisons } from '../../../rule/comparison.ts';
import { hasComputedValue } from '../../../rule/condition.ts';
import { forSamplesText } from '../../../rule/for-samples.ts';
import { formOf, type TagMatchers } from '../../../rule/matcher.ts';
import { ruleDefaults } from '../../../rule/rule-fields.ts';
import type { Rule } from '../../../rule/rule.ts';
import { numberText, secondsText } from './time-text.ts';
import { severityAt, thresholdAt, thresholdsOf } from '../../../rule/rule-level.ts';

/** The fields of a rule, or of a draft, that the sentence needs. */
export type DescribedRule = Omit<Partial<Rule>, 'id' | 'discord_webhook_url'>;

/** When the rule fires: `cpu averages above 90 over 1 min, for 30 s, where host is web-1`. */
export function conditionSentence(rule: DescribedRule): SentencePart[] {
  if (thresholdAt(rule) === undefined && rule.no_data_seconds !== undefined) return absenceSentence(rule);
  const { hasWindow, words } = measures[rule.type ?? ruleDefaults.type];
  const ofGroups = comparedParts(rule, { hasTags: true });
  const parts: SentencePart[] = [...(ofGroups ?? [{ kind: 'metric', text: rule.metric_name || 'a metric' }])];
  const verb = ofGroups === undefined ? `${byText(rule)} ${withPercentile(words.verb, rule.percentile)}` : ' is';
  parts.push(textPart(`${verb} `), ...breachParts(rule));
  if (hasWindow && ofGroups === undefined)
    parts.push(textPart(' over '), {
      kind: 'number',
      text: rule.window_duration_seconds === undefined ? '…' : secondsText(rule.window_duration_seconds),
    });
  if ((rule.for_seconds ?? 0) > 0)
    parts.push(textPart(' for '), { kind: 'number', text: secondsText(rule.for_seconds!) });
  if (rule.for_samples !== undefined)
    parts.push(textPart(' for '), { kind: 'number', text: forSamplesText(rule.for_samples) }, textPart(' values'));
  return ofGroups === undefined ? [...parts, ...tagParts(rule.tags ?? {})] : parts;
}

/** `90`, or `80 (warning) or 95 (critical, for 1 min)` */
function thresholdParts(rule: DescribedRule): SentencePart[] {
  if (rule.levels === undefined)
    return [{ kind: 'number', text: rule.threshold === undefined ? '…' : limitText(rule.threshold, rule) }];
  return rule.levels.flatMap(({ threshold, for_seconds: seconds }, index): SentencePart[] => {
    const facts = [severityAt(rule, index + 1), seconds === undefined ? undefined : `for ${secondsText(seconds)}`];
    const known = facts.filter((fact) => fact !== undefined).join(', ');
    const number: SentencePart = { kind: 'number', text: limitText(threshold, rule) };
    return [...(index === 0 ? [] : [textPart(' or ')]), number, ...(known === '' ? [] : [textPart(` (${known})`)])];
  });
}

/** When a rule without a threshold fires: `heartbeat by host has sent no data for 5 min`. */
function absenceSentence(rule: DescribedRule): SentencePart[] {
  return [
    { kind: 'metric', text: rule.metric_name || 'a metric' },
    textPart(`${byText(rule)} has sent no data for `),
    { kind: 'number', text: secondsText(rule.no_data_seconds!) },
    ...tagParts(rule.tags ?? {}),
  ];
}

/** A threshold as a sentence has it. */
function limitText(threshold: number, rule: DescribedRule): string {
  return isPercentage(rule) ? percentText(threshold) : numberText(threshold);
}

/** A rule's tags as chips show them, `key = …`. */
export function tagTexts(matchers: TagMatchers = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(matchers).map(([key, matcher]) => {
      const form = formOf(matcher);
      if (form.kind === 'exists') return [key, form.exists ? 'any' : 'none'];
      return [key, `${form.kind === 'not' ? 'not ' : ''}${matcherWords(matcher)[1]!}`];
    }),
  );
}

/** A value that the rule compares: a computed one with four significant decimals, one that was sent with `digits`. */
export function comparedText(value: number, rule: DescribedRule, digits = 6): string {
  const isComputed = hasComputedValue(rule);
  return numberText(Number(isComputed ? shownValue(value, true, thresholdsOf(rule)) : value.toPrecision(digits)));
}

/** What a rule has alarms about. */
export function subjectsWord({ group_by: by }: DescribedRule): 'series' | 'groups' {
  return by === undefined ? 'series' : 'groups';
}

function byText({ group_by: by = [] }: DescribedRule): string {
  return by.length === 0 ? '' : ` by ${by.join(', ')}`;
}

/** What was compared, and of what: `cpu averaged 93`, or `the sum of requests of service checkout was 591`. */
export function comparedSentence(rule: DescribedRule, value: number | null, group: Group | undefined): SentencePart[] {
  const { words } = measures[rule.type ?? ruleDefaults.type];
  const parts = comparedParts(rule, { group, hasTags: false });
  const shown =
    value === null ? '–' : isPercentage(rule) ? percentText(value, thresholdsOf(rule)) : comparedText(value, rule, 12);
  return [
    ...(parts ?? [{ kind: 'metric', text: rule.metric_name || 'a metric' }]),
    textPart(` ${parts === undefined ? withPercentile(words.verbPast, rule.percentile) : 'was'} `),
    { kind: 'number', text: shown },
  ];
}

/** Which values of a group are in breach: `above 5 %`. */
export function breachParts(rule: DescribedRule): SentencePart[] {
  const { short } = comparisons[rule.operator ?? ruleDefaults.operator].words;
  return [textPart(`${short} `), ...thresholdParts(rule)];
}

/** Where a value is, seen from the threshold: `5 below threshold`. */
export function distanceText(value: number, threshold: number | undefined, end = ' threshold'): string {
  if (threshold === undefined) return 'no threshold';
  if (value === threshold) return 'at threshold';
  const distance = numberText(Number(shownValue(Math.abs(value - threshold), true)));
  return `${distance} ${value > threshold ? 'above' : 'below'}${end}`;
}

/** Why a no-data alarm fires. */
export function silenceSentence(rule: DescribedRule): SentencePart[] {
  const metric: SentencePart = { kind: 'metric', text: rule.metric_name || 'a metric' };
  if (rule.no_data_seconds === undefined) return [metric, textPart(' has sent no data')];
  return [
    metric,
    textPart(' has sent no data for '),
    { kind: 'number', text: secondsText(rule.no_data_seconds) },
    textPart(' or more'),
  ];
}

/** What the rule does besides its condition, one short sentence for each setting that differs from its default. */
export function behaviour(rule: DescribedRule): string[] {
  const { recovery } = comparisons[rule.operator ?? ruleDefaults.operator];
  const sentences: string[] = [];
  if (rule.trigger === 'every_sample') sentences.push('Notifies on every sample');
  if ((rule.cooldown_seconds ?? 0) > 0) sentences.push(`At most one message in ${secondsText(rule.cooldown_seconds!)}`);
  if (recovery !== undefined && rule.resolve_threshold !== undefined && rule.resolve_threshold !== rule.threshold) {
    sentences.push(`Ends at ${limitText(rule.resolve_threshold, rule)} or ${recovery.words.clearSide}`);
  }
  if ((rule.resolve_for_seconds ?? 0) > 0) sentences.push(`Ends after ${secondsText(rule.resolve_for_seconds!)} clear`);
  if (rule.notify_on_resolve === true) sentences.push('Notifies when it ends');
  if (rule.no_data_seconds !== undefined && thresholdAt(rule) !== undefined)
    sentences.push(`Fires after ${secondsText(rule.no_data_seconds)} without data`);
  if (rule.resolve_without_data_seconds !== undefined)
    sentences.push(`Ends after ${secondsText(rule.resolve_without_data_seconds)} without data`);
  return sentences;
}

export function plainSentence(parts: readonly SentencePart[]): string {
  return parts.map((part) => part.text).join('');
}
