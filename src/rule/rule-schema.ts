import { nameBytesMax, tagKeyBytesMax, tagsMax, tagValueBytesMax } from '../metric/metric-limits.ts';
import { ruleTypes, windowTypes } from '../measure/measures.ts';
import { operators } from './comparison.ts';
import { descriptionCharactersMax, ruleDefaults, triggers, windowSecondsMax } from './rule.ts';

// Lengths here count characters, where parseRule counts bytes of UTF-8: the schema refuses nothing that parseRule takes.
const fields = {
  metric_name: {
    type: 'string',
    minLength: 1,
    maxLength: nameBytesMax,
    description: 'The name of the metric. At most 255 bytes of UTF-8, no control characters.',
  },
  threshold: { type: 'number', description: 'What the value is compared with.' },
  discord_webhook_url: {
    type: 'string',
    maxLength: 512,
    description: 'Where notifications go. A secret.',
    examples: ['https://discord.com/api/webhooks/{id}/{token}'],
  },
  operator: {
    type: 'string',
    enum: operators,
    default: ruleDefaults.operator,
    description: 'In breach when the value is strictly above (">") or below ("<") the threshold.',
  },
  tags: {
    type: 'object',
    maxProperties: tagsMax,
    propertyNames: { minLength: 1, maxLength: tagKeyBytesMax },
    additionalProperties: { type: 'string', maxLength: tagValueBytesMax },
    description: 'Only series with all of these tags are watched. Without tags every series of the metric is.',
  },
  type: {
    type: 'string',
    enum: ruleTypes,
    default: ruleDefaults.type,
    description: 'What is compared: each value, or the mean of the window that ends with it.',
  },
  window_duration_seconds: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: windowSecondsMax,
    description: `The length of the window. Required with type ${windowTypes.join(', ')}; refused with any other.`,
  },
  cooldown_seconds: {
    type: 'number',
    minimum: 0,
    default: ruleDefaults.cooldown_seconds,
    description: 'The least time between two notifications of this rule.',
  },
  trigger: {
    type: 'string',
    enum: triggers,
    default: ruleDefaults.trigger,
    description: 'Whether a breach that goes on is notified once, or at each sample.',
  },
  for_seconds: {
    type: 'number',
    minimum: 0,
    default: ruleDefaults.for_seconds,
    description: 'How long a breach must last before the alarm fires.',
  },
  resolve_threshold: {
    type: 'number',
    description: 'A firing alarm ends only on the far side of this value. The threshold when left out.',
  },
  notify_on_resolve: {
    type: 'boolean',
    default: ruleDefaults.notify_on_resolve,
    description: 'Whether the end of a firing alarm is notified too.',
  },
  no_data_seconds: {
    type: 'number',
    exclusiveMinimum: 0,
    description: 'Fire when a series that has been seen says nothing for this long. Off when left out.',
  },
  enabled: {
    type: 'boolean',
    default: ruleDefaults.enabled,
    description: 'A disabled rule is kept, and evaluated by nothing.',
  },
  description: { type: 'string', maxLength: descriptionCharactersMax, description: 'Shown with the alarm.' },
} as const;

const id = { type: 'string', format: 'uuid', description: 'Given by the service.' } as const;
const required = ['metric_name', 'threshold', 'discord_webhook_url'] as const;

/** JSON Schema (draft 2020-12) of a rule as a client sends it: for OpenAPI. parseRule is what decides. */
export const ruleInputSchema = {
  title: 'RuleInput',
  type: 'object',
  properties: { id, ...fields },
  required,
  additionalProperties: false,
} as const;

/** JSON Schema of a rule as it is stored and returned. */
export const ruleSchema = {
  title: 'Rule',
  type: 'object',
  properties: { id, ...fields },
  required: ['id', ...required],
  additionalProperties: false,
} as const;
