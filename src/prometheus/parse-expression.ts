// From the concrete tree of Prometheus' own grammar to `Expression`. The grammar is the one of Prometheus' expression browser.
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { parseDuration } from './duration.ts';
import { Untranslatable, type Expression, type LabelMatcher, type MatchOperator, type Span } from './expression.ts';

/** Deeper expressions are refused: each level is a call of this reader. */
const depthMax = 100;

/** Throws Untranslatable where the text is not PromQL. */
export function parseExpression(text: string): Expression {
  const tree = parser.parse(text);
  let wrong: Span | undefined;
  tree.iterate({
    enter: (node) => {
      if (node.type.isError) wrong ??= { from: node.from, to: node.to };
    },
  });
  if (wrong !== undefined) throw new Untranslatable('this is not PromQL', wrong);
  const [top] = childrenOf(tree.topNode);
  if (top === undefined) throw new Untranslatable('the expression is empty', { from: 0, to: text.length });
  return new Reader(text).read(top, 0);
}

type Read = (reader: Reader, node: SyntaxNode, depth: number) => Expression;

const beyond =
  (reason: string): Read =>
  (_reader, { from, to }) => ({ kind: 'beyond', reason, from, to });

/** From the modifier on: the grammar takes more for what it modifies than Prometheus does. */
function modified(node: SyntaxNode, modifier: string, reason: string): Expression {
  return { kind: 'beyond', reason, from: node.getChild(modifier)?.from ?? node.from, to: node.to };
}

/** By the grammar's name of a node. */
const readers: Readonly<Record<string, Read>> = {
  NumberDurationLiteral: (reader, node) => reader.number(node),
  StringLiteral: (reader, node) => ({ kind: 'text', value: reader.string(node), ...spanOf(node) }),
  VectorSelector: (reader, node) => reader.selector(node),
  MatrixSelector: (reader, node) => reader.rangeSelector(node),
  FunctionCall: (reader, node, depth) => reader.call(node, depth),
  AggregateExpr: (reader, node, depth) => reader.aggregation(node, depth),
  BinaryExpr: (reader, node, depth) => reader.binary(node, depth),
  UnaryExpr: (reader, node, depth) => reader.unary(node, depth),
  ParenExpr: (reader, node, depth) => reader.read(operandsOf(node)[0]!, depth + 1),
  OffsetExpr: (_reader, node) => modified(node, 'Offset', 'offset compares with the past, which no rule can'),
  StepInvariantExpr: (_reader, node) => modified(node, 'At', '@ names one moment, which no rule can'),
  SubqueryExpr: beyond('a subquery evaluates an expression over time, which no rule can'),
};

const modifiers: ReadonlySet<string> = new Set(['BoolModifier', 'MatchingModifierClause', 'FillModifier']);

class Reader {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  read(node: SyntaxNode, depth: number): Expression {
    if (depth > depthMax) throw new Untranslatable('the expression is nested too deeply', spanOf(node));
    const reader = readers[node.name];
    return reader === undefined
      ? { kind: 'beyond', reason: `${this.#of(node)} has no counterpart in a rule`, ...spanOf(node) }
      : reader(this, node, depth);
  }

  number(node: SyntaxNode): Expression {
    const value = numberOf(this.#of(node));
    if (value === undefined) throw new Untranslatable('this is not a number', spanOf(node));
    return { kind: 'number', value, ...spanOf(node) };
  }

  string(node: SyntaxNode): string {
    const text = this.#of(node);
    const inside = text.slice(1, -1);
    return text.startsWith('`') ? inside : unescaped(inside);
  }

  selector(node: SyntaxNode): Expression {
    const matchers: LabelMatcher[] = [];
    let metric = node.getChild('Identifier') === null ? '' : this.#of(node.getChild('Identifier')!);
    for (const child of childrenOf(node.getChild('LabelMatchers'))) {
      if (child.name === 'QuotedLabelName') {
        metric = this.string(child.firstChild!);
        continue;
      }
      const matcher = this.#matcher(child);
      if (matcher.label === '__name__' && matcher.operator === '=') metric = matcher.value;
      else matchers.push(matcher);
    }
    return { kind: 'selector', metric, matchers, rangeMs: undefined, ...spanOf(node) };
  }

  rangeSelector(node: SyntaxNode): Expression {
    const inner = this.read(node.firstChild!, 0);
    const text = this.#of(node.getChild('DurationExpr') ?? node.lastChild!);
    const rangeMs = parseDuration(text) ?? (numberOf(text) ?? NaN) * 1_000;
    if (inner.kind !== 'selector' || !(rangeMs > 0))
      return { kind: 'beyond', reason: 'the range is not a plain duration', ...spanOf(node) };
    return { ...inner, rangeMs, ...spanOf(node) };
  }

  call(node: SyntaxNode, depth: number): Expression {
    const name = this.#of(node.getChild('FunctionIdentifier')!);
    return { kind: 'call', name, args: this.#args(node, depth), ...spanOf(node) };
  }

  aggregation(node: SyntaxNode, depth: number): Expression {
    const modifier = node.getChild('AggregateModifier');
    return {
      kind: 'aggregation',
      operator: this.#of(node.getChild('AggregateOp')!).toLowerCase(),
      labels: { kind: modifier?.getChild('Without') ? 'without' : 'by', names: this.#labels(modifier) },
      args: this.#args(node, depth),
      ...spanOf(node),
    };
  }

  binary(node: SyntaxNode, depth: number): Expression {
    const [left, right] = operandsOf(node) as [SyntaxNode, SyntaxNode];
    const clause = node.getChild('MatchingModifierClause');
    const fill = node.getChild('FillModifier');
    if (fill !== null && fill.firstChild !== null)
      return { kind: 'beyond', reason: 'fill has no counterpart in a rule', ...spanOf(node) };
    const operator = childrenOf(node).find((child) => child.from >= left.to && !modifiers.has(child.name))!;
    return {
      kind: 'binary',
      operator: this.#of(operator).toLowerCase(),
      isBool: (node.getChild('BoolModifier')?.getChild('Bool') ?? null) !== null,
      matching: clause === null ? undefined : this.#matching(clause),
      left: this.read(left, depth + 1),
      right: this.read(right, depth + 1),
      ...spanOf(node),
    };
  }

  unary(node: SyntaxNode, depth: number): Expression {
    const of = this.read(operandsOf(node)[0]!, depth + 1);
    return this.#of(node).startsWith('-') ? { kind: 'negation', of, ...spanOf(node) } : of;
  }

  #matching(clause: SyntaxNode): NonNullable<(Expression & { kind: 'binary' })['matching']> {
    const isManyToOne = clause.getChild('GroupLeft') !== null || clause.getChild('GroupRight') !== null;
    const kind = clause.getChild('On') === null ? 'ignoring' : 'on';
    return { kind, labels: this.#labels(clause), isManyToOne };
  }

  #labels(node: SyntaxNode | null): readonly string[] {
    return childrenOf(node?.getChild('GroupingLabels') ?? null).map((child) =>
      child.name === 'QuotedLabelName' ? this.string(child.firstChild!) : this.#of(child),
    );
  }

  #args(node: SyntaxNode, depth: number): readonly Expression[] {
    return childrenOf(node.getChild('FunctionCallBody')).map((arg) => this.read(arg, depth + 1));
  }

  #matcher(node: SyntaxNode): LabelMatcher {
    const quoted = node.getChild('QuotedLabelName');
    const label = quoted === null ? this.#of(node.getChild('LabelName')!) : this.string(quoted.firstChild!);
    const operator = this.#of(node.getChild('MatchOp')!) as MatchOperator;
    return { label, operator, value: this.string(node.getChild('StringLiteral')!), ...spanOf(node) };
  }

  #of({ from, to }: Span): string {
    return this.#text.slice(from, to);
  }
}

const operands: ReadonlySet<string> = new Set(Object.keys(readers));

function operandsOf(node: SyntaxNode): SyntaxNode[] {
  return childrenOf(node).filter(({ name }) => operands.has(name));
}

function childrenOf(node: SyntaxNode | null): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling)
    if (child.name !== 'LineComment') children.push(child);
  return children;
}

function spanOf({ from, to }: Span): Span {
  return { from, to };
}

function numberOf(literal: string): number | undefined {
  const [, sign = '', text = ''] = /^([+-]?)(.*)$/s.exec(literal.replaceAll('_', '')) ?? [];
  const special = { inf: Infinity, nan: NaN }[text.toLowerCase()];
  const seconds = parseDuration(text);
  const value = special ?? (/^\d+$/.test(text) || seconds === undefined ? Number(text) : seconds / 1_000);
  if (text === '' || (Number.isNaN(value) && special === undefined)) return undefined;
  return sign === '-' ? -value : value;
}

const escapes: Readonly<Record<string, string>> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Go's escapes of a quoted string. */
function unescaped(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/gs, (_all, code: string) => {
    if (code.length === 1) return escapes[code] ?? code;
    const isOctal = /^[0-7]{3}$/.test(code);
    const point = isOctal ? parseInt(code, 8) : parseInt(code.slice(1), 16);
    return String.fromCodePoint(Math.min(point, 0x10ffff));
  });
}
