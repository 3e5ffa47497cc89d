import { withPercentile } from '../../../measure/measure-words.ts';
import { shownValue } from '../../../measure/shown-value.ts';
import { measures } from '../../../measure/measures.ts';
import { groupWords } from '../../../rule/aggregate.ts';
import { comparisons } from '../../../rule/comparison.ts';
import { hasComputedValue } from '../../../rule/condition.ts';
import { forSamplesText } from '../../../rule/for-samples.ts';
import { formOf, type TagMatcher, type TagMatchers } from '../../../rule/matcher.ts';
import { ruleDefaults } from '../../../rule/rule-fields.ts';
import type { Rule } from '../../../rule/rule.ts';
import { numberText, secondsText } from './time-text.ts';

/** A part of a sentence, and what it names. */
export interface SentencePart {
  readonly kind: 'text' | 'metric' | 'number' | 'tag';
  readonly text: string;
}

/** The fields of a rule, or of a draft, that the sentence needs. */
export type DescribedRule = Omit<Partial<Rule>, 'id' | 'discord_webhook_url'>;

const text = (words: string): SentencePart => ({ kind: 'text', text: words });

/** When the rule fires: `cpu averages above 90 over 1 min, for 30 s, where host is web-1`. */
export function conditionSentence(rule: DescribedRule): SentencePart[] {
  if (rule.threshold === undefined && rule.no_data_seconds !== undefined) return absenceSentence(rule);
  const group = rule.group_by === undefined ? undefined : groupWords(rule);
  const { short } = comparisons[rule.operator ?? ruleDefaults.operator].words;
  const { hasWindow, words } = measures[rule.type ?? ruleDefaults.type];
  const parts: SentencePart[] = [
    ...(group === undefined ? [] : [text(group.before)]),
    { kind: 'metric', text: rule.metric_name || 'a metric' },
    text(`${group?.after ?? ''}${byText(rule)} ${withPercentile(words.verb, rule.percentile)} ${short} `),
    { kind: 'number', text: rule.threshold === undefined ? '…' : numberText(rule.threshold) },
  ];
  if (hasWindow)
    parts.push(text(' over '), {
      kind: 'number',
      text: rule.window_duration_seconds === undefined ? '…' : secondsText(rule.window_duration_seconds),
    });
  if ((rule.for_seconds ?? 0) > 0) parts.push(text(' for '), { kind: 'number', text: secondsText(rule.for_seconds!) });
  if (rule.for_samples !== undefined)
    parts.push(text(' for '), { kind: 'number', text: forSamplesText(rule.for_samples) }, text(' values'));
  return [...parts, ...tagsSentence(rule)];
}

/** When a rule without a threshold fires: `heartbeat by host has sent no data for 5 min`. */
function absenceSentence(rule: DescribedRule): SentencePart[] {
  return [
    { kind: 'metric', text: rule.metric_name || 'a metric' },
    text(`${byText(rule)} has sent no data for `),
    { kind: 'number', text: secondsText(rule.no_data_seconds!) },
    ...tagsSentence(rule),
  ];
}

function tagsSentence({ tags = {} }: DescribedRule): SentencePart[] {
  return Object.entries(tags).flatMap(([key, matcher], index) => {
    const [verb, value] = matcherWords(matcher);
    const parts = [text(index === 0 ? ' where ' : ' and '), { kind: 'tag' as const, text: key }, text(` ${verb}`)];
    return value === undefined ? parts : [...parts, text(' '), { kind: 'tag' as const, text: value }];
  });
}

/** What is asked of a tag: `is` `web-1 or web-2`. */
function matcherWords(matcher: TagMatcher): readonly [verb: string, value?: string] {
  const form = formOf(matcher);
  if (form.kind === 'exists') return [form.exists ? 'exists' : 'does not exist'];
  const value = form.kind === 'not' ? form.of : form;
  const isNot = form.kind === 'not' ? 'is not' : 'is';
  if (value.kind === 'like') return [`${isNot} like`, value.pattern];
  return [isNot, value.kind === 'is' ? value.value : value.values.join(' or ')];
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
  const { threshold } = rule;
  const isComputed = hasComputedValue(rule);
  const limits = threshold === undefined ? [] : [threshold];
  return numberText(Number(isComputed ? shownValue(value, true, limits) : value.toPrecision(digits)));
}

function byText({ group_by: by = [] }: DescribedRule): string {
  return by.length === 0 ? '' : ` by ${by.join(', ')}`;
}

/** Where a value is, seen from the threshold: `5 below threshold`. */
export function distanceText(value: number, threshold: number | undefined, end = ' threshold'): string {
  if (threshold === undefined) return 'no threshold';
  if (value === threshold) return 'at threshold';
  const distance = numberText(Number(Math.abs(value - threshold).toPrecision(6)));
  return `${distance} ${value > threshold ? 'above' : 'below'}${end}`;
}

/** Why a no-data alarm fires. */
export function silenceSentence(rule: DescribedRule): SentencePart[] {
  const metric: SentencePart = { kind: 'metric', text: rule.metric_name || 'a metric' };
  if (rule.no_data_seconds === undefined) return [metric, text(' has sent no data')];
  return [
    metric,
    text(' has sent no data for '),
    { kind: 'number', text: secondsText(rule.no_data_seconds) },
    text(' or more'),
  ];
}

/** What the rule does besides its condition, one short sentence for each setting that differs from its default. */
export function behaviour(rule: DescribedRule): string[] {
  const { recovery } = comparisons[rule.operator ?? ruleDefaults.operator];
  const sentences: string[] = [];
  if (rule.trigger === 'every_sample') sentences.push('Notifies on every sample');
  if ((rule.cooldown_seconds ?? 0) > 0) sentences.push(`At most one message in ${secondsText(rule.cooldown_seconds!)}`);
  if (recovery !== undefined && rule.resolve_threshold !== undefined && rule.resolve_threshold !== rule.threshold) {
    sentences.push(`Ends at ${numberText(rule.resolve_threshold)} or ${recovery.words.clearSide}`);
  }
  if ((rule.resolve_for_seconds ?? 0) > 0) sentences.push(`Ends after ${secondsText(rule.resolve_for_seconds!)} clear`);
  if (rule.notify_on_resolve === true) sentences.push('Notifies when it ends');
  if (rule.no_data_seconds !== undefined && rule.threshold !== undefined)
    sentences.push(`Fires after ${secondsText(rule.no_data_seconds)} without data`);
  if (rule.resolve_without_data_seconds !== undefined)
    sentences.push(`Ends after ${secondsText(rule.resolve_without_data_seconds)} without data`);
  return sentences;
}

export function plainSentence(parts: readonly SentencePart[]): string {
  return parts.map((part) => part.text).join('');
}
