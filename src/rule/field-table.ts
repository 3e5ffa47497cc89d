// The table of a rule's fields in docs/RULES.md, made from `ruleFields`: scripts/rule-table.mjs writes it, a test compares it.
import { divideByFields } from './aggregate.ts';
import { samplesMax } from './for-samples.ts';
import type { FieldKind, FieldSpec, SpecOf } from './field-spec.ts';
import { levelFields } from './rule-level.ts';
import { fieldNames, fieldSpec } from './rule-fields.ts';

const types: { readonly [Kind in FieldKind]: (spec: SpecOf<Kind>) => string } = {
  metric_name: () => 'text',
  discord_webhook: () => 'URL',
  text: ({ charactersMax }) => `text, at most ${charactersMax} characters`,
  line: ({ charactersMax }) => `a line of text, at most ${charactersMax} characters`,
  url: () => 'https URL',
  labels: () => 'object of text, at most 16 entries',
  number: ({ above, least, most, isWhole }) =>
    [
      isWhole ? 'whole number' : 'number',
      ...(above === undefined ? [] : [`greater than ${above}`]),
      ...(least === undefined ? [] : [`at least ${least}`]),
      ...(most === undefined ? [] : [`at most ${most}`]),
    ].join(', '),
  choice: ({ choices }) =>
    Object.keys(choices)
      .map((value) => `\`${value}\``)
      .join(' or '),
  flag: () => '`true` or `false`',
  receivers: ({ namesMax }) => `1 to ${namesMax} names`,
  tag_names: ({ namesMax }) => `list of at most ${namesMax} tag names`,
  where: () => 'object: `operator`, `threshold`',
  levels: ({ least, most }) => `${least} to ${most} objects: ${levelFields.map((field) => `\`${field}\``).join(', ')}`,
  samples: () => `object: \`breaches\` of the last \`of\` values, at most ${samplesMax}`,
  ratio: () => `object: ${divideByFields.map((field) => `\`${field}\``).join(', ')}`,
  tags: () => 'object of matchers, at most 16 entries',
};

function typeOf<Kind extends FieldKind>(spec: SpecOf<Kind>): string {
  return types[spec.kind](spec);
}

function defaultOf(spec: FieldSpec): string {
  if (spec.required !== undefined || spec.requiredUnless !== undefined) return 'required';
  return 'default' in spec ? `\`${String(spec.default)}\`` : '';
}

/** The rows of a Markdown table, with its head. */
export function ruleFieldTable(): string {
  const rows = fieldNames.map((field) => {
    const spec = fieldSpec(field);
    return `| \`${field}\` | ${typeOf(spec)} | ${defaultOf(spec)} | ${spec.help} |`;
  });
  return ['| field | type | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
