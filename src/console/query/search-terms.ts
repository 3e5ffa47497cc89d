// What may stand in the search field, and what the index is asked for it.
import { hasParts, matcherTexts } from '../../rule/matcher.ts';
import type { Rule } from '../../rule/rule.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';
import { severityText, textEnd, textStart, type IndexQuery } from '../live/rule-index.ts';
import type { RuleSummary } from './rule-summary.ts';
import { severitiesOf } from '../../rule/rule-level.ts';

/** One word of a search. */
export interface Term {
  readonly holds: (entry: RuleEntry, summary: () => RuleSummary) => boolean;
  /** The rules that are firing or pending, as far as the term is about that. */
  readonly isActive?: true;
  readonly query?: IndexQuery;
}

/**
 * Reads what stands in the search field: `metric:cpu*`, `tag:host=web-1`, `state:firing`, the other keys of `terms`, and words, all of
 * which must hold. A word is looked for in the metric's name, the rule's name and the description, and at the beginning of the id. No
 * regular expression comes from outside.
 */
export function parseSearch(text: string): Term[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return words.map((word): Term => {
    const colon = word.indexOf(':');
    const term = terms[word.slice(0, Math.max(0, colon))];
    return term === undefined ? wordTerm(word) : term(word.slice(colon + 1));
  });
}

/** What may stand before a colon. Another word with one is a word. */
const terms: Readonly<Record<string, (wanted: string) => Term>> = {
  metric: metricTerm,
  name: nameTerm,
  state: stateTerm,
  severity: severityTerm,
  tag: tagTerm,
  label: labelTerm,
  webhook: webhookTerm,
};

function nameTerm(pattern: string): Term {
  return {
    holds: ({ rule }) => rule.name !== undefined && globMatches(pattern, rule.name.toLowerCase()),
    query: { parts: `${textStart}${pattern}${textEnd}`.split('*') },
  };
}

function severityTerm(severity: string): Term {
  return {
    holds: ({ rule }) => severitiesOf(rule).some((one) => one === severity),
    query: { parts: [`${textStart}${severityText(severity)}${textEnd}`] },
  };
}

function metricTerm(pattern: string): Term {
  return {
    holds: ({ rule }) => globMatches(pattern, rule.metric_name.toLowerCase()),
    query: { parts: `${textStart}${pattern}${textEnd}`.split('*') },
  };
}

function stateTerm(state: string): Term {
  return {
    holds: (_, summary) => summary().state === state,
    ...(state === 'disabled' && { query: { parts: [], isDisabled: true } }),
    ...((state === 'firing' || state === 'pending') && { isActive: true }),
  };
}

/** `key=pattern`, or a key alone. */
function pairTerm(pair: string, textsOf: (rule: Rule) => readonly (readonly [key: string, text: string])[]): Term {
  const equals = pair.indexOf('=');
  const [key, value] = equals < 0 ? [pair, '*'] : [pair.slice(0, equals), pair.slice(equals + 1)];
  const [first, ...others] = `${value}${textEnd}`.split('*');
  return {
    holds: ({ rule }) =>
      textsOf(rule).some(([name, text]) => name.toLowerCase() === key && globMatches(value, text.toLowerCase())),
    query: { parts: [`${textStart}${key}=${first}`, ...others] },
  };
}

function tagTerm(pair: string): Term {
  return pairTerm(pair, ({ tags = {} }) =>
    Object.entries(tags).flatMap(([key, matcher]) => matcherTexts(matcher).map((text) => [key, text] as const)),
  );
}

function labelTerm(pair: string): Term {
  return pairTerm(pair, ({ labels = {} }) => Object.entries(labels));
}

function webhookTerm(id: string): Term {
  return { holds: ({ webhook }) => webhook?.id === id, query: { parts: [], webhookId: id } };
}

function wordTerm(word: string): Term {
  return {
    holds: ({ rule: { id, metric_name: metric, name, description } }) =>
      id.startsWith(word) || [metric, name, description].some((text) => text?.toLowerCase().includes(word) === true),
    query: { parts: [word], orIdStart: word },
  };
}

/** Whether the text is the pattern, in which each `*` stands for any text. */
export function globMatches(pattern: string, text: string): boolean {
  return hasParts(pattern.split('*'), text);
}
