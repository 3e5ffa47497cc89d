/**
 * A label's regular expression as what a rule's `tags` can say: a few texts, or one text with stars. Prometheus anchors its
 * expressions at both ends. The pattern is expanded into its alternatives, each a row of texts and stars.
 */

/** Values that a list may have; see matcher-check.ts. */
const textsMax = 100;

/** `.*` is any text, `.+` any text but none, `.` one character. */
type Wild = { readonly wild: 'any' | 'some' | 'one' };
type Piece = string | Wild;
type Row = readonly Piece[];

export type PatternMeaning =
  /** Everything, a missing label too: `.*`. */
  | { readonly kind: 'anything' }
  /** Every text but the empty one: `.+`. */
  | { readonly kind: 'present' }
  /** The empty text alone, which a missing label is. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  /** `*` is any text. `more`: what it matches beside what the expression does; undefined when they are equal. */
  | { readonly kind: 'like'; readonly pattern: string; readonly more: string | undefined }
  | { readonly kind: 'refused'; readonly reason: string };

class TooMuch extends Error {}

export function patternMeaning(pattern: string): PatternMeaning {
  try {
    return meaningOf(new PatternReader(pattern.replace(/^\^/, '').replace(/(?<!\\)\$$/, '')).read());
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    return { kind: 'refused', reason: error.message };
  }
}

function meaningOf(rows: readonly Row[]): PatternMeaning {
  const [only = []] = rows;
  if (rows.length === 1 && only.length === 1 && typeof only[0] === 'object') {
    if (only[0].wild === 'any') return { kind: 'anything' };
    if (only[0].wild === 'some') return { kind: 'present' };
  }
  const plain = rows.filter((row) => row.every((piece) => typeof piece === 'string'));
  const texts = [...new Set(plain.map((row) => row.join('')))];
  if (rows.length === 1 && texts[0] === '') return { kind: 'missing' };
  if (texts.includes('')) return refused('the expression also matches a missing label, beside others');
  if (plain.length === rows.length)
    return texts.length <= textsMax
      ? { kind: 'texts', texts }
      : refused(`the expression stands for more than ${textsMax} values`);
  if (rows.length > 1)
    return refused('the expression has several patterns; a tag takes one pattern, or a list of values');
  return likeOf(only);
}

/** `5..` and `5.+`, as status codes are matched: what they leave out of `5*` is no status code. */
const isStatusClass = ([first, ...rest]: Row): boolean =>
  typeof first === 'string' &&
  /^[1-9]$/.test(first) &&
  rest.length > 0 &&
  rest.every((piece) => typeof piece !== 'string');

/** `veth.+`: `veth*` has one value more, `veth` itself. */
const endsInSome = (row: Row): boolean =>
  row.every(
    (piece, index) =>
      typeof piece === 'string' || piece.wild === 'any' || (piece.wild === 'some' && index === row.length - 1),
  );

function likeOf(row: Row): PatternMeaning {
  const isExact = row.every((piece) => typeof piece === 'string' || piece.wild === 'any');
  const isEndless = !isExact && endsInSome(row);
  if (!isExact && !isEndless && !isStatusClass(row))
    return refused('of the wildcards of an expression only .* has a counterpart in a tag, which is *');
  if (row.some((piece, index) => typeof piece === 'string' && piece.endsWith('\\') && index < row.length - 1))
    return refused('a backslash before a star has another meaning in a tag');
  const pattern = row.map((piece) => (typeof piece === 'string' ? piece.replaceAll('*', '\\*') : '*')).join('');
  const more = isExact ? undefined : isEndless ? `${pattern.slice(0, -1)} itself` : 'values of another length';
  return { kind: 'like', pattern: pattern.replace(/(?<!\\)\*{2,}/g, '*'), more };
}

function refused(reason: string): PatternMeaning {
  return { kind: 'refused', reason };
}

const classEscapes = 'dDwWsSpPbBAzQ';
const codeEscapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', a: '\u0007' };

/** Of RE2's syntax what stands for a few texts and wildcards. Throws TooMuch for the rest. */
class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  read(): readonly Row[] {
    const rows = this.#alternatives();
    if (this.#at < this.#characters.length) throw new TooMuch('the expression cannot be read: a ) stands alone');
    return rows;
  }

  #alternatives(): Row[] {
    const rows = this.#sequence();
    while (this.#peek() === '|') {
      this.#at += 1;
      rows.push(...this.#sequence());
    }
    return rows;
  }

  #sequence(): Row[] {
    let rows: Row[] = [[]];
    for (let next = this.#peek(); next !== undefined && next !== '|' && next !== ')'; next = this.#peek())
      rows = product(rows, this.#item());
    return rows;
  }

  #item(): Row[] {
    const isDot = this.#peek() === '.';
    const rows = isDot ? this.#dot() : this.#atom();
    const quantifier = this.#peek();
    if (quantifier === '?') {
      this.#at += 1;
      if (this.#peek() === '?') this.#at += 1;
      return [...rows, []];
    }
    if (quantifier === '*' || quantifier === '+' || quantifier === '{')
      throw new TooMuch('a repetition other than .* has no counterpart in a tag');
    return rows;
  }

  #dot(): Row[] {
    this.#at += 1;
    const wild = ({ '*': 'any', '+': 'some' } as const)[this.#peek() ?? ''] ?? 'one';
    if (wild !== 'one') {
      this.#at += 1;
      if (this.#peek() === '?') this.#at += 1;
    }
    return [[{ wild }]];
  }

  #atom(): Row[] {
    const character = this.#characters[this.#at]!;
    this.#at += 1;
    if (character === '(') return this.#group();
    if (character === '[') return this.#class();
    if (character === '\\') return [[this.#escape()]];
    if ('^$*+?{'.includes(character)) throw new TooMuch(`${character} has no counterpart in a tag here`);
    return [[character]];
  }

  #group(): Row[] {
    if (this.#peek() === '?') {
      if (this.#characters[this.#at + 1] !== ':') throw new TooMuch('flags such as (?i) have no counterpart in a tag');
      this.#at += 2;
    }
    const rows = this.#alternatives();
    if (this.#peek() !== ')') throw new TooMuch('the expression cannot be read: a ( is not closed');
    this.#at += 1;
    return rows;
  }

  #escape(): string {
    const character = this.#peek();
    if (character === undefined || classEscapes.includes(character))
      throw new TooMuch(`\\${character ?? ''} has no counterpart in a tag`);
    this.#at += 1;
    return codeEscapes[character] ?? character;
  }

  #class(): Row[] {
    if (this.#peek() === '^') throw new TooMuch('[^…] has no counterpart in a tag');
    const texts: string[] = [];
    for (let next = this.#peek(); next !== ']'; next = this.#peek()) {
      if (next === undefined || next === '[') throw new TooMuch('this […] has no counterpart in a tag');
      this.#at += 1;
      const first = next === '\\' ? this.#escape() : next;
      if (this.#peek() !== '-' || this.#characters[this.#at + 1] === ']') texts.push(first);
      else {
        this.#at += 1;
        const last = this.#characters[this.#at] ?? '';
        this.#at += 1;
        texts.push(...between(first, last));
      }
    }
    this.#at += 1;
    return texts.map((text) => [text]);
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }
}

function between(first: string, last: string): string[] {
  const [from, to] = [first.codePointAt(0)!, last.codePointAt(0) ?? 0];
  if (to < from || to - from >= textsMax) throw new TooMuch('this […] has no counterpart in a tag');
  return Array.from({ length: to - from + 1 }, (_, index) => String.fromCodePoint(from + index));
}

function product(rows: readonly Row[], more: readonly Row[]): Row[] {
  if (rows.length * more.length > 10 * textsMax)
    throw new TooMuch(`the expression stands for more than ${textsMax} values`);
  return rows.flatMap((row) => more.map((next) => joined(row, next)));
}

/** Texts that meet become one, and so do wildcards of any length. */
function joined(row: Row, next: Row): Row {
  const [before, after] = [row.at(-1), next[0]];
  if (typeof before === 'object' && typeof after === 'object') {
    const wilds = [before.wild, after.wild];
    const wild = wilds.every((each) => each === 'any') ? 'any' : 'some';
    if (wilds.includes('any')) return [...row.slice(0, -1), { wild }, ...next.slice(1)];
  }
  if (typeof before !== 'string' || typeof after !== 'string') return [...row, ...next];
  return [...row.slice(0, -1), before + after, ...next.slice(1)];
}
