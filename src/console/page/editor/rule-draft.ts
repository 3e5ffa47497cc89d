// A rule while it is being edited: every field as the text in its input, empty for a field that is left out. The server
// validates what was typed, and its errors name the field. Fields that this page does not know are kept as they are.
import { matcherText, parseMatcher } from '../../../rule/matcher-text.ts';
import { isMatcher, type TagMatcher, type TagMatchers } from '../../../rule/matcher.ts';
import { isParameter, needsParameter } from '../../../measure/measures.ts';
import type { FieldKind, FieldName, SpecOf } from '../../../rule/field-spec.ts';
import { fieldNames, fieldSpec, isField, isSecretField, type ruleFields } from '../../../rule/rule-fields.ts';
import { parseWhere, whereText, type AggregateWhere } from '../../../rule/aggregate.ts';
import { forSamplesText, parseForSamples, type ForSamples } from '../../../rule/for-samples.ts';
import { namesOf } from '../../../rule/receiver-name.ts';
import type { Rule } from '../../../rule/rule.ts';

interface TagDraft {
  readonly key: string;
  readonly value: string;
}

/** Tags with a value as pairs of inputs, other matchers as lines of text. */
interface TagsDraft {
  readonly exact: readonly TagDraft[];
  readonly lines: string;
  /** What the lines of the saved rule stand for: not every matcher can be written as a line. */
  readonly given: Readonly<Record<string, readonly [key: string, matcher: TagMatcher]>>;
}

interface LabelsDraft {
  readonly lines: string;
  /** What the lines of the saved rule stand for: not every label can be written as a line. */
  readonly given: Readonly<Record<string, readonly [key: string, label: unknown]>>;
}

/** The type of each kind's input. */
interface DraftOfKind {
  metric_name: string;
  discord_webhook: string;
  text: string;
  line: string;
  url: string;
  number: string;
  choice: string;
  flag: boolean;
  tags: TagsDraft;
  labels: LabelsDraft;
  /** Names, separated by commas. */
  receivers: string;
  /** The same; `[]` for an empty list. */
  tag_names: string;
  /** As `> 90`. */
  where: string;
  /** As `3 of 5`. */
  samples: string;
  /** JSON. */
  ratio: string;
}

type KindOf<Field extends FieldName> = (typeof ruleFields)[Field]['kind'];

export type RuleDraft = { readonly [Field in FieldName]: DraftOfKind[KindOf<Field>] } & {
  /** Fields that a newer server's rules have. */
  readonly unknown: Readonly<Record<string, unknown>>;
};

/** The fields with a text input. */
export type TextFieldName = {
  [Field in FieldName]: DraftOfKind[KindOf<Field>] extends string ? Field : never;
}[FieldName];
export type FieldNameOf<Kind extends FieldKind> = {
  [Field in FieldName]: KindOf<Field> extends Kind ? Field : never;
}[FieldName];

interface Drafting<Kind extends FieldKind> {
  empty(spec: SpecOf<Kind>): DraftOfKind[Kind];
  of(value: unknown): DraftOfKind[Kind];
  /** The value to send; undefined to omit the field. */
  valueOf(draft: DraftOfKind[Kind]): unknown;
}

const text = {
  empty: () => '',
  of: String,
  valueOf: (draft: string): unknown => (draft === '' ? undefined : draft),
};
const drafting: { readonly [Kind in FieldKind]: Drafting<Kind> } = {
  // Sent even when it is empty, so that the server reports it as missing.
  metric_name: { ...text, valueOf: (draft) => draft },
  discord_webhook: { ...text, valueOf: (draft) => text.valueOf(draft.trim()) },
  text,
  line: { ...text, valueOf: (draft) => text.valueOf(draft.trim()) },
  url: { ...text, valueOf: (draft) => text.valueOf(draft.trim()) },
  number: { ...text, valueOf: (draft) => (draft.trim() === '' ? undefined : numberOf(draft)) },
  choice: { ...text, empty: (spec) => spec.default ?? '' },
  receivers: {
    empty: () => '',
    of: (value) => (Array.isArray(value) ? value.join(', ') : String(value)),
    valueOf: (draft) => {
      const names = namesOf(draft);
      return names.length === 0 ? undefined : names;
    },
  },
  tag_names: {
    empty: () => '',
    of: (value) => (value as readonly string[]).join(', ') || '[]',
    valueOf: (draft) => (draft.trim() === '' ? undefined : draft.trim() === '[]' ? [] : namesOf(draft)),
  },
  where: { ...text, of: (value) => whereText(value as AggregateWhere), valueOf: whereOf },
  samples: {
    ...text,
    of: (value) => forSamplesText(value as ForSamples),
    valueOf: (draft) => (draft.trim() === '' ? undefined : (parseForSamples(draft) ?? draft)),
  },
  ratio: { ...text, of: (value) => JSON.stringify(value), valueOf: jsonOf },
  flag: { empty: (spec) => spec.default, of: (value) => value === true, valueOf: (draft) => draft },
  tags: {
    empty: () => ({ exact: [], lines: '', given: {} }),
    of: (value) => {
      const entries = Object.entries((value ?? {}) as TagMatchers);
      const others = entries.filter(([, matcher]) => typeof matcher !== 'string');
      const given = Object.fromEntries(others.map((entry) => [lineOf(...entry), entry]));
      const exact = entries.flatMap(([key, tag]) => (typeof tag === 'string' ? [{ key, value: tag }] : []));
      return { exact, lines: Object.keys(given).join('\n'), given };
    },
    valueOf: (draft) => {
      const exact = draft.exact.filter(({ key, value }) => key !== '' || value !== '');
      const lines = linesOf(draft).map(({ line, key, matcher = null }) => [key ?? line, matcher] as const);
      const entries = [...exact.map(({ key, value }) => [key, value] as const), ...lines];
      return entries.length === 0 ? undefined : Object.fromEntries(entries);
    },
  },
  labels: {
    empty: () => ({ lines: '', given: {} }),
    of: (value) => {
      const entries = Object.entries((value ?? {}) as Record<string, unknown>);
      const given = Object.fromEntries(entries.map((entry) => [entry.join('=').replaceAll('\n', ' '), entry]));
      return { lines: Object.keys(given).join('\n'), given };
    },
    valueOf: ({ lines, given }) => {
      const typed = lines.split('\n').filter((line) => line.trim() !== '');
      const entries = typed.map((line) => given[line] ?? labelOf(line.trim()));
      return entries.length === 0 ? undefined : Object.fromEntries(entries);
    },
  },
};

/** A line without a value is sent all the same: the server says what is wrong with it. */
function labelOf(line: string): readonly [key: string, label: string | null] {
  const equals = line.indexOf('=');
  return equals < 0 ? [line, null] : [line.slice(0, equals).trim(), line.slice(equals + 1).trim()];
}

/** JSON may say what is no matcher. */
function lineOf(key: string, matcher: TagMatcher): string {
  return isMatcher(matcher) ? matcherText(key, matcher) : `${key}=${JSON.stringify(matcher)}`;
}

interface MatcherLine {
  readonly line: string;
  /** Without a key and a matcher: what is wrong with the line. The server refuses it, too. */
  readonly problem?: string;
  readonly key?: string;
  readonly matcher?: TagMatcher;
}

/** The lines of a draft, without empty ones. */
export function linesOf({ exact, lines, given }: TagsDraft): MatcherLine[] {
  const keys = new Set(exact.map(({ key }) => key));
  return lines
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const read = given[line] ?? parseMatcher(line);
      if ('problem' in read) return { line, problem: read.problem };
      const [key, matcher] = read;
      if (keys.has(key)) return { line, problem: `names ${key}, which is there already` };
      keys.add(key);
      return { line, key, matcher };
    });
}

function draftingOf(field: FieldName): Drafting<FieldKind> {
  return drafting[fieldSpec(field).kind] as Drafting<FieldKind>;
}

function emptyOf(field: FieldName): unknown {
  return draftingOf(field).empty(fieldSpec(field));
}

export const emptyDraft = {
  ...Object.fromEntries(fieldNames.map((field) => [field, emptyOf(field)])),
  unknown: {},
} as RuleDraft;

export function draftOf(rule: Partial<Rule>): RuleDraft {
  const known = fieldNames.map((field) => {
    const value = rule[field];
    return [field, value === undefined ? emptyOf(field) : draftingOf(field).of(value)];
  });
  const unknown = Object.entries(rule).filter(([field]) => field !== 'id' && !isField(field));
  return { ...Object.fromEntries(known), unknown: Object.fromEntries(unknown) } as RuleDraft;
}

/**
 * The fields to send. A field that the saved rule had is kept even at its default, since its author wrote it; other fields
 * are sent only when they differ from their default.
 */
export function fieldsOf(draft: RuleDraft, saved?: Rule): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const field of fieldNames) {
    if (isParameter(field) && !needsParameter(draft.type, field)) continue;
    const value = draftingOf(field).valueOf(draft[field]);
    const spec = fieldSpec(field);
    // A number at its default was typed; a choice or a flag has its default without being chosen.
    const isDefault = (spec.kind === 'choice' || spec.kind === 'flag') && value === spec.default;
    const wasGiven = saved !== undefined && Object.hasOwn(saved, field);
    if (value !== undefined && (!isDefault || wasGiven)) fields[field] = value;
  }
  return { ...fields, ...draft.unknown };
}

/** Accepts a decimal comma. Text that is not a number stays text, and the server reports it at its field. */
function numberOf(given: string): number | string {
  const trimmed = given.trim().replace(/^(-?\d+),(\d+)$/, '$1.$2');
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : given;
}

/** Text that is no comparison stays text, as does text that is no JSON, and the server reports it at its field. */
function whereOf(given: string): unknown {
  return given.trim() === '' ? undefined : (parseWhere(given) ?? given);
}

function jsonOf(given: string): unknown {
  if (given.trim() === '') return undefined;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}

/** A rule's fields without secrets. */
export function withoutSecrets<Fields extends object>(fields: Fields): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([field]) => !isSecretField(field))) as Partial<Fields>;
}

/** The fields in which two versions of a rule differ, as texts for people. */
export function differences(mine: object, theirs: object): { field: string; mine: string; theirs: string }[] {
  const fields = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])].filter((field) => field !== 'id');
  const shown = (value: unknown, field: string): string => {
    if (value === undefined) return 'left out';
    return isSecretField(field) ? 'another webhook' : JSON.stringify(value);
  };
  return fields
    .map((field) => ({
      field,
      a: (mine as Record<string, unknown>)[field],
      b: (theirs as Record<string, unknown>)[field],
    }))
    .filter(({ a, b }) => JSON.stringify(a) !== JSON.stringify(b))
    .map(({ field, a, b }) => ({ field, mine: shown(a, field), theirs: shown(b, field) }));
}
