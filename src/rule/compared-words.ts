// What a rule compares of groups of series, as the subject of a sentence: the same words on the page and in messages.
import { measures } from '../measure/measures.ts';
import { withPercentile } from '../measure/measure-words.ts';
import { shownValue } from '../measure/shown-value.ts';
import type { Group } from '../metric/subject.ts';
import { aggregates, type Aggregate } from './aggregate.ts';
import { comparisons } from './comparison.ts';
import { formOf, type TagMatcher, type TagMatchers } from './matcher.ts';
import { ruleDefaults } from './rule-fields.ts';
import type { Rule } from './rule.ts';

/** A part of a sentence, and what it names. */
export interface SentencePart {
  readonly kind: 'text' | 'metric' | 'number' | 'tag';
  readonly text: string;
}

/** The fields of a rule, or of a draft, that the words are made of. */
export type WordedRule = Partial<
  Pick<
    Rule,
    | 'metric_name'
    | 'tags'
    | 'type'
    | 'window_duration_seconds'
    | 'percentile'
    | 'group_by'
    | 'aggregate'
    | 'aggregate_where'
    | 'divide_by'
  >
>;

export const textPart = (text: string): SentencePart => ({ kind: 'text', text });
const tagPart = (text: string): SentencePart => ({ kind: 'tag', text });
const numberPart = (text: string): SentencePart => ({ kind: 'number', text });

/**
 * `the sum of requests by service`; of one group `the sum of requests of service checkout`. Without `hasTags` nothing is said of which
 * series match, unless it is what a share is of. Undefined when the rule compares no groups.
 */
export function comparedParts(
  rule: WordedRule,
  { group, hasTags }: { readonly group?: Group | undefined; readonly hasTags: boolean },
): SentencePart[] | undefined {
  const { aggregate, aggregate_where: where, divide_by: second, tags = {} } = rule;
  if (rule.group_by === undefined || aggregate === undefined) return undefined;
  const metric: SentencePart = { kind: 'metric', text: rule.metric_name ?? 'a metric' };
  const groups = groupParts(rule.group_by, group);
  if (isShareOfSeries(rule)) {
    const { min_value: least } = second ?? {};
    const aside = [lengthWords(rule), ...(least === undefined ? [] : [`of at least ${least}`])].filter(Boolean);
    return [
      textPart('the share of '),
      metric,
      ...tagParts(tags),
      ...(aside.length === 0 ? [] : [textPart(` (${aside.join(', ')})`)]),
      ...groups,
    ];
  }
  const { noun, hasWhere } = aggregates[aggregate];
  if (hasWhere && where !== undefined) {
    return [
      textPart(`the ${noun} of `),
      metric,
      textPart(` whose ${measureNoun(rule)}${overWords(rule)} is ${comparisons[where.operator].words.short} `),
      numberPart(String(where.threshold)),
      ...(hasTags ? tagParts(tags) : []),
      ...groups,
    ];
  }
  return [
    ...ofSeries(aggregate, rule, metric),
    ...(hasTags || second !== undefined ? tagParts(tags) : []),
    ...(second === undefined ? [] : dividedParts(rule, aggregate)),
    ...groups,
  ];
}

/** Whether people read what is compared as a percentage. */
export function isPercentage(rule: WordedRule): boolean {
  return rule.aggregate === 'share_where' || isShareOfSeries(rule);
}

/** A compared value, or a threshold, in a sentence: `7.234 %`. */
export function percentText(value: number, limits: readonly number[] = []): string {
  return `${shownValue(percent(value), true, limits.map(percent))} %`;
}

/** Without binary rounding errors. */
const percent = (value: number): number => Number((value * 100).toPrecision(15));

/** Whether a ratio is that of some of the series to all of these, or to more of them, by the same measure. */
function isShareOfSeries({ aggregate, tags = {}, divide_by: second, ...own }: WordedRule): boolean {
  if (second?.tags === undefined || (aggregate !== 'sum' && aggregate !== 'count')) return false;
  const isSame = (['type', 'window_duration_seconds', 'percentile'] as const).every(
    (field) => second[field] === undefined || second[field] === own[field],
  );
  const wider = Object.entries(second.tags);
  return (
    isSame &&
    wider.length < Object.keys(tags).length &&
    wider.every(([key, matcher]) => JSON.stringify(tags[key]) === JSON.stringify(matcher))
  );
}

/** `the sum of the increase of requests over 5 min`. */
function ofSeries(aggregate: Aggregate, rule: WordedRule, of: SentencePart): SentencePart[] {
  const { noun } = aggregates[aggregate];
  // How many there are does not depend on what their values are.
  const measure = overWords(rule) === '' || aggregate === 'count' ? '' : `the ${measureNoun(rule)} of `;
  return [textPart(`the ${noun} of ${measure}`), of, ...(measure === '' ? [] : [textPart(overWords(rule))])];
}

function dividedParts(rule: WordedRule, aggregate: Aggregate): SentencePart[] {
  const { tags, ...own } = rule.divide_by!;
  const isAll = tags !== undefined && Object.keys(tags).length === 0;
  const of = textPart(tags === undefined ? 'the same series' : isAll ? 'all series' : 'series');
  return [
    textPart(', divided by '),
    ...ofSeries(aggregate, { ...rule, ...own }, of),
    ...tagParts(tags ?? {}),
    textPart(','),
  ];
}

/** ` by service and zone`, or ` of service checkout`. */
function groupParts(by: readonly string[], group: Group | undefined): SentencePart[] {
  if (by.length === 0) return [];
  if (group === undefined) return [textPart(` by ${by.join(', ')}`)];
  return Object.entries(group).flatMap(([key, value], index) => [
    textPart(index === 0 ? ' of ' : ', '),
    ...(value === null ? [textPart('no '), tagPart(key)] : [tagPart(key), textPart(' '), tagPart(value)]),
  ]);
}

/** ` where status is 500 and host exists`. */
export function tagParts(tags: TagMatchers): SentencePart[] {
  return Object.entries(tags).flatMap(([key, matcher], index) => {
    const [verb, value] = matcherWords(matcher);
    return [
      textPart(index === 0 ? ' where ' : ' and '),
      tagPart(key),
      textPart(` ${verb}`),
      ...(value === undefined ? [] : [textPart(' '), tagPart(value)]),
    ];
  });
}

/** What is asked of a tag: `is` `web-1 or web-2`. */
export function matcherWords(matcher: TagMatcher): readonly [verb: string, value?: string] {
  const form = formOf(matcher);
  if (form.kind === 'exists') return [form.exists ? 'exists' : 'does not exist'];
  const value = form.kind === 'not' ? form.of : form;
  const isNot = form.kind === 'not' ? 'is not' : 'is';
  if (value.kind === 'like') return [`${isNot} like`, value.pattern];
  return [isNot, value.kind === 'is' ? value.value : value.values.join(' or ')];
}

function measureNoun({ type = ruleDefaults.type, percentile }: WordedRule): string {
  return withPercentile(measures[type].words.noun.toLowerCase(), percentile);
}

/** ` over 5 min`; nothing without a window. */
function overWords({ type = ruleDefaults.type, window_duration_seconds: seconds }: WordedRule): string {
  if (!measures[type].hasWindow) return '';
  return ` over ${seconds === undefined ? '…' : lengthText(seconds)}`;
}

/** `increase over 5 min`. */
function lengthWords(rule: WordedRule): string {
  return overWords(rule) === '' ? '' : measureNoun(rule) + overWords(rule);
}

/** The length of a window: `60 s`, `5 min`, `1 h`. */
export function lengthText(seconds: number): string {
  if (seconds >= 3_600 && seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds > 60 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
