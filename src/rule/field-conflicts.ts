// What a rule's fields demand of each other, those about groups aside (parse-group.ts). Each field alone is checked in parse-rule.ts.
import type { FieldError } from '../base/failure.ts';
import { isRuleType, needsParameter, parameterNames, parameterTypes } from '../measure/measures.ts';
import { comparisons, isOperator, isWithin } from './comparison.ts';
import { error, invalid, isObject, numberWords, orList, safelyShown } from './field-error.ts';
import type { FieldName } from './field-spec.ts';
import { ruleDefaults, ruleFields } from './rule-fields.ts';

type Fields = Readonly<Record<string, unknown>>;

export function conflictErrors(fields: Fields): FieldError[] {
  return [...parameterErrors(fields), ...resolveErrors(fields), ...exclusionErrors(fields), ...levelErrors(fields)];
}

/** Whether exactly the fields are given that the type needs beside the common ones. */
function parameterErrors(fields: Fields): FieldError[] {
  const type = fields['type'] ?? ruleDefaults.type;
  if (!isRuleType(type)) return [];
  return parameterNames.flatMap((field) => {
    const given = Object.hasOwn(fields, field);
    const isNeeded = needsParameter(type, field);
    if (isNeeded && !given) {
      const allowed = numberWords(ruleFields[field]);
      const message = `${field} is missing: with type ${JSON.stringify(type)} it must be ${allowed}`;
      return [error(field, 'missing_field', message)];
    }
    if (given && !isNeeded) {
      const types = orList(parameterTypes[field]);
      const message = `${field} must be left out, not ${safelyShown(fields[field])}, unless type is ${types}`;
      return [error(field, 'invalid_field', message)];
    }
    return [];
  });
}

function resolveErrors(fields: Fields): FieldError[] {
  const field = 'resolve_threshold';
  const { threshold, resolve_threshold: resolve } = fields;
  if (threshold === undefined && resolve !== undefined && fields['levels'] === undefined)
    return [error(field, 'invalid_field', `${field} must be left out without a threshold`)];
  if (!Number.isFinite(threshold) || !Number.isFinite(resolve)) return [];
  const operator = fields['operator'] ?? ruleDefaults.operator;
  if (!isOperator(operator)) return [];
  const { recovery } = comparisons[operator];
  const [far, near] = [resolve as number, threshold as number];
  if (recovery === undefined)
    return [invalid(field, `must be left out with operator ${JSON.stringify(operator)}`, far)];
  if (isWithin(far, recovery.interval(near))) return [];
  return [
    invalid(
      field,
      `must be ${recovery.words.limit} the threshold (${near}) with operator ${JSON.stringify(operator)}`,
      far,
    ),
  ];
}

/** Each field is refused beside the other one. */
const excluded = [
  ['for_samples', 'for_seconds'],
  ['threshold', 'levels'],
  ['resolve_threshold', 'levels'],
  ['for_samples', 'levels'],
  ['resolve_without_data_seconds', 'no_data_seconds'],
] as const satisfies readonly (readonly [FieldName, FieldName])[];

function exclusionErrors(fields: Fields): FieldError[] {
  return excluded
    .filter((both) => both.every((field) => Object.hasOwn(fields, field)))
    .map(([field, other]) => error(field, 'invalid_field', `${field} must be left out with ${other}`));
}

/** Thresholds become worse from level to level. */
function levelErrors({ levels, operator = ruleDefaults.operator }: Fields): FieldError[] {
  if (!Array.isArray(levels) || !isOperator(operator)) return [];
  const { recovery, excess } = comparisons[operator];
  const shownOperator = JSON.stringify(operator);
  if (recovery === undefined)
    return [error('levels', 'invalid_field', `levels must be left out with operator ${shownOperator}`)];
  const thresholds = levels.map((level: unknown) => (isObject(level) ? level['threshold'] : undefined));
  return thresholds.flatMap((threshold, index) => {
    const before = thresholds[index - 1];
    if (!isFiniteNumber(threshold) || !isFiniteNumber(before) || excess(threshold, before) > 0) return [];
    const side = recovery.words.clearSide === 'below' ? 'above' : 'below';
    return [
      invalid(
        `levels.${index}.threshold`,
        `must be ${side} that of the level before (${before}) with operator ${shownOperator}`,
        threshold,
      ),
    ];
  });
}

function isFiniteNumber(value: unknown): value is number {
  return Number.isFinite(value);
}
