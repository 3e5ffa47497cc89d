// A PromQL expression, as the importer reads it. What no rule of ours can say at all is one kind, with the reason.

/** Where a part stands in the expression's text: [from, to). */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export type MatchOperator = '=' | '!=' | '=~' | '!~';

export interface LabelMatcher extends Span {
  readonly label: string;
  readonly operator: MatchOperator;
  readonly value: string;
}

/** How the series of two operands find each other. */
export interface Matching {
  readonly kind: 'on' | 'ignoring';
  readonly labels: readonly string[];
  /** `group_left` or `group_right`: many series on one side. */
  readonly isManyToOne: boolean;
}

export interface NumberLiteral extends Span {
  readonly kind: 'number';
  readonly value: number;
}

export interface TextLiteral extends Span {
  readonly kind: 'text';
  readonly value: string;
}

export interface Selector extends Span {
  readonly kind: 'selector';
  readonly metric: string;
  readonly matchers: readonly LabelMatcher[];
  /** The range, such as `[5m]`; undefined for the newest sample. */
  readonly rangeMs: number | undefined;
}

export interface Call extends Span {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Expression[];
}

export interface Aggregation extends Span {
  readonly kind: 'aggregation';
  readonly operator: string;
  readonly labels: { readonly kind: 'by' | 'without'; readonly names: readonly string[] };
  readonly args: readonly Expression[];
}

export interface Binary extends Span {
  readonly kind: 'binary';
  readonly operator: string;
  readonly isBool: boolean;
  readonly matching: Matching | undefined;
  readonly left: Expression;
  readonly right: Expression;
}

export interface Negation extends Span {
  readonly kind: 'negation';
  readonly of: Expression;
}

/** Correct PromQL that has no counterpart here whatever stands around it. */
export interface Beyond extends Span {
  readonly kind: 'beyond';
  readonly reason: string;
}

export type Expression = NumberLiteral | TextLiteral | Selector | Call | Aggregation | Binary | Negation | Beyond;

/** Why an expression is not translated, and which part of it is the reason. */
export class Untranslatable extends Error {
  readonly span: Span;

  constructor(reason: string, { from, to }: Span) {
    super(reason);
    this.span = { from, to };
  }
}

/** "line 2, column 7", counted from 1; the column alone in an expression of one line. */
export function placeOf(text: string, { from }: Span): string {
  const before = text.slice(0, from).split('\n');
  const column = Array.from(before.at(-1)!).length + 1;
  return text.trimEnd().includes('\n') ? `line ${before.length}, column ${column}` : `column ${column}`;
}
