// Label matchers as a rule's `tags`. To Prometheus a missing label is an empty one.
import { assert } from '../base/assert.ts';
import { formOf, tagsMatch, type TagMatcher, type TagMatchers, type ValueMatcher } from '../rule/matcher.ts';
import { Untranslatable, type LabelMatcher, type MatchOperator } from './expression.ts';
import { patternMeaning, type PatternMeaning } from './pattern.ts';

/** Undefined where the matcher holds for every series. */
type Translate = (matcher: LabelMatcher, warn: Warn) => TagMatcher | undefined;
export type Warn = (text: string) => void;

const translations: Record<MatchOperator, Translate> = {
  '=': ({ value }) => (value === '' ? { exists: false } : value),
  '!=': ({ value }) => (value === '' ? { exists: true } : { not: value }),
  '=~': (matcher, warn) => {
    const meaning = patternMeaning(matcher.value);
    if (meaning.kind === 'anything') return undefined;
    const exists = existence[meaning.kind];
    return exists === undefined ? valueMatcher(matcher, meaning, warn) : { exists };
  },
  '!~': (matcher, warn) => {
    const meaning = patternMeaning(matcher.value);
    if (meaning.kind === 'anything') throw new Untranslatable('no series matches this', matcher);
    const exists = existence[meaning.kind];
    return exists === undefined ? { not: valueMatcher(matcher, meaning, warn) } : { exists: !exists };
  },
};

/** Expressions that ask only whether the label is there. */
const existence: Record<PatternMeaning['kind'], boolean | undefined> = {
  present: true,
  missing: false,
  anything: undefined,
  texts: undefined,
  like: undefined,
  refused: undefined,
};

function valueMatcher(matcher: LabelMatcher, meaning: PatternMeaning, warn: Warn): ValueMatcher {
  if (meaning.kind === 'refused') throw new Untranslatable(meaning.reason, matcher);
  if (meaning.kind === 'texts') return meaning.texts.length === 1 ? meaning.texts[0]! : meaning.texts;
  assert(meaning.kind === 'like', 'the others say nothing of a value');
  if (meaning.more !== undefined)
    warn(
      `${matcher.label}${matcher.operator}"${matcher.value}" became ${meaning.pattern}, which also matches ${meaning.more}`,
    );
  return { like: meaning.pattern };
}

export function tagsOfMatchers(matchers: readonly LabelMatcher[], warn: Warn): TagMatchers {
  const byLabel = new Map<string, { readonly matcher: LabelMatcher; readonly tag: TagMatcher }[]>();
  for (const matcher of matchers) {
    if (matcher.label === '__name__')
      throw new Untranslatable('a rule is about one metric, given by its name', matcher);
    const tag = translations[matcher.operator](matcher, warn);
    if (tag !== undefined) byLabel.set(matcher.label, [...(byLabel.get(matcher.label) ?? []), { matcher, tag }]);
  }
  const tags = [...byLabel].map(([label, given]): [string, TagMatcher] => {
    const [first, ...rest] = given;
    const tag = rest.reduce((all, { matcher, tag: more }) => bothOf(label, [all, more], matcher), first!.tag);
    return [label, tag];
  });
  return Object.fromEntries(tags);
}

/** What holds where both hold: a tag has one entry. */
function bothOf(label: string, pair: readonly [TagMatcher, TagMatcher], at: LabelMatcher): TagMatcher {
  const [one, other] = pair;
  if (JSON.stringify(one) === JSON.stringify(other)) return one;
  for (const [tag, more] of [pair, [other, one] as const]) {
    const values = valuesOf(tag);
    if (values !== undefined) {
      const left = values.filter((value) => tagsMatch({ [label]: more }, { [label]: value }));
      if (left.length === 0) throw new Untranslatable(`no series matches all that is asked of ${label}`, at);
      return left.length === 1 ? left[0]! : left;
    }
    if (isPresence(more) && formOf(tag).kind === 'like') return tag;
  }
  const [without, also] = pair.map(excludedValues);
  if (without !== undefined && also !== undefined) return { not: [...new Set([...without, ...also])] };
  throw new Untranslatable(`a tag takes one condition, and ${label} has several`, at);
}

function isPresence(tag: TagMatcher): boolean {
  const form = formOf(tag);
  return form.kind === 'exists' && form.exists;
}

function valuesOf(tag: TagMatcher): readonly string[] | undefined {
  const form = formOf(tag);
  return form.kind === 'is' ? [form.value] : form.kind === 'one_of' ? form.values : undefined;
}

function excludedValues(tag: TagMatcher): readonly string[] | undefined {
  return typeof tag === 'object' && 'not' in tag ? valuesOf(tag.not) : undefined;
}
