import { nameBytesMax, tagKeyBytesMax, tagsMax, tagValueBytesMax } from '../metric/metric-limits.ts';
import { listedValuesMax } from './matcher-check.ts';
import { ruleTypes } from '../measure/measures.ts';
import { operators } from './comparison.ts';
import { samplesMax } from './for-samples.ts';
import type { FieldKind, FieldSpec, SpecOf } from './field-spec.ts';
import { fieldNames, fieldSpec, ruleFields } from './rule-fields.ts';
import { severities } from './severity.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

const tagValue = { type: 'string', maxLength: tagValueBytesMax };

function oneField(name: string, schema: JsonSchema): JsonSchema {
  return { type: 'object', properties: { [name]: schema }, required: [name], additionalProperties: false };
}

/** What a tag's value must be: this, one of these, or like this. */
const valueMatchers = [
  tagValue,
  { type: 'array', items: tagValue, minItems: 1, maxItems: listedValuesMax },
  oneField('like', { ...tagValue, examples: ['web-*'] }),
];

const tagsSchema = {
  type: 'object',
  maxProperties: tagsMax,
  propertyNames: { minLength: 1, maxLength: tagKeyBytesMax },
  additionalProperties: {
    oneOf: [...valueMatchers, oneField('exists', { type: 'boolean' }), oneField('not', { oneOf: valueMatchers })],
  },
};

// Lengths here count characters, where parseRule counts bytes of UTF-8: the schema refuses nothing that parseRule takes.
const schemas: { readonly [Kind in FieldKind]: (spec: SpecOf<Kind>) => JsonSchema } = {
  metric_name: () => ({ type: 'string', minLength: 1, maxLength: nameBytesMax }),
  discord_webhook: ({ charactersMax }) => ({
    type: 'string',
    maxLength: charactersMax,
    examples: ['https://discord.com/api/webhooks/{id}/{token}'],
  }),
  text: ({ charactersMax }) => ({ type: 'string', maxLength: charactersMax }),
  line: ({ charactersMax }) => ({ type: 'string', minLength: 1, maxLength: charactersMax }),
  url: ({ charactersMax }) => ({
    type: 'string',
    maxLength: charactersMax,
    examples: ['https://wiki.example.org/checkout'],
  }),
  labels: () => ({
    type: 'object',
    maxProperties: tagsMax,
    propertyNames: { minLength: 1, maxLength: tagKeyBytesMax },
    additionalProperties: tagValue,
  }),
  // JSON leaves out what is undefined.
  number: ({ above, least, most, isWhole }) => ({
    type: isWhole ? 'integer' : 'number',
    exclusiveMinimum: above,
    minimum: least,
    maximum: most,
  }),
  choice: ({ choices }) => ({ type: 'string', enum: Object.keys(choices) }),
  flag: () => ({ type: 'boolean' }),
  receivers: ({ namesMax }) => ({
    type: 'array',
    items: { type: 'string' },
    minItems: 1,
    maxItems: namesMax,
    uniqueItems: true,
  }),
  tag_names: ({ namesMax }) => ({
    type: 'array',
    items: { type: 'string', minLength: 1, maxLength: tagKeyBytesMax },
    maxItems: namesMax,
    uniqueItems: true,
  }),
  where: () => ({
    type: 'object',
    properties: { operator: { type: 'string', enum: operators }, threshold: { type: 'number' } },
    required: ['operator', 'threshold'],
    additionalProperties: false,
  }),
  levels: ({ least, most }) => ({
    type: 'array',
    minItems: least,
    maxItems: most,
    items: {
      type: 'object',
      properties: {
        severity: { type: 'string', enum: severities },
        threshold: { type: 'number' },
        for_seconds: { type: 'number', minimum: 0 },
        notify: {
          type: 'array',
          items: { type: 'string' },
          minItems: 1,
          maxItems: ruleFields.notify.namesMax,
          uniqueItems: true,
        },
      },
      required: ['threshold'],
      additionalProperties: false,
    },
  }),
  samples: () => ({
    type: 'object',
    properties: {
      breaches: { type: 'integer', minimum: 1, maximum: samplesMax },
      of: { type: 'integer', minimum: 1, maximum: samplesMax },
    },
    required: ['breaches', 'of'],
    additionalProperties: false,
  }),
  ratio: () => ({
    type: 'object',
    properties: {
      tags: tagsSchema,
      type: { type: 'string', enum: ruleTypes },
      window_duration_seconds: { type: 'number', exclusiveMinimum: 0, maximum: 86_400 },
      percentile: { type: 'number', minimum: 0, maximum: 100 },
      min_value: { type: 'number' },
    },
    additionalProperties: false,
  }),
  tags: () => tagsSchema,
};

function schemaOf<Kind extends FieldKind>(spec: SpecOf<Kind>): JsonSchema {
  const { kind, help } = spec as FieldSpec;
  const byDefault = 'default' in spec ? spec.default : undefined;
  const schema = { ...schemas[kind as Kind](spec), default: byDefault, description: help };
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}

const properties = {
  id: { type: 'string', format: 'uuid', description: 'Assigned by the service.' },
  ...Object.fromEntries(fieldNames.map((field) => [field, schemaOf(fieldSpec(field))])),
};
const required = fieldNames.filter((field) => 'required' in ruleFields[field]);

/** JSON Schema (draft 2020-12) of a rule as a client sends it: for OpenAPI. parseRule is what decides. */
export const ruleInputSchema = {
  title: 'RuleInput',
  type: 'object',
  properties,
  required,
  additionalProperties: false,
};

/** JSON Schema of a rule as it is stored and returned. */
export const ruleSchema = {
  title: 'Rule',
  type: 'object',
  properties,
  required: ['id', ...required],
  additionalProperties: false,
};
