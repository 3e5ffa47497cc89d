// From an expression to its meaning. Each function reads one kind of expression; what has no meaning here throws Untranslatable.
import { unreachable } from '../base/assert.ts';
import { measures } from '../measure/measures.ts';
import { isOperator, type Operator } from '../rule/comparison.ts';
import { aggregations, firstOfMany, type AggregationMeaning } from './aggregations.ts';
import { divide } from './divide.ts';
import {
  Untranslatable,
  type Aggregation,
  type Binary,
  type Call,
  type Expression,
  type Selector,
  type Span,
} from './expression.ts';
import { ofTwoSamples, rangeFunctions, reasonAgainst } from './functions.ts';
import {
  hasSameLabels,
  isComputed,
  type Absence,
  type Condition,
  type Group,
  type Meaning,
  type Value,
} from './meaning.ts';
import { and, or, unless } from './set-operators.ts';
import { isSameLimit, isWithin, positive, type Limit } from './limit.ts';
import { beforeSteps, canUndo, isStepOperator, mirror, type Step } from './steps.ts';
import { tagsOfMatchers, type Warn } from './tags-of-matchers.ts';

export function interpret(expression: Expression, warn: Warn): Meaning {
  switch (expression.kind) {
    case 'number':
      return { ...expression, kind: 'constant' };
    case 'text':
      throw new Untranslatable('a text is no value', expression);
    case 'selector':
      return ofSelector(expression, warn);
    case 'call':
      return ofCall(expression, warn);
    case 'aggregation':
      return ofAggregation(expression, warn);
    case 'binary':
      return ofBinary(expression, warn);
    case 'negation':
      return negated(interpret(expression.of, warn), expression);
    case 'beyond':
      throw new Untranslatable(expression.reason, expression);
    default:
      return unreachable(expression);
  }
}

function ofSelector(selector: Selector, warn: Warn): Value {
  const { metric, matchers, rangeMs } = selector;
  if (rangeMs !== undefined) throw new Untranslatable('a range has no single value', selector);
  if (metric === '') throw new Untranslatable('a rule is about one metric, given by its name', selector);
  const series = { metric, tags: tagsOfMatchers(matchers, warn), rangeMs, percentile: undefined };
  return plainValue({ ...series, type: 'instantaneous' }, selector);
}

function plainValue(series: Value['series'], { from, to }: Span): Value {
  return {
    kind: 'value',
    series,
    group: undefined,
    second: undefined,
    steps: [],
    isAbsentAtZero: false,
    isOpaque: false,
    from,
    to,
  };
}

function ofCall(call: Call, warn: Warn): Meaning {
  const { name, args } = call;
  if (name === 'absent') return absent(interpret(only(call), warn), call);
  if (name === 'absent_over_time') return absent(ofRange(only(call), { type: 'instantaneous' }, warn), call);
  const type = rangeFunctions[name];
  if (type === undefined || !Object.hasOwn(rangeFunctions, name)) throw new Untranslatable(reasonAgainst(name), call);
  if (measures[type].hasPercentile !== true) return { ...ofRange(only(call), { type }, warn), ...spanOf(call) };
  const [share, range] = args;
  if (share?.kind !== 'number' || range === undefined || share.value < 0 || share.value > 1)
    throw new Untranslatable('the quantile must be a number from 0 to 1', call);
  // 0.9 * 100 is 90, 0.07 * 100 a little more than 7.
  const percentile = Number((share.value * 100).toPrecision(15));
  return { ...ofRange(range, { type, percentile }, warn), ...spanOf(call) };
}

function ofRange(
  range: Expression,
  { type, percentile }: { readonly type: Value['series']['type']; readonly percentile?: number },
  warn: Warn,
): Value {
  if (range.kind === 'beyond') throw new Untranslatable(range.reason, range);
  if (range.kind !== 'selector' || range.rangeMs === undefined)
    throw new Untranslatable('this must be a selector with a range, such as x[5m]', range);
  const { series } = ofSelector({ ...range, rangeMs: undefined }, warn);
  return plainValue({ ...series, type, percentile, rangeMs: range.rangeMs }, range);
}

function only(call: Call): Expression {
  const [arg] = call.args;
  if (arg === undefined || call.args.length > 1)
    throw new Untranslatable(`${call.name}() takes one argument here`, call);
  return arg;
}

function absent(meaning: Meaning, call: Call): Absence {
  const span = spanOf(call);
  if (meaning.kind === 'value' && ofTwoSamples.has(meaning.series.type))
    throw new Untranslatable('it is absent while there is one sample alone, and a rule knows of no sample', call);
  if (meaning.kind === 'value' && meaning.second === undefined)
    return { kind: 'absence', series: meaning.series, limit: undefined, ...span };
  if (meaning.kind === 'condition' && !meaning.isBool && isPlain(meaning.value))
    return { kind: 'absence', series: meaning.value.series, limit: meaning.limit, ...span };
  throw new Untranslatable('absent() takes the series of one metric', call);
}

const isPlain = ({ group, second }: Value): boolean => group === undefined && second === undefined;

function ofAggregation(aggregation: Aggregation, warn: Warn): Meaning {
  const { args, labels } = aggregation;
  const operator = operatorOf(aggregation, warn);
  const meaning = aggregations[operator];
  const arg = args.at(-1);
  if (meaning === undefined || !Object.hasOwn(aggregations, operator) || arg === undefined)
    throw new Untranslatable(
      `${aggregation.operator} has no counterpart: no aggregate of a group says the same`,
      aggregation,
    );
  const of = interpret(arg, warn);
  const group = {
    by: labels.names,
    isWithout: labels.kind === 'without',
    aggregate: meaning.aggregate,
    where: undefined,
  };
  const span = spanOf(aggregation);
  if (of.kind === 'value') return { ...aggregated(of, { group, meaning }, aggregation), ...span };
  if (of.kind !== 'condition') throw new Untranslatable(`${operator} needs series`, arg);
  const aggregate = of.isBool ? meaning.ofBool : meaning.ofFiltered(of.limit);
  if (aggregate === 'same') return { ...of, value: aggregated(of.value, { group, meaning }, aggregation), ...span };
  if (aggregate === 'count') return { ...aggregated(of.value, { group, meaning }, aggregation), ...span };
  if ((aggregate === undefined && of.isBool) || !isPlain(of.value))
    throw new Untranslatable(`${operator} of the series within a limit has no counterpart`, aggregation);
  const where = { operator: of.limit.operator, threshold: of.limit.threshold };
  return {
    ...of.value,
    group: { ...group, aggregate: aggregate ?? 'count_where', where },
    steps: [],
    isAbsentAtZero: !of.isBool,
    isOpaque: aggregate === undefined,
    ...span,
  };
}

function operatorOf({ operator, args }: Aggregation, warn: Warn): string {
  const first = firstOfMany[operator];
  const [count] = args;
  if (first === undefined || args.length !== 2) return args.length === 1 ? operator : '';
  if (count?.kind !== 'number' || count.value !== 1) return '';
  warn(`${operator}(1, …) became the ${first === 'max' ? 'maximum' : 'minimum'}: the alarm is about the group`);
  return first;
}

interface Aggregating {
  readonly group: Group;
  readonly meaning: AggregationMeaning;
}

function aggregated(of: Value, aggregating: Aggregating, at: Aggregation): Value {
  const { group, meaning } = aggregating;
  if (of.second !== undefined || of.isOpaque) throw new Untranslatable('a group of these has no counterpart', at);
  if (of.group !== undefined) return regrouped(of, aggregating, at);
  if (!of.steps.every(meaning.commutes))
    throw new Untranslatable('arithmetic on each series of a group has no counterpart', at);
  return { ...of, group, steps: meaning.aggregate === 'count' ? [] : of.steps };
}

/** A group of groups that is one group. */
function regrouped(of: Value, { group, meaning }: Aggregating, at: Aggregation): Value {
  const inner = of.group!;
  const isEqual = inner.isWithout === group.isWithout && hasSameLabels(inner.by, group.by);
  if (meaning.isIdentityOfOne && isEqual) return of;
  const isSame = meaning.isNestable && meaning.aggregate === inner.aggregate && inner.where === undefined;
  // Each of its labels must have been left by the inner one.
  const isLeft = (label: string): boolean => inner.by.includes(label) !== inner.isWithout;
  if (!isSame || group.isWithout || !group.by.every(isLeft) || !of.steps.every(meaning.commutes))
    throw new Untranslatable('a group of groups has no counterpart', at);
  return { ...of, group };
}

function negated(of: Meaning, span: Span): Meaning {
  if (of.kind === 'constant') return { ...of, value: -of.value, ...spanOf(span) };
  return withStep(of, { operator: '*', constant: -1, isConstantFirst: false }, span);
}

function ofBinary(binary: Binary, warn: Warn): Meaning {
  const [left, right] = [interpret(binary.left, warn), interpret(binary.right, warn)];
  const { operator } = binary;
  if (setOperators[operator] !== undefined) return setOperators[operator](left, right, binary);
  if (isOperator(operator)) return compared(left, right, { binary, operator });
  if (left.kind === 'constant' && right.kind === 'constant') return folded(left.value, right.value, binary);
  if (isStepOperator(operator)) {
    if (right.kind === 'constant')
      return withStep(left, { operator, constant: right.value, isConstantFirst: false }, binary);
    if (left.kind === 'constant')
      return withStep(right, { operator, constant: left.value, isConstantFirst: true }, binary);
  }
  if (operator === '/' && left.kind === 'value') {
    const divisor = divisorOf(right);
    if (divisor !== undefined) return divide(left, divisor, { binary, warn });
  }
  throw new Untranslatable(arithmeticReason(left, right, operator), binary);
}

/** `a / (b > 0)`: a ratio is not evaluated while its second value is 0 or less. */
function divisorOf(right: Meaning): Value | undefined {
  if (right.kind === 'value') return right;
  if (right.kind !== 'condition' || right.isBool) return undefined;
  return isSameLimit(right.limit, positive) ? right.value : undefined;
}

const setOperators: Readonly<Record<string, (left: Meaning, right: Meaning, binary: Binary) => Meaning>> = {
  and,
  or,
  unless,
};

function arithmeticReason(left: Meaning, right: Meaning, operator: string): string {
  const metrics = [left, right].flatMap((each) => (each.kind === 'value' ? [each.series.metric] : []));
  if (metrics.length === 2 && metrics[0] !== metrics[1])
    return `a rule is about one metric, and here are ${metrics.join(' and ')}`;
  return `${operator} has no counterpart here`;
}

const folds: Readonly<Record<string, (one: number, other: number) => number>> = {
  '+': (one, other) => one + other,
  '-': (one, other) => one - other,
  '*': (one, other) => one * other,
  '/': (one, other) => one / other,
  '%': (one, other) => one % other,
  '^': (one, other) => one ** other,
};

function folded(one: number, other: number, binary: Binary): Meaning {
  const fold = folds[binary.operator];
  if (fold === undefined) throw new Untranslatable(`${binary.operator} has no counterpart here`, binary);
  return { kind: 'constant', value: fold(one, other), ...spanOf(binary) };
}

function withStep(of: Meaning, step: Step, span: Span): Value {
  if (of.kind !== 'value' || of.isOpaque)
    throw new Untranslatable('arithmetic on the result of a comparison has no counterpart', span);
  if (!canUndo(step)) throw new Untranslatable('this arithmetic cannot be undone on the threshold', span);
  return { ...of, steps: [...of.steps, step], ...spanOf(span) };
}

function compared(
  left: Meaning,
  right: Meaning,
  { binary, operator }: { readonly binary: Binary; readonly operator: Operator },
): Meaning {
  if (left.kind === 'constant' && right.kind === 'constant')
    throw new Untranslatable('a comparison of constants is always the same', binary);
  if (right.kind === 'constant') return limited(left, { operator, threshold: right.value }, binary);
  if (left.kind === 'constant') return limited(right, { operator: mirror(operator), threshold: left.value }, binary);
  throw new Untranslatable(comparisonReason(left, right), binary);
}

function comparisonReason(left: Meaning, right: Meaning): string {
  const reason = arithmeticReason(left, right, '');
  return reason.startsWith('a rule') ? reason : 'a rule compares with a constant';
}

function limited(of: Meaning, limit: Limit, binary: Binary): Meaning {
  const span = spanOf(binary);
  if (of.kind === 'absence' && !binary.isBool && isTrueOfOneAlone(limit)) return { ...of, ...span };
  // Of 0 and 1 one is left.
  if (of.kind === 'condition' && of.isBool && !binary.isBool && isTrueOfOneAlone(limit))
    return { ...of, isBool: false, ...span };
  if (of.kind === 'value' && of.isOpaque)
    throw new Untranslatable('no aggregate of the series within a limit has this value', of);
  if (of.kind !== 'value')
    throw new Untranslatable('a rule compares once, and this compares the result of a comparison', binary);
  if (!Number.isFinite(limit.threshold)) throw new Untranslatable('a threshold must be a finite number', binary.right);
  const own = beforeSteps(of.steps, limit, isComputed(of));
  if (own === undefined)
    throw new Untranslatable('rounding leaves no threshold with the same result for every value', binary);
  const condition: Condition = {
    kind: 'condition',
    value: { ...of, steps: [] },
    limit: own,
    isBool: binary.isBool,
    ...span,
  };
  return condition;
}

/** Of 0 and 1. */
function isTrueOfOneAlone(limit: Limit): boolean {
  return isWithin(limit, 1) && !isWithin(limit, 0);
}

function spanOf({ from, to }: Span): Span {
  return { from, to };
}
