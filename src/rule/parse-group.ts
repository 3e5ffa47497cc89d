// What a rule's fields about groups and ratios demand of each other. Each field alone is checked in parse-rule.ts.
import type { FieldError } from '../base/failure.ts';
import { isRuleType, needsParameter, parameterNames, parameterTypes } from '../measure/measures.ts';
import { aggregateNames, aggregates, isAggregate, type Aggregate } from './aggregate.ts';
import { ruleDefaults } from './rule-fields.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Fields that have a meaning only beside `group_by`. */
const groupFields = ['aggregate', 'aggregate_where', 'min_series', 'stale_seconds', 'divide_by'] as const;

export function groupErrors(fields: Fields): FieldError[] {
  if (!has(fields, 'group_by'))
    return groupFields
      .filter((field) => has(fields, field))
      .map((field) => refused(field, 'must be left out unless group_by is given'));
  return [...aggregateErrors(fields), ...ratioErrors(fields)];
}

function aggregateErrors(fields: Fields): FieldError[] {
  const { aggregate } = fields;
  if (aggregate === undefined) {
    // A rule about absence alone has nothing to compare.
    if (!has(fields, 'threshold') && !has(fields, 'levels')) return [];
    return [missing('aggregate', `with group_by it must be ${listOf(aggregateNames)}`)];
  }
  if (!isAggregate(aggregate)) return [];
  const { hasWhere } = aggregates[aggregate];
  if (hasWhere === has(fields, 'aggregate_where')) return [];
  return hasWhere
    ? [missing('aggregate_where', `with aggregate ${JSON.stringify(aggregate)} it must be an operator and a threshold`)]
    : [
        refused(
          'aggregate_where',
          `must be left out unless aggregate is ${listOf(namesOf(({ hasWhere: its }) => its))}`,
        ),
      ];
}

function ratioErrors(fields: Fields): FieldError[] {
  const { aggregate, divide_by: second } = fields;
  if (typeof second !== 'object' || second === null) return [];
  const errors: FieldError[] = [];
  if (!isAggregate(aggregate) || !aggregates[aggregate].canDivide)
    errors.push(refused('divide_by', `needs aggregate to be ${listOf(namesOf(({ canDivide }) => canDivide))}`));
  const own = (second as Fields)['type'];
  const type = own ?? fields['type'] ?? ruleDefaults.type;
  if (!isRuleType(type)) return errors;
  for (const name of parameterNames) {
    const isNeeded = needsParameter(type, name);
    const isGiven = has(second as Fields, name);
    if (!isNeeded && isGiven)
      errors.push(refused(`divide_by.${name}`, `must be left out unless type is ${listOf(parameterTypes[name])}`));
    if (isNeeded && !isGiven && !has(fields, name))
      errors.push(missing(`divide_by.${name}`, `type ${JSON.stringify(type)} needs it`));
  }
  return errors;
}

function namesOf(isWanted: (spec: (typeof aggregates)[Aggregate]) => boolean): readonly Aggregate[] {
  return aggregateNames.filter((name) => isWanted(aggregates[name]));
}

function has(fields: Fields, field: string): boolean {
  return Object.hasOwn(fields, field);
}

function listOf(choices: readonly string[]): string {
  return choices.map((choice) => JSON.stringify(choice)).join(' or ');
}

function missing(field: string, text: string): FieldError {
  return { field, code: 'missing_field', message: `${field} is missing: ${text}` };
}

function refused(field: string, text: string): FieldError {
  return { field, code: 'invalid_field', message: `${field} ${text}` };
}
