// Influx' line protocol (docs.influxdata.com, "Line protocol"), read from its bytes:
//
//   measurement,tag=value,tag=value field=1.5,other=2i,text="…" 1722945600000000000
//   └────────── prefix ───────────┘ └──────── fields ──────────┘ └── timestamp ──┘
//
// The first unescaped blank ends the prefix, the second one outside of quotes the fields. A field is a metric of its own.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { tagsOf } from '../metric/sample.ts';
import { viewOf } from '../base/byte-copy.ts';
import { decimalOf } from './decimal.ts';
import { SeriesCache } from './series-cache.ts';
import { seriesForm, type SeriesForm } from './series-form.ts';
import type { SampleSink } from './sample-sink.ts';
import type { Rejection } from './rejection.ts';

export type Precision = 'ns' | 'us' | 'ms' | 's' | 'm' | 'h';

/** Digits to cut off a timestamp, or what to multiply it by, to get milliseconds. */
const cutDigits: Partial<Record<Precision, number>> = { ns: 6, us: 3 };
const milliseconds: Partial<Record<Precision, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

const unsignedRange = [0n, 2n ** 64n - 1n] as const;
const signedRange = [-(2n ** 63n), 2n ** 63n - 1n] as const;

/** The first line that is wrong. */
export interface WrongLine {
  readonly line: number;
  readonly text: string;
  readonly reason: string;
  /** Whether it is no line protocol, rather than a sample that is refused. */
  readonly isSyntax: boolean;
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const blank = 0x20;
const quote = 0x22;
const hash = 0x23;
const comma = 0x2c;
const equals = 0x3d;
const backslash = 0x5c;
const shownBytesMax = 100;

class SyntaxFault extends Error {
  override name = 'SyntaxFault';
}

export class InfluxReader {
  readonly #partitionCount: number;
  readonly #cache = new SeriesCache();
  #key = Buffer.alloc(4_096);
  #keyView = viewOf(this.#key);

  constructor(partitionCount: number) {
    this.#partitionCount = partitionCount;
  }

  /** Reads all lines into the sink, the good ones whatever the others are. Resolves to the first that is wrong, and whether any is no line protocol. */
  async read(body: Buffer, precision: Precision, sink: SampleSink): Promise<WrongLine | undefined> {
    const lines = new Lines(body, precision);
    let wrong: WrongLine | undefined;
    const blame = (start: number, reason: string, isSyntax: boolean): void => {
      if (wrong !== undefined && (wrong.isSyntax || !isSyntax)) return;
      const end = Math.min(lineEnd(body, start), start + shownBytesMax);
      wrong = { line: lineNumberAt(body, start), text: body.toString('utf8', start, end).trimEnd(), reason, isSyntax };
    };
    while (lines.next()) {
      const { start } = lines;
      try {
        lines.parse();
      } catch (error) {
        if (!(error instanceof SyntaxFault)) throw error;
        sink.reject({ code: 'invalid_item', message: error.message });
        blame(start, error.message, true);
        lines.skipLine();
        continue;
      }
      const reason = this.#publish(body, lines, sink);
      if (reason !== undefined) blame(start, reason, false);
      if (sink.turnIsOver) await nextTurn();
    }
    return wrong;
  }

  /** Returns why a sample of the line was refused. */
  #publish(body: Buffer, lines: Lines, sink: SampleSink): string | undefined {
    let reason: string | undefined;
    for (let field = 0; field < lines.fields; field++) {
      if (lines.isText[field] === 1) {
        sink.skip('text');
        continue;
      }
      const series = this.#seriesOf(body, lines, field);
      const { rejected } = sink;
      if ('code' in series) sink.reject(series);
      else sink.add(series, lines.value[field]!, lines.timestampMs);
      if (sink.rejected > rejected) reason ??= 'code' in series ? series.message : (sink.errors.at(-1)?.message ?? '');
    }
    return reason;
  }

  #seriesOf(body: Buffer, lines: Lines, field: number): SeriesForm | Rejection {
    const { start, prefixEnd } = lines;
    const [keyStart, keyEnd] = [lines.keyStart[field]!, lines.keyEnd[field]!];
    // The first field stands right behind the prefix: both are one piece of the body.
    if (keyStart === prefixEnd + 1) return this.#found(lines.view, start, keyEnd, lines, field);
    const length = prefixEnd - start + 1 + keyEnd - keyStart;
    if (length > this.#key.length) {
      this.#key = Buffer.alloc(length * 2);
      this.#keyView = viewOf(this.#key);
    }
    body.copy(this.#key, 0, start, prefixEnd);
    this.#key[prefixEnd - start] = blank;
    body.copy(this.#key, prefixEnd - start + 1, keyStart, keyEnd);
    return this.#found(this.#keyView, 0, length, lines, field);
  }

  // oxlint-disable-next-line max-params -- The range of a key is three, and an object for them would be one a sample.
  #found(key: DataView, from: number, to: number, lines: Lines, field: number): SeriesForm | Rejection {
    const known = this.#cache.find(key, from, to);
    if (known !== undefined) return known;
    const made = lines.seriesForm(field, this.#partitionCount);
    if (!('code' in made)) this.#cache.put(key, from, to, made);
    return made;
  }
}

/** A cursor over lines. What `parse` finds of one stands in its fields until the next. */
class Lines {
  readonly #body: Buffer;
  readonly view: DataView;
  readonly #precision: Precision;
  #at = 0;
  start = 0;
  prefixEnd = 0;
  fields = 0;
  keyStart: number[] = [];
  keyEnd: number[] = [];
  value: number[] = [];
  isText: number[] = [];
  timestampMs: number | undefined;

  constructor(body: Buffer, precision: Precision) {
    this.#body = body;
    this.view = viewOf(body);
    this.#precision = precision;
  }

  /** Moves to the next line with content. */
  next(): boolean {
    const body = this.#body;
    for (;;) {
      while (this.#at < body.length && (isEnd(body[this.#at]) || body[this.#at] === blank)) this.#at++;
      if (this.#at >= body.length) return false;
      if (body[this.#at] !== hash) break;
      this.skipLine();
    }
    this.start = this.#at;
    return true;
  }

  skipLine(): void {
    this.#at = lineEnd(this.#body, this.#at);
  }

  parse(): void {
    const body = this.#body;
    while (this.#at + 4 <= body.length && isPlainPrefix(this.view.getInt32(this.#at, true))) this.#at += 4;
    this.prefixEnd = this.#scanTo(blank, blank);
    if (body[this.prefixEnd] !== blank) throw new SyntaxFault('missing fields');
    if (this.prefixEnd === this.start || body[this.start] === comma) throw new SyntaxFault('missing measurement');
    while (body[this.#at] === blank) this.#at++;
    this.fields = 0;
    do {
      this.#parseField();
    } while (body[this.#at++] === comma);
    this.#at--;
    this.#parseTimestamp();
  }

  /** To the next of two characters, or the line's end; what follows a backslash is none of them. */
  #scanTo(one: number, other: number): number {
    const body = this.#body;
    let at = this.#at;
    for (; at < body.length; at++) {
      const byte = body[at]!;
      if (byte === backslash && at + 1 < body.length && !isEnd(body[at + 1])) at++;
      else if (byte === one || byte === other || byte === newline) break;
    }
    this.#at = at;
    return at;
  }

  #parseField(): void {
    const body = this.#body;
    const keyStart = this.#at;
    const keyEnd = this.#scanTo(equals, comma);
    if (body[keyEnd] !== equals) throw new SyntaxFault('a field has no value: it is written key=value');
    if (keyEnd === keyStart) throw new SyntaxFault('missing field key');
    const valueStart = ++this.#at;
    const isText = body[valueStart] === quote;
    if (isText) this.#skipText();
    else while (this.#at < body.length && !isValueEnd(body[this.#at])) this.#at++;
    this.keyStart[this.fields] = keyStart;
    this.keyEnd[this.fields] = keyEnd;
    this.isText[this.fields] = isText ? 1 : 0;
    this.value[this.fields] = isText ? 0 : this.#valueOf(valueStart, this.#at);
    this.fields++;
  }

  /** Newlines may stand inside the quotes. */
  #skipText(): void {
    const body = this.#body;
    for (this.#at++; body[this.#at] !== quote; this.#at++) {
      if (body[this.#at] === backslash) this.#at++;
      if (this.#at >= body.length) throw new SyntaxFault('a text is not closed: the second " is missing');
    }
    this.#at++;
    if (this.#at < body.length && !isValueEnd(body[this.#at])) throw new SyntaxFault('something stands behind a text');
  }

  #valueOf(start: number, end: number): number {
    const body = this.#body;
    if (start === end) throw new SyntaxFault('missing field value');
    const last = body[end - 1]!;
    const isWhole = last === 0x69 || last === 0x75;
    if ((last < 0x30 || last > 0x39) && last !== 0x2e && !isWhole) return this.#booleanOf(start, end);
    const value = decimalOf(body, start, isWhole ? end - 1 : end);
    const fits = !isWhole || (Number.isInteger(value) && this.#fits(value, start, end));
    if (Number.isNaN(value) || !fits) throw this.#noValue(start, end);
    return value;
  }

  /**
   * Whether a whole number is in the range that its suffix has. The largest, 2^64-1 and 2^63-1, become 2^64 and 2^63 as
   * doubles, so at the bounds the digits decide.
   */
  #fits(value: number, start: number, end: number): boolean {
    const [min, max] = this.#body[end - 1] === 0x75 ? unsignedRange : signedRange;
    if ((value >= 0 || value > Number(min)) && value < Number(max)) return true;
    if (value < Number(min) || value > Number(max)) return false;
    const digits = this.#body.toString('latin1', start, end - 1);
    if (!/^-?\d+$/.test(digits)) return false;
    const exact = BigInt(digits);
    return exact >= min && exact <= max;
  }

  #booleanOf(start: number, end: number): number {
    const text = this.#body.toString('latin1', start, Math.min(end, start + 6));
    if (['t', 'T', 'true', 'True', 'TRUE'].includes(text)) return 1;
    if (['f', 'F', 'false', 'False', 'FALSE'].includes(text)) return 0;
    throw this.#noValue(start, end);
  }

  #noValue(start: number, end: number): SyntaxFault {
    const text = this.#body.toString('utf8', start, Math.min(end, start + 40));
    return new SyntaxFault(`the value ${JSON.stringify(text)} is no number, boolean or text in quotes`);
  }

  #parseTimestamp(): void {
    const body = this.#body;
    while (body[this.#at] === blank) this.#at++;
    const start = this.#at;
    const isNegative = body[start] === 0x2d;
    const digits = isNegative ? start + 1 : start;
    let end = digits;
    while (end < body.length && body[end]! >= 0x30 && body[end]! <= 0x39) end++;
    this.#at = end;
    while (body[this.#at] === blank) this.#at++;
    if (this.#at < body.length && !isEnd(body[this.#at])) throw new SyntaxFault('the timestamp is not a whole number');
    if (isNegative && end === digits) throw new SyntaxFault('the timestamp is not a whole number');
    this.timestampMs = end === digits ? undefined : this.#millisecondsOf(digits, end) * (isNegative ? -1 : 1);
  }

  #millisecondsOf(start: number, end: number): number {
    const to = end - (cutDigits[this.#precision] ?? 0);
    let value = 0;
    for (let at = start; at < to; at++) value = value * 10 + this.#body[at]! - 0x30;
    return value * (milliseconds[this.#precision] ?? 1);
  }

  /** The series of a field, decoded from its bytes. */
  seriesForm(field: number, partitionCount: number): SeriesForm | Rejection {
    const text = this.#body.toString('utf8', this.start, this.prefixEnd);
    const [measurement = '', ...tags] = splitUnescaped(text, ',');
    const key = unescaped(this.#body.toString('utf8', this.keyStart[field], this.keyEnd[field]));
    const pairs: [string, string][] = [];
    for (const tag of tags) {
      const [name = '', ...value] = splitUnescaped(tag, '=');
      if (name === '' || value.length === 0 || value[0] === '') {
        return {
          code: 'invalid_tags',
          message: `the tag ${JSON.stringify(tag.slice(0, 80))} is not of the form key=value`,
        };
      }
      pairs.push([unescaped(name), unescaped(value.join('='))]);
    }
    const metric = key === 'value' ? unescaped(measurement) : `${unescaped(measurement)}.${key}`;
    const known = tagsOf(pairs);
    if (Object.keys(known).length < pairs.length) {
      return { code: 'invalid_tags', message: 'a tag is there twice' };
    }
    return seriesForm(metric, known, partitionCount);
  }
}

/** Whether none of four bytes is a backslash, a blank or any other below it: what there is most of, so it is not read one by one. */
function isPlainPrefix(word: number): boolean {
  const low = (word - 0x21212121) & ~word;
  const other = word ^ 0x5c5c5c5c;
  return ((low | ((other - 0x01010101) & ~other)) & 0x80808080) === 0;
}

function isEnd(byte: number | undefined): boolean {
  return byte === newline || byte === carriageReturn;
}

function isValueEnd(byte: number | undefined): boolean {
  return byte === comma || byte === blank || byte === newline || byte === carriageReturn;
}

/** The number of the line that begins at `start`, from 1. */
function lineNumberAt(body: Buffer, start: number): number {
  let line = 1;
  for (let at = 0; at < start; at++) if (body[at] === newline) line++;
  return line;
}

function lineEnd(body: Buffer, start: number): number {
  const end = body.indexOf(newline, start);
  return end < 0 ? body.length : end;
}

function splitUnescaped(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)];
}

/** A backslash before any other character than these three is a backslash. */
function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\([,= ])/g, '$1') : text;
}
