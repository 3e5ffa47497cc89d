// What may stand in the search field, and what the index is asked for it.
import { hasParts, matcherTexts } from '../../rule/matcher.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';
import { textEnd, textStart, type Needle } from '../live/rule-index.ts';
import type { RuleSummary } from './rule-summary.ts';

/** One word of a search. */
export interface Term {
  readonly holds: (entry: RuleEntry, summary: () => RuleSummary) => boolean;
  /** The rules that are firing or pending, as far as the term is about that. */
  readonly isUnquiet?: true;
  readonly needle?: Needle;
}

/**
 * Reads what stands in the search field: `metric:cpu*`, `tag:host=web-1`, `state:firing`, `webhook:123` and words, all of which must
 * hold. A word is looked for in the metric's name and the description, and at the beginning of the id. No regular expression comes
 * from outside.
 */
export function parseSearch(text: string): Term[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return words.map((word): Term => {
    if (word.startsWith('metric:')) return metricTerm(word.slice(7));
    if (word.startsWith('state:')) return stateTerm(word.slice(6));
    if (word.startsWith('tag:')) return tagTerm(word.slice(4));
    if (word.startsWith('webhook:')) return webhookTerm(word.slice(8));
    return wordTerm(word);
  });
}

function metricTerm(pattern: string): Term {
  return {
    holds: ({ rule }) => globMatches(pattern, rule.metric_name.toLowerCase()),
    needle: { parts: `${textStart}${pattern}${textEnd}`.split('*') },
  };
}

function stateTerm(state: string): Term {
  return {
    holds: (_, summary) => summary().state === state,
    ...(state === 'disabled' && { needle: { parts: [], isDisabled: true } }),
    ...((state === 'firing' || state === 'pending') && { isUnquiet: true }),
  };
}

function tagTerm(pair: string): Term {
  const equals = pair.indexOf('=');
  const [key, value] = equals < 0 ? [pair, '*'] : [pair.slice(0, equals), pair.slice(equals + 1)];
  const [first, ...others] = `${value}${textEnd}`.split('*');
  return {
    holds({ rule }) {
      return Object.entries(rule.tags ?? {}).some(
        ([name, matcher]) =>
          name.toLowerCase() === key && matcherTexts(matcher).some((text) => globMatches(value, text.toLowerCase())),
      );
    },
    needle: { parts: [`${textStart}${key}=${first}`, ...others] },
  };
}

function webhookTerm(id: string): Term {
  return { holds: ({ webhook }) => webhook?.id === id, needle: { parts: [], webhookId: id } };
}

function wordTerm(word: string): Term {
  return {
    holds: ({ rule: { id, metric_name: name, description } }) =>
      name.toLowerCase().includes(word) || id.startsWith(word) || description?.toLowerCase().includes(word) === true,
    needle: { parts: [word], orIdStart: word },
  };
}

/** Whether the text is the pattern, in which each `*` stands for any text. */
export function globMatches(pattern: string, text: string): boolean {
  return hasParts(pattern.split('*'), text);
}
