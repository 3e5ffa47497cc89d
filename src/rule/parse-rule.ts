import { Failure, fieldsFailure, shown, type FieldError } from '../base/failure.ts';
import { parameterNames } from '../measure/measures.ts';
import { nameProblem, tagsProblems, type TagProblem } from '../metric/metric-limits.ts';
import { tagsOf } from '../metric/sample.ts';
import { divideByFields } from './aggregate.ts';
import { isOperator, operators } from './comparison.ts';
import { matchersProblems } from './matcher-check.ts';
import { matchersOf, type TagMatchers } from './matcher.ts';
import { groupErrors } from './parse-group.ts';
import { samplesMax } from './for-samples.ts';
import type { FieldKind, SpecOf } from './field-spec.ts';
import { levelFields } from './rule-level.ts';
import { fieldNames, fieldSpec, isField, ruleFields } from './rule-fields.ts';
import { isReceiverName, receiverNameAllowed } from './receiver-name.ts';
import { isRuleId, ruleIdAllowed } from './rule-id.ts';
import type { Labels, Rule } from './rule.ts';
import {
  parseWebhookUrl,
  withoutWebhookTokens,
  type Webhook,
  type WebhookProblem,
} from '../receiver/discord/address.ts';
import { conflictErrors } from './field-conflicts.ts';
import { error, invalid, isObject, numberWords, orList, safelyShown, type NumberRange } from './field-error.ts';

export interface ParseRuleOptions {
  /** The rule's identity: what the service made up, what stands in the path, or the record's key. See isRuleId. */
  readonly id: string;
  /** Whether the input may, must or must not have an `id` of its own. One that is there must be equal. */
  readonly idInInput: 'refused' | 'optional' | 'required';
  /** The operator's base in place of Discord's (receiver/discord/address.ts). */
  readonly apiBase?: string | undefined;
  /** In place of parseWebhookUrl on that base: for whoever reads many rules of few webhooks. */
  readonly parseWebhook?: (text: string) => Webhook | WebhookProblem;
}

/** Unknown fields are named up to this many, since a body may have a hundred thousand. */
const unknownFieldsNamedMax = 20;

/**
 * The rule that parsed JSON gives, its id first and the fields in the author's order. Throws one Failure that lists all
 * fields that are wrong, each message naming the field, the value and what is allowed. The webhook's URL is in no message.
 */
export function parseRule(input: unknown, options: ParseRuleOptions): Rule {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new Failure('invalid_request', 'a rule must be a JSON object');
  }
  const fields = input as Record<string, unknown>;
  const errors: FieldError[] = [...idErrors(fields, options)];
  for (const field of fieldNames) {
    const spec = fieldSpec(field);
    if (Object.hasOwn(fields, field)) errors.push(...checked(spec, fields[field], field, options));
    else if (spec.required !== undefined)
      errors.push(error(field, 'missing_field', `${field} is missing: it ${spec.required}`));
    else if (spec.requiredUnless?.fields.some((other) => Object.hasOwn(fields, other)) === false)
      errors.push(error(field, 'missing_field', `${field} is missing: it ${spec.requiredUnless.text}`));
  }
  errors.push(...conflictErrors(fields), ...groupErrors(fields), ...unknownErrors(fields));
  if (errors.length > 0) throw fieldsFailure(errors);
  return ruleOf(fields, options.id);
}

function ruleOf(fields: Record<string, unknown>, id: string): Rule {
  const { id: _id, ...given } = fields;
  // Copied, so that nobody who still holds the input can change a rule.
  if (given['tags'] !== undefined) given['tags'] = matchersOf(given['tags'] as TagMatchers);
  if (given['labels'] !== undefined) given['labels'] = tagsOf(Object.entries(given['labels'] as Labels));
  for (const field of ['notify', 'group_by'])
    if (given[field] !== undefined) given[field] = [...(given[field] as string[])];
  for (const field of ['aggregate_where', 'divide_by', 'for_samples', 'levels'])
    if (given[field] !== undefined) given[field] = structuredClone(given[field]);
  return { id, ...given } as unknown as Rule;
}

type Check<Kind extends FieldKind> = (
  value: unknown,
  field: string,
  spec: SpecOf<Kind>,
  options: ParseRuleOptions,
) => FieldError[];

const checks: { readonly [Kind in FieldKind]: Check<Kind> } = {
  metric_name: checkName,
  discord_webhook: checkWebhook,
  text: checkText,
  line: checkLine,
  url: checkUrl,
  labels: (value, field) => keyedErrors(tagsProblems(value, 'labels'), field),
  number: checkNumber,
  choice: checkChoice,
  flag: checkFlag,
  receivers: checkReceivers,
  tag_names: checkTagNames,
  where: checkWhere,
  samples: checkSamples,
  levels: checkLevels,
  ratio: checkRatio,
  tags: checkTags,
};

function checked<Kind extends FieldKind>(
  spec: SpecOf<Kind>,
  value: unknown,
  field: string,
  options: ParseRuleOptions,
): FieldError[] {
  return checks[spec.kind](value, field, spec, options);
}

function idErrors(fields: Record<string, unknown>, options: ParseRuleOptions): FieldError[] {
  if (!isRuleId(options.id))
    return [error('id', 'invalid_field', `id ${ruleIdAllowed}, not ${safelyShown(options.id)}`)];
  if (!Object.hasOwn(fields, 'id')) {
    return options.idInInput === 'required'
      ? [error('id', 'missing_field', `id is missing: it must be ${options.id}`)]
      : [];
  }
  if (options.idInInput === 'refused') {
    return [
      error('id', 'invalid_field', `id must be left out, not ${safelyShown(fields['id'])}: the service gives it`),
    ];
  }
  return fields['id'] === options.id
    ? []
    : [error('id', 'invalid_field', `id must be ${options.id}, not ${safelyShown(fields['id'])}`)];
}

function checkName(value: unknown, field: string): FieldError[] {
  const wrong = nameProblem(value);
  return wrong === undefined ? [] : [invalid(field, wrong, value)];
}

function checkTags(value: unknown, field: string): FieldError[] {
  return keyedErrors(matchersProblems(value), field);
}

function keyedErrors(problems: readonly TagProblem[], field: string): FieldError[] {
  return problems.map(({ key, message }) => {
    const name = key === undefined ? field : `${field}.${withoutWebhookTokens(key)}`;
    return error(name, 'invalid_field', `${name} ${message}`);
  });
}

function checkNumber(value: unknown, field: string, spec: NumberRange): FieldError[] {
  const { above = -Infinity, least = -Infinity, most = Infinity, isWhole } = spec;
  const isNumber = typeof value === 'number' && Number.isFinite(value) && (isWhole !== true || Number.isInteger(value));
  const isAllowed = isNumber && value > above && value >= least && value <= most;
  return isAllowed ? [] : [invalid(field, `must be ${numberWords(spec)}`, value)];
}

function checkChoice(value: unknown, field: string, { choices }: SpecOf<'choice'>): FieldError[] {
  return typeof value === 'string' && Object.hasOwn(choices, value)
    ? []
    : [invalid(field, `must be ${orList(Object.keys(choices))}`, value)];
}

function checkFlag(value: unknown, field: string): FieldError[] {
  return typeof value === 'boolean' ? [] : [invalid(field, 'must be true or false', value)];
}

function checkReceivers(value: unknown, field: string, { namesMax }: SpecOf<'receivers'>): FieldError[] {
  if (!Array.isArray(value)) return [invalid(field, "must be a list of receivers' names", value)];
  if (value.length === 0 || value.length > namesMax)
    return [error(field, 'invalid_field', `${field} must have 1 to ${namesMax} names, not ${value.length}`)];
  const wrong = value.findIndex((name, index) => !isReceiverName(name) || value.indexOf(name) < index);
  if (wrong === -1) return [];
  return [invalid(`${field}.${wrong}`, `${receiverNameAllowed}, each name once`, value[wrong])];
}

function checkTagNames(value: unknown, field: string, { namesMax }: SpecOf<'tag_names'>): FieldError[] {
  if (!Array.isArray(value)) return [invalid(field, 'must be a list of tag names', value)];
  if (value.length > namesMax)
    return [error(field, 'invalid_field', `${field} must have at most ${namesMax} names, not ${value.length}`)];
  const wrong = value.findIndex((name, index) => tagNameProblem(name) || value.indexOf(name) < index);
  return wrong === -1 ? [] : [invalid(`${field}.${wrong}`, 'must be the name of a tag, each name once', value[wrong])];
}

function tagNameProblem(name: unknown): boolean {
  return typeof name !== 'string' || tagsProblems({ [name]: '' }).some(({ key }) => key !== undefined);
}

function checkWhere(value: unknown, field: string): FieldError[] {
  if (!isObject(value)) return [invalid(field, 'must be an object with operator and threshold', value)];
  const { operator, threshold } = value;
  return [
    ...(isOperator(operator) ? [] : [invalid(`${field}.operator`, `must be ${orList(operators)}`, operator)]),
    ...checkNumber(threshold, `${field}.threshold`, {}),
    ...strangers(value, field, ['operator', 'threshold']),
  ];
}

/** Whether they rise or fall as the operator has it is checked in levelErrors. */
function checkLevels(value: unknown, field: string, { least, most }: SpecOf<'levels'>): FieldError[] {
  if (!Array.isArray(value)) return [invalid(field, 'must be a list of levels', value)];
  if (value.length < least || value.length > most)
    return [error(field, 'invalid_field', `${field} must have ${least} to ${most} levels, not ${value.length}`)];
  return value.flatMap((level: unknown, index) => checkLevel(level, `${field}.${index}`));
}

function checkLevel(level: unknown, field: string): FieldError[] {
  if (!isObject(level)) return [invalid(field, 'must be an object', level)];
  const { severity, threshold, for_seconds: seconds, notify } = level;
  return [
    ...(threshold === undefined
      ? [error(`${field}.threshold`, 'missing_field', `${field}.threshold is missing: it must be a finite number`)]
      : checkNumber(threshold, `${field}.threshold`, {})),
    ...(severity === undefined ? [] : checkChoice(severity, `${field}.severity`, ruleFields.severity)),
    ...(seconds === undefined ? [] : checkNumber(seconds, `${field}.for_seconds`, ruleFields.for_seconds)),
    ...(notify === undefined ? [] : checkReceivers(notify, `${field}.notify`, ruleFields.notify)),
    ...strangers(level, field, levelFields),
  ];
}

function checkSamples(value: unknown, field: string): FieldError[] {
  if (!isObject(value)) return [invalid(field, 'must be an object with breaches and of', value)];
  const { breaches, of } = value;
  const whole = { least: 1, most: samplesMax, isWhole: true } as const;
  const errors = [
    ...checkNumber(breaches, `${field}.breaches`, whole),
    ...checkNumber(of, `${field}.of`, whole),
    ...strangers(value, field, ['breaches', 'of']),
  ];
  if (errors.length > 0 || (breaches as number) <= (of as number)) return errors;
  return [invalid(`${field}.breaches`, `must be at most ${field}.of (${String(of)})`, breaches)];
}

function checkRatio(value: unknown, field: string): FieldError[] {
  if (!isObject(value)) return [invalid(field, 'must be an object', value)];
  const { tags, type, min_value: minValue } = value;
  return [
    ...(tags === undefined ? [] : checkTags(tags, `${field}.tags`)),
    ...(type === undefined ? [] : checkChoice(type, `${field}.type`, ruleFields.type)),
    ...parameterNames.flatMap((name) =>
      value[name] === undefined ? [] : checkNumber(value[name], `${field}.${name}`, ruleFields[name]),
    ),
    ...(minValue === undefined ? [] : checkNumber(minValue, `${field}.min_value`, {})),
    ...strangers(value, field, divideByFields),
  ];
}

/** Fields of an object in a rule that it does not have. */
function strangers(value: object, field: string, known: readonly string[]): FieldError[] {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return [];
  const name = `${field}.${withoutWebhookTokens(shown(unknown).slice(1, -1))}`;
  return [error(name, 'unknown_field', `${name} is not a field of ${field}; the fields are ${known.join(', ')}`)];
}

function checkText(value: unknown, field: string, { charactersMax }: SpecOf<'text'>): FieldError[] {
  if (typeof value !== 'string') return [invalid(field, 'must be a string', value)];
  if (!value.isWellFormed())
    return [error(field, 'invalid_field', `${field} must be valid Unicode text, without lone surrogates`)];
  const characters = Array.from(value).length;
  if (characters <= charactersMax) return [];
  return [error(field, 'invalid_field', `${field} must have at most ${charactersMax} characters, not ${characters}`)];
}

function checkLine(value: unknown, field: string, spec: SpecOf<'line'>): FieldError[] {
  const wrong = checkText(value, field, { ...spec, kind: 'text' });
  if (wrong.length > 0 || typeof value !== 'string') return wrong;
  const isLine = value !== '' && value === value.trim() && !/\p{Cc}/u.test(value);
  return isLine ? [] : [invalid(field, 'must be a line of text, without blanks at its ends', value)];
}

function checkUrl(value: unknown, field: string, spec: SpecOf<'url'>): FieldError[] {
  const wrong = checkText(value, field, { ...spec, kind: 'text' });
  if (wrong.length > 0) return wrong;
  const text = value as string;
  const url = URL.parse(text);
  // Others read it, so that a login has no place in it; blanks and control characters would be dropped by whoever opens it.
  const isGood = url?.protocol === 'https:' && url.username === '' && url.password === '' && !/[\s\p{Cc}]/u.test(text);
  return isGood ? [] : [invalid(field, 'must be an https URL, without a login', value)];
}

function checkWebhook(
  value: unknown,
  field: string,
  _spec: SpecOf<'discord_webhook'>,
  options: ParseRuleOptions,
): FieldError[] {
  // The value is a secret even when it is wrong: a real URL with one letter too many is as good as the right one.
  if (typeof value !== 'string')
    return [error(field, 'invalid_field', `${field} must be a string, the URL of a Discord webhook`)];
  const webhook = options.parseWebhook?.(value) ?? parseWebhookUrl(value, { apiBase: options.apiBase });
  return 'problem' in webhook
    ? [error(field, 'invalid_field', `${field} ${webhook.problem} (the value given is a secret and not shown)`)]
    : [];
}

function unknownErrors(fields: Record<string, unknown>): FieldError[] {
  const unknown = Object.keys(fields).filter((field) => field !== 'id' && !isField(field));
  const errors = unknown.slice(0, unknownFieldsNamedMax).map((field) => {
    const name = withoutWebhookTokens(shown(field).slice(1, -1));
    return error(name, 'unknown_field', `${name} is not a field of a rule; the fields are ${fieldNames.join(', ')}`);
  });
  const more = unknown.length - errors.length;
  return more > 0 ? [...errors, error('', 'unknown_field', `${more} more fields are not known`)] : errors;
}
