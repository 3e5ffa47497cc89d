// The one table of a rule's fields. Schema, defaults, checks, CLI parsing, the editor's form, masking and the table in
// docs/RULES.md are derived from it or compared with it. A new field is its line in `Rule`, its row here, and where it acts.
import { isRuleType, measures, percentileTypes, ruleTypes } from '../measure/measures.ts';
import { aggregateNames, aggregates } from './aggregate.ts';
import { comparisons, isOperator, operators } from './comparison.ts';
import { isMatcher } from './matcher.ts';
import type { ChoiceSpec, FieldKind, FieldName, FieldSpec, FormGroup, Row } from './field-spec.ts';
import { severities } from './severity.ts';
import type { Rule, Trigger } from './rule.ts';

export const formGroups: Record<Exclude<FormGroup, 'main'>, { readonly title: string; readonly isWide: boolean }> = {
  timing: { title: 'Timing and recovery', isWide: false },
  groups: { title: 'One value for many series', isWide: false },
  notifications: { title: 'Notifications', isWide: false },
  details: { title: 'Tags and details', isWide: true },
};

const triggerWords: Record<Trigger, string> = {
  crossing: 'once, when it starts',
  every_sample: 'on every sample in breach',
};

function wordsOf<Key extends string>(keys: readonly Key[], words: (key: Key) => string): Record<Key, string> {
  return Object.fromEntries(keys.map((key) => [key, words(key)])) as Record<Key, string>;
}

/** In the order in which forms, messages and documents name them. */
export const ruleFields = {
  metric_name: {
    kind: 'metric_name',
    required: "must be the metric's name, a string",
    help: 'The name of the metric. At most 255 bytes of UTF-8, no control characters.',
    form: { group: 'main', label: 'Metric', placeholder: 'packages-received', width: 'long' },
  },
  threshold: {
    kind: 'number',
    requiredUnless: { fields: ['levels', 'no_data_seconds'], text: 'must be a finite number' },
    help: 'What the value is compared with. Required unless levels or no_data_seconds is given.',
    form: { group: 'main', label: 'Threshold', placeholder: '500', width: 'short' },
  },
  levels: {
    kind: 'levels',
    least: 2,
    most: 4,
    help: "Several thresholds, each with a severity. A level's for_seconds and notify take the place of the rule's own.",
    form: { group: 'timing', label: 'Levels' },
  },
  discord_webhook_url: {
    kind: 'discord_webhook',
    requiredUnless: { fields: ['notify'], text: 'must be the URL of a Discord webhook' },
    charactersMax: 512,
    isSecret: true,
    help: 'Where notifications go. A secret. Required unless notify names receivers.',
    form: {
      group: 'main',
      label: 'Discord webhook URL',
      placeholder: 'https://discord.com/api/webhooks/…',
      width: 'long',
      hint: 'In Discord: channel settings > Integrations > Webhooks. Keep it secret: anyone with this URL can post to the channel.',
    },
  },
  notify: {
    kind: 'receivers',
    namesMax: 10,
    help: 'Receivers to notify, beside the Discord webhook or in its place.',
    form: { group: 'notifications', label: 'Receivers', placeholder: 'ops, payments' },
  },
  operator: {
    kind: 'choice',
    default: '>',
    choices: wordsOf(operators, (operator) => comparisons[operator].words.short),
    help: 'How the value is compared with the threshold: the rule is in breach when the comparison holds.',
    form: { group: 'main', label: 'Condition' },
  },
  tags: {
    kind: 'tags',
    help: 'Only series for which all of these hold match. Without tags, every series of the metric does.',
    form: { group: 'details', label: 'Only series with these tags' },
  },
  type: {
    kind: 'choice',
    default: 'instantaneous',
    choices: wordsOf(ruleTypes, (type) => measures[type].words.verb),
    help: 'What is compared: each value, or a measure of the window that ends with it.',
    form: { group: 'main', label: 'Compare' },
  },
  window_duration_seconds: {
    kind: 'number',
    above: 0,
    most: 86_400,
    unit: 's',
    help: 'The length of the window. Required with every type that has one; refused with the others.',
    form: { group: 'main', label: 'Window', placeholder: '60', width: 'short' },
  },
  percentile: {
    kind: 'number',
    least: 0,
    most: 100,
    help: `Which percentile. Required with type ${percentileTypes.join(', ')}; refused with the others.`,
    form: { group: 'main', label: 'Percentile', placeholder: '95', width: 'short' },
  },
  group_by: {
    kind: 'tag_names',
    namesMax: 16,
    help: 'One alarm for all series with the same values of these tags, e.g. one for each service. An empty list, [], is one group of all.',
    form: {
      group: 'groups',
      label: 'Group by tags',
      placeholder: 'service, zone',
    },
  },
  aggregate: {
    kind: 'choice',
    choices: wordsOf(
      aggregateNames,
      (aggregate) => aggregates[aggregate].noun + (aggregates[aggregate].hasWhere ? ' whose value is …' : ''),
    ),
    help: "How the values of a group's series become one, e.g. the sum of the requests of all servers. Required with group_by, unless the rule is about absence alone.",
    form: { group: 'groups', label: 'Compare the' },
  },
  aggregate_where: {
    kind: 'where',
    help: 'Which series of the group count, e.g. hosts above 90. Required with count_where and share_where.',
    form: {
      group: 'groups',
      label: 'Of series whose value is',
    },
  },
  min_series: {
    kind: 'number',
    default: 1,
    least: 1,
    isWhole: true,
    help: 'With fewer series in the group nothing is evaluated, e.g. 10: no verdict on a tenth of three hosts.',
    form: {
      group: 'groups',
      label: 'At least so many series',
      placeholder: '1',
    },
  },
  stale_seconds: {
    kind: 'number',
    above: 0,
    most: 86_400,
    unit: 's',
    help: 'A series counts for this long after its newest sample, e.g. 60: a host that is gone leaves the sum after a minute. By default the window, or 300 s without one.',
    form: {
      group: 'groups',
      label: 'A series counts for',
      placeholder: '300',
    },
  },
  divide_by: {
    kind: 'ratio',
    help: 'Compare a ratio: the value divided by a second one of the same metric, e.g. failed requests by all requests. A threshold of 0.05 is then 5 %.',
    form: { group: 'groups', label: 'Divide by a second value' },
  },
  cooldown_seconds: {
    kind: 'number',
    default: 0,
    least: 0,
    unit: 's',
    help: 'At most one message in this time. Alarms that still fire when it ends are sent then.',
    form: { group: 'notifications', label: 'Cooldown', placeholder: '0' },
  },
  remind_seconds: {
    kind: 'number',
    least: 60,
    unit: 's',
    help: 'Send again while the alarm still fires.',
    form: { group: 'notifications', label: 'Remind after', placeholder: 'off' },
  },
  trigger: {
    kind: 'choice',
    default: 'crossing',
    choices: triggerWords,
    help: 'Whether a breach that lasts is notified once, or on each sample.',
    form: { group: 'notifications', label: 'Notify' },
  },
  for_seconds: {
    kind: 'number',
    default: 0,
    least: 0,
    unit: 's',
    help: 'How long a breach must last before the alarm fires. 0 fires on the first sample.',
    form: { group: 'timing', label: 'Fire after', placeholder: '0' },
  },
  for_samples: {
    kind: 'samples',
    help: 'Fire when so many of the newest values are in breach, in place of for_seconds.',
    form: { group: 'timing', label: 'Fire after values in breach', placeholder: '3 of 5' },
  },
  resolve_threshold: {
    kind: 'number',
    help: 'A firing alarm resolves only past this value. Set it back from the threshold to avoid flapping. Not with == and !=.',
    form: { group: 'timing', label: 'Recovery threshold', placeholder: 'the threshold' },
  },
  resolve_for_seconds: {
    kind: 'number',
    default: 0,
    least: 0,
    unit: 's',
    help: 'How long the value must be clear before the alarm resolves. 0 resolves on the first clear sample.',
    form: { group: 'timing', label: 'Resolve after', placeholder: '0' },
  },
  notify_on_resolve: {
    kind: 'flag',
    default: false,
    help: 'Also send a message when an alarm resolves.',
    form: { group: 'notifications', label: 'Also notify when it resolves' },
  },
  no_data_seconds: {
    kind: 'number',
    above: 0,
    unit: 's',
    help: 'Also fire when a series sends no sample for this long. Without a threshold the rule fires for that alone.',
    form: { group: 'timing', label: 'Fire without data for', placeholder: 'off' },
  },
  resolve_without_data_seconds: {
    kind: 'number',
    above: 0,
    unit: 's',
    help: 'Resolve an alarm when its series sends no sample for this long. Not with no_data_seconds.',
    form: { group: 'timing', label: 'Resolve without data for', placeholder: 'off' },
  },
  name: {
    kind: 'line',
    charactersMax: 200,
    help: 'What people and files call the rule. Two rules never have the same name.',
    form: { group: 'details', label: 'Name', placeholder: 'Checkout errors', width: 'long' },
  },
  severity: {
    kind: 'choice',
    choices: wordsOf(severities, (severity) => severity),
    help: 'How bad it is: the color of messages, and what can be searched. Without it an alarm is as red as a critical one.',
    form: { group: 'details', label: 'Severity' },
  },
  enabled: {
    kind: 'flag',
    default: true,
    help: 'A disabled rule is kept and not evaluated.',
    form: { group: 'details', label: 'Enabled' },
  },
  description: {
    kind: 'text',
    charactersMax: 1_000,
    help: 'Shown with every alarm: what to do, and who to contact.',
    form: { group: 'details', label: 'Description', width: 'long' },
  },
  runbook_url: {
    kind: 'url',
    charactersMax: 1_000,
    help: 'What to do when it fires: an https URL, shown as a link with every alarm.',
    form: { group: 'details', label: 'Runbook URL', placeholder: 'https://wiki.example.org/checkout', width: 'long' },
  },
  labels: {
    kind: 'labels',
    help: 'Whose the rule is, and what it belongs to, such as team=payments. Shown and searched, never evaluated.',
    form: { group: 'details', label: 'Labels', placeholder: 'team=payments', width: 'long' },
  },
} as const satisfies { readonly [Field in FieldName]: Row<Field> };

export const fieldNames = Object.keys(ruleFields) as readonly FieldName[];

/** The row of a field as one of the union's members, to be switched on by its kind. */
export function fieldSpec(field: FieldName): FieldSpec {
  return ruleFields[field];
}

export function isField(field: string): field is FieldName {
  return Object.hasOwn(ruleFields, field);
}

type SecretField = {
  [Field in FieldName]: (typeof ruleFields)[Field] extends { readonly isSecret: true } ? Field : never;
}[FieldName];

/** A rule as everybody may see it: what notifications carry. */
export type PublicRule = Omit<Rule, SecretField>;

/** Also of what a newer version wrote: fields that are not known are left out. */
export function publicRule(rule: Partial<Rule> & Pick<Rule, 'id'>): PublicRule {
  const fields = publicFields.filter((field) => rule[field] !== undefined).map((field) => [field, rule[field]]);
  return { id: rule.id, ...Object.fromEntries(fields) } as PublicRule;
}

const typesOfKinds: Record<FieldKind, (value: unknown, spec: FieldSpec) => boolean> = {
  metric_name: (value) => typeof value === 'string',
  discord_webhook: (value) => typeof value === 'string',
  text: (value) => typeof value === 'string',
  line: (value) => typeof value === 'string',
  url: (value) => typeof value === 'string',
  labels: (value) =>
    typeof value === 'object' && value !== null && Object.values(value).every((label) => typeof label === 'string'),
  number: Number.isFinite,
  choice: (value, spec) => typeof value === 'string' && Object.hasOwn((spec as ChoiceSpec).choices, value),
  flag: (value) => typeof value === 'boolean',
  receivers: isTexts,
  tag_names: isTexts,
  where: (value) =>
    isObject(value) && isOperator((value as Fields).operator) && Number.isFinite((value as Fields).threshold),
  samples: (value) => isObject(value) && ['breaches', 'of'].every((field) => Number.isFinite((value as Fields)[field])),
  levels: (value) => Array.isArray(value) && value.every(isLevel),
  ratio: isRatio,
  tags: (value) => isObject(value) && Object.values(value).every(isMatcher),
};

type Fields = Readonly<Record<string, unknown>>;

function isLevel(level: unknown): boolean {
  if (!isObject(level)) return false;
  const { threshold, severity, for_seconds: seconds = 0, notify = [] } = level as Fields;
  const isKnown = severity === undefined || severities.some((one) => one === severity);
  return Number.isFinite(threshold) && isKnown && Number.isFinite(seconds) && isTexts(notify);
}

function isRatio(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { tags = {}, type } = value as Fields;
  return typesOfKinds.tags(tags, ruleFields.tags) && (type === undefined || isRuleType(type));
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value has the field's type: for records of ours, which parseRule has checked before. */
export function hasKind(field: FieldName, value: unknown): boolean {
  const spec = fieldSpec(field);
  return typesOfKinds[spec.kind](value, spec);
}

/** Whether a field's value must never be shown, logged or kept outside the `rules` topic. */
export function isSecretField(field: string): boolean {
  return isField(field) && fieldSpec(field).isSecret === true;
}

const publicFields = fieldNames.filter((field) => !isSecretField(field));

type Defaults = {
  readonly [
    Field in FieldName as (typeof ruleFields)[Field] extends { readonly default: unknown } ? Field : never
  ]: (typeof ruleFields)[Field] extends { readonly default: infer Value } ? Value : never;
};

/** What a field means when its author left it out. `resolve_threshold` is then the threshold itself. */
export const ruleDefaults = Object.fromEntries(
  fieldNames.flatMap((field) => {
    const spec = fieldSpec(field);
    return 'default' in spec ? [[field, spec.default]] : [];
  }),
) as Defaults;
