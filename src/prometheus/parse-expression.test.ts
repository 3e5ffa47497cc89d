import { test } from 'node:test';
import assert from 'node:assert/strict';
import { unreachable } from '../base/assert.ts';
import { parseDuration } from './duration.ts';
import { placeOf, Untranslatable, type Expression } from './expression.ts';
import { parseExpression } from './parse-expression.ts';

/** The tree in one line, every operation in parentheses. */
function lineOf(expression: Expression): string {
  switch (expression.kind) {
    case 'number':
    case 'text':
      return String(expression.value);
    case 'selector': {
      const { metric, matchers, rangeMs } = expression;
      const labels = matchers.map(({ label, operator, value }) => `${label}${operator}${value}`);
      return `${metric}{${labels.join(',')}}${rangeMs === undefined ? '' : `[${rangeMs}]`}`;
    }
    case 'call':
      return `${expression.name}(${expression.args.map(lineOf).join(', ')})`;
    case 'aggregation': {
      const { operator, labels, args } = expression;
      return `${operator} ${labels.kind}(${labels.names.join(',')}) (${args.map(lineOf).join(', ')})`;
    }
    case 'binary': {
      const { left, operator, isBool, matching, right } = expression;
      const how = matching && ` ${matching.kind}(${matching.labels.join(',')})${matching.isManyToOne ? ' many' : ''}`;
      return `(${lineOf(left)} ${operator}${isBool ? ' bool' : ''}${how ?? ''} ${lineOf(right)})`;
    }
    case 'negation':
      return `-${lineOf(expression.of)}`;
    case 'beyond':
      return `<${expression.reason}>`;
    default:
      return unreachable(expression);
  }
}

const trees: Readonly<Record<string, string>> = {
  'up == 0': '(up{} == 0)',
  'a{b="c", d!="e", f=~"g|h", i!~`j\\.k`,} > -1e3': '(a{b=c,d!=e,f=~g|h,i!~j\\.k} > -1000)',
  '{__name__="a", b="c"}': 'a{b=c}',
  '{"a.b", "c d"=\'e\\n\\x41\\u00e9\'}': 'a.b{c d=e\nAé}',
  'rate(a[1h30m])': 'rate(a{}[5400000])',
  'rate(a[90])': 'rate(a{}[90000])',
  'a > 5m': '(a{} > 300)',
  'a > 0x10': '(a{} > 16)',
  'a > +Inf': '(a{} > Infinity)',
  'a > 1_000': '(a{} > 1000)',
  'sum(a) by (b, c)': 'sum by(b,c) (a{})',
  'SUM BY (b) (a)': 'sum by(b) (a{})',
  'count without (b) (a)': 'count without(b) (a{})',
  'quantile_over_time(0.9, a[5m])': 'quantile_over_time(0.9, a{}[300000])',
  'a / on (b) group_left (c) d': '(a{} / on(b) many d{})',
  'a * ignoring (b) c': '(a{} * ignoring(b) c{})',
  'a > bool 5': '(a{} > bool 5)',
  '1 - a / b * 100 > 5 and c or d': '((((1 - ((a{} / b{}) * 100)) > 5) and c{}) or d{})',
  '2 ^ 3 ^ 2': '(2 ^ (3 ^ 2))',
  '-a > 1': '(-a{} > 1)',
  '-a + 5 * -b > 1': '((-a{} + (5 * -b{})) > 1)',
  'a - 5 - b > 1 and c unless d or e': '((((((a{} - 5) - b{}) > 1) and c{}) unless d{}) or e{})',
  'a AND b': '(a{} and b{})',
  '# why\na # and how\n> 1': '(a{} > 1)',
  'a offset 5m': '<offset compares with the past, which no rule can>',
  'a @ start()': '<@ names one moment, which no rule can>',
  'max_over_time(rate(a[5m])[1h:1m])':
    'max_over_time(<a subquery evaluates an expression over time, which no rule can>)',
};

for (const [text, tree] of Object.entries(trees))
  test(`${text} is ${tree}`, () => assert.equal(lineOf(parseExpression(text)), tree));

const broken: Readonly<Record<string, string>> = {
  'up ==': 'column 6',
  'up == 0)': 'column 8',
  'sum(up)\n== 1)': 'line 2, column 5',
  '': 'column 1',
};

for (const [text, place] of Object.entries(broken))
  test(`${JSON.stringify(text)} is not PromQL at ${place}`, () => {
    assert.throws(
      () => parseExpression(text),
      (error) => error instanceof Untranslatable && placeOf(text, error.span) === place,
    );
  });

test('a deep expression is refused', () => {
  assert.throws(() => parseExpression(`${'('.repeat(150)}a${')'.repeat(150)}`), /nested too deeply/);
});

test('a duration has its units in their order', () => {
  const wanted = { '5m': 300_000, '1h30m': 5_400_000, '1d': 86_400_000, '100ms': 100, '0': 0, '0s': 0 };
  for (const [text, milliseconds] of Object.entries(wanted)) assert.equal(parseDuration(text), milliseconds, text);
  for (const text of ['', '5', '5 m', 'm', '1m1h', '-5m', '1.5h']) assert.equal(parseDuration(text), undefined, text);
});
