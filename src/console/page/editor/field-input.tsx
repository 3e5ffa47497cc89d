import type { ComponentChild } from 'preact';
import type { FieldKind, FieldName } from '../../../rule/field-spec.ts';
import { fieldSpec } from '../../../rule/rule-fields.ts';
import { Check, Choice, Field, LabelLines, TagFields, type Form } from './fields.tsx';
import { Ratio, TagNames, Where } from './group-fields.tsx';
import { LevelRows } from './level-rows.tsx';
import type { FieldNameOf, TextFieldName } from './rule-draft.ts';

/** The input of any field, by its kind. */
export function FieldInput({ form, field }: { readonly form: Form; readonly field: FieldName }) {
  return inputs[fieldSpec(field).kind](form, field);
}

const textInput = (form: Form, field: FieldName) => <Field form={form} field={field as TextFieldName} />;
const inputs: Record<FieldKind, (form: Form, field: FieldName) => ComponentChild> = {
  metric_name: textInput,
  discord_webhook: textInput,
  text: textInput,
  line: textInput,
  url: textInput,
  number: textInput,
  receivers: textInput,
  samples: textInput,
  levels: (form) => <LevelRows form={form} />,
  tag_names: (form) => <TagNames form={form} />,
  where: (form) => <Where form={form} />,
  ratio: (form) => <Ratio form={form} />,
  choice: (form, field) => <Choice form={form} field={field as FieldNameOf<'choice'>} />,
  flag: (form, field) => <Check form={form} field={field as FieldNameOf<'flag'>} />,
  tags: (form) => <TagFields form={form} />,
  labels: (form) => <LabelLines form={form} />,
};
