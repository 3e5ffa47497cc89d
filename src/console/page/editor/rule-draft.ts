// A rule while it is being edited: every field as the text in its input, empty for a field that is left out. The server
// validates what was typed, and its errors name the field. Fields that this page does not know are kept as they are.
import { isParameter, needsParameter } from '../../../measure/measures.ts';
import type { FieldKind, FieldName, SpecOf } from '../../../rule/field-spec.ts';
import { fieldNames, fieldSpec, isField, isSecretField, type ruleFields } from '../../../rule/rule-fields.ts';
import { aggregates, isAggregate } from '../../../rule/aggregate.ts';
import { forSamplesText, parseForSamples, type ForSamples } from '../../../rule/for-samples.ts';
import { namesOf } from '../../../rule/receiver-name.ts';
import type { Rule } from '../../../rule/rule.ts';
import { numberOf, ratioDrafting, whereDrafting, type RatioDraft, type WhereDraft } from './group-draft.ts';
import { tagsDrafting, type TagsDraft } from './tags-draft.ts';
import { levelsDrafting, type LevelDraft } from './level-draft.ts';

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
  where: WhereDraft;
  /** As `3 of 5`. */
  samples: string;
  levels: readonly LevelDraft[];
  ratio: RatioDraft;
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
  where: whereDrafting,
  samples: {
    ...text,
    of: (value) => (typeof value === 'object' && value !== null ? forSamplesText(value as ForSamples) : String(value)),
    valueOf: (draft) => (draft.trim() === '' ? undefined : (parseForSamples(draft) ?? draft)),
  },
  levels: levelsDrafting,
  ratio: ratioDrafting,
  flag: { empty: (spec) => spec.default, of: (value) => value === true, valueOf: (draft) => draft },
  tags: tagsDrafting,
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
    if (field === 'aggregate_where' && isAggregate(draft.aggregate) && !aggregates[draft.aggregate].hasWhere) continue;
    const value = draftingOf(field).valueOf(draft[field]);
    const spec = fieldSpec(field);
    // A number at its default was typed; a choice or a flag has its default without being chosen.
    const isDefault = (spec.kind === 'choice' || spec.kind === 'flag') && value === spec.default;
    const wasGiven = saved !== undefined && Object.hasOwn(saved, field);
    if (value !== undefined && (!isDefault || wasGiven)) fields[field] = value;
  }
  return { ...fields, ...draft.unknown };
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
