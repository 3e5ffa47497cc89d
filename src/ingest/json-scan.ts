// The own JSON as nearly everybody sends it, read from its bytes without making objects. Whatever is unusual (an escape, a
// field twice, anything wrong) makes it give up; json-samples.ts then reads the same body with JSON.parse and says what is
// wrong. So this reader knows no errors, and what it takes the other one takes alike: a property test holds them together.
import { isUtf8 } from 'node:buffer';
import { viewOf } from '../base/byte-copy.ts';
import { decimalOf } from './decimal.ts';
import type { SampleSink } from './sample-sink.ts';
import { SeriesCache } from './series-cache.ts';
import { seriesForm, type SeriesForm } from './series-form.ts';

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openList = 0x5b;
const closeList = 0x5d;
const open = 0x7b;
const close = 0x7d;

/** Thrown to leave the scan: this body is for the careful reader. */
class Unusual extends Error {
  override name = 'Unusual';
}
const unusual = new Unusual('unusual');

export class JsonScanner {
  readonly #partitionCount: number;
  readonly #cache = new SeriesCache();
  #key = Buffer.alloc(4_096);
  #keyView = viewOf(this.#key);
  #body: Buffer = Buffer.alloc(0);
  #at = 0;
  #sink!: SampleSink;
  // The parts of one item: where they begin and end, -1 for what is not there.
  #nameStart = -1;
  #nameEnd = -1;
  #tagsStart = -1;
  #tagsEnd = -1;
  #value = 0;
  #timestamp: unknown;

  constructor(partitionCount: number) {
    this.#partitionCount = partitionCount;
  }

  /** Reads all of the body into the sink, or returns false; what is in the sink by then is not to be used. */
  scan(body: Buffer, form: 'json' | 'ndjson', sink: SampleSink): boolean {
    if (!isUtf8(body)) return false;
    this.#body = body;
    this.#sink = sink;
    this.#at = 0;
    try {
      if (form === 'ndjson') this.#lines();
      else this.#whole();
      return sink.rejected === 0;
    } catch (error) {
      if (error === unusual) return false;
      throw error;
    } finally {
      this.#body = Buffer.alloc(0);
    }
  }

  #whole(): void {
    this.#blanks();
    if (this.#body[this.#at] === openList) this.#list();
    else if (this.#isMetrics()) {
      this.#list();
      this.#take(close);
    } else this.#item();
    this.#blanks();
    if (this.#at < this.#body.length) throw unusual;
  }

  /** Each line is an item; blanks inside of one must not be newlines. */
  #lines(): void {
    for (;;) {
      this.#blanks();
      if (this.#at >= this.#body.length) return;
      const start = this.#at;
      this.#item();
      const end = this.#body.indexOf(0x0a, start);
      if (end >= 0 && end < this.#at) throw unusual;
      while (this.#body[this.#at] === 0x20 || this.#body[this.#at] === 0x0d) this.#at++;
      if (this.#at < this.#body.length && this.#body[this.#at] !== 0x0a) throw unusual;
    }
  }

  #isMetrics(): boolean {
    const start = this.#at;
    this.#take(open);
    this.#blanks();
    if (this.#body.toString('latin1', this.#at, this.#at + 9) === '"metrics"') {
      this.#at += 9;
      this.#take(colon);
      this.#blanks();
      return true;
    }
    this.#at = start;
    return false;
  }

  #list(): void {
    this.#take(openList);
    this.#blanks();
    if (this.#body[this.#at] === closeList) {
      this.#at++;
      return;
    }
    for (;;) {
      this.#item();
      this.#blanks();
      const byte = this.#body[this.#at++];
      if (byte === closeList) return;
      if (byte !== comma) throw unusual;
    }
  }

  #item(): void {
    this.#nameStart = this.#tagsStart = -1;
    this.#timestamp = undefined;
    let seen = 0;
    this.#take(open);
    for (;;) {
      this.#blanks();
      seen = this.#field(seen);
      this.#blanks();
      const byte = this.#body[this.#at++];
      if (byte === close) break;
      if (byte !== comma) throw unusual;
    }
    // A name and a value at the least.
    if ((seen & 3) !== 3) throw unusual;
    this.#sink.add(this.#series(), this.#value, this.#timestamp);
  }

  #field(seen: number): number {
    const start = this.#at + 1;
    const end = this.#text();
    const bit = this.#bitOf(start, end);
    if (bit === 0 || (seen & bit) !== 0) throw unusual;
    this.#take(colon);
    this.#blanks();
    if (bit === 1) {
      this.#nameStart = this.#at + 1;
      this.#nameEnd = this.#text();
    } else if (bit === 2) this.#value = this.#number();
    else if (bit === 4) {
      if (this.#body[this.#at] === quote) {
        const from = this.#at + 1;
        this.#timestamp = this.#body.toString('latin1', from, this.#text());
      } else this.#timestamp = this.#number();
    } else this.#tags();
    return seen | bit;
  }

  #bitOf(start: number, end: number): number {
    const first = this.#body[start];
    if (first === 0x6e) return this.#is(start, end, 'name') ? 1 : 0;
    if (first === 0x76) return this.#is(start, end, 'value') ? 2 : 0;
    if (this.#is(start, end, 'timestamp')) return 4;
    return this.#is(start, end, 'tags') ? 8 : 0;
  }

  #is(start: number, end: number, word: string): boolean {
    if (end - start !== word.length) return false;
    for (let index = 0; index < word.length; index++) {
      if (this.#body[start + index] !== word.charCodeAt(index)) return false;
    }
    return true;
  }

  #tags(): void {
    this.#tagsStart = this.#at;
    this.#take(open);
    this.#blanks();
    if (this.#body[this.#at] === close) this.#at++;
    else {
      for (;;) {
        this.#blanks();
        this.#text();
        this.#take(colon);
        this.#blanks();
        this.#text();
        this.#blanks();
        const byte = this.#body[this.#at++];
        if (byte === close) break;
        if (byte !== comma) throw unusual;
      }
    }
    this.#tagsEnd = this.#at;
  }

  /** Goes past a text and returns where its inside ends. */
  #text(): number {
    const body = this.#body;
    let at = this.#at;
    if (body[at] !== quote) throw unusual;
    for (at++; ; at++) {
      const byte = body[at];
      if (byte === quote) break;
      if (byte === undefined || byte < 0x20 || byte === 0x5c) throw unusual;
    }
    this.#at = at + 1;
    return at;
  }

  /** A number in JSON's grammar, which is stricter than decimalOf's: no leading zeros, digits on both sides of the point. */
  #number(): number {
    const body = this.#body;
    const start = this.#at;
    let at = start;
    for (; at < body.length; at++) {
      const byte = body[at]!;
      const isPart = (byte >= 0x30 && byte <= 0x39) || byte === 0x2e || byte === 0x2d || byte === 0x2b;
      if (!isPart && byte !== 0x65 && byte !== 0x45) break;
    }
    this.#at = at;
    const first = body[start] === 0x2d ? start + 1 : start;
    if (body[first] === 0x30 && at > first + 1 && body[first + 1]! >= 0x30 && body[first + 1]! <= 0x39) throw unusual;
    for (let point = first; point < at; point++) {
      if (body[point] === 0x2e && !(body[point + 1]! >= 0x30 && body[point + 1]! <= 0x39)) throw unusual;
    }
    const value = decimalOf(body, start, at);
    if (!Number.isFinite(value)) throw unusual;
    return value;
  }

  #series(): SeriesForm {
    const nameBytes = this.#nameEnd - this.#nameStart;
    const length = nameBytes + (this.#tagsStart < 0 ? 0 : 1 + this.#tagsEnd - this.#tagsStart);
    if (length > this.#key.length) {
      this.#key = Buffer.alloc(length * 2);
      this.#keyView = viewOf(this.#key);
    }
    const key = this.#key;
    const body = this.#body;
    for (let index = 0; index < nameBytes; index++) key[index] = body[this.#nameStart + index]!;
    if (this.#tagsStart >= 0) {
      // No name has this character.
      key[nameBytes] = quote;
      for (let index = nameBytes + 1, from = this.#tagsStart; index < length; index++, from++) key[index] = body[from]!;
    }
    const known = this.#cache.find(this.#keyView, 0, length);
    if (known !== undefined) return known;
    const tags: unknown =
      this.#tagsStart < 0 ? undefined : JSON.parse(body.toString('utf8', this.#tagsStart, this.#tagsEnd));
    const made = seriesForm(body.toString('utf8', this.#nameStart, this.#nameEnd), tags, this.#partitionCount);
    if ('code' in made) throw unusual;
    this.#cache.put(this.#keyView, 0, length, made);
    return made;
  }

  #take(byte: number): void {
    this.#blanks();
    if (this.#body[this.#at] !== byte) throw unusual;
    this.#at++;
  }

  #blanks(): void {
    const body = this.#body;
    let at = this.#at;
    for (let byte = body[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = body[++at]);
    this.#at = at;
  }
}
