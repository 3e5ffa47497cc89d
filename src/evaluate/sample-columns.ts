/**
 * The samples of one record batch, column by column, read from the bytes without making an object. A record of the expected
 * form is `{"value": <number><suffix>`: its number is scanned here, and its suffix, together with the key, leads to the series
 * (series-table.ts). Anything else is marked as odd, and whoever reads the columns takes the careful way for it.
 *
 * Work goes in passes over the batch, so that what one record waits for (a cache miss) does not hold up the next.
 */
import { RecordSpans, scanBatch } from '../log/batch.ts';

export class SampleColumns extends RecordSpans {
  /** NaN for a record that is odd. */
  value = new Float64Array(0);
  /** Where the text after the number begins; it ends with the record's value. */
  suffixStart = new Int32Array(0);
  /** Of key and suffix. */
  hash = new Int32Array(0);
  /** The number of the series; -1 when its form is not known. */
  series = new Int32Array(0);

  #words: DataView = new DataView(new ArrayBuffer(0));

  /** The bytes of a batch, to be read four at a time; of the last batch asked for it is at hand. */
  wordsOf(batch: Uint8Array): DataView {
    const { buffer, byteOffset, byteLength } = batch;
    const words = this.#words;
    if (words.buffer !== buffer || words.byteOffset !== byteOffset || words.byteLength !== byteLength)
      this.#words = new DataView(buffer, byteOffset, byteLength);
    return this.#words;
  }

  /** Makes room for as many as the spans have room for. */
  makeRoom(): void {
    if (this.value.length >= this.keyStart.length) return;
    this.value = new Float64Array(this.keyStart.length);
    this.suffixStart = new Int32Array(this.keyStart.length);
    this.hash = new Int32Array(this.keyStart.length);
    this.series = new Int32Array(this.keyStart.length);
  }
}

/** Powers of ten up to 10^22 are exact doubles, so a quotient of two exact numbers is the nearest double (Clinger 1990). */
const powersOfTen = Float64Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);
/** As many decimal digits always fit into a double's 53 bits. */
const digitsMax = 15;

const minus = 0x2d;
const dot = 0x2e;
const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;
const space = 0x20;

/** Finds the samples of an uncompressed batch with offsets in [from, to). Throws CorruptBatch. */
export function scanSamples(batch: Uint8Array, columns: SampleColumns, from: number, to: number): void {
  scanBatch(batch, columns, from, to);
  columns.makeRoom();
  const { keyStart, keyEnd, valueStart, valueEnd, value, suffixStart, hash } = columns;
  const words = columns.wordsOf(batch);
  for (let index = 0; index < columns.count; index++) {
    const start = valueStart[index]!;
    const end = valueEnd[index]!;
    value[index] = Number.NaN;
    // {"value": and at least a digit and a brace; a key of at least one byte.
    if (start < 0 || end - start < 11 || keyStart[index]! < 0) continue;
    if (!beginsAsExpected(words, start)) continue;
    let at = start + 9;
    if (batch[at] === space) at++;
    const isNegative = batch[at] === minus;
    if (isNegative) at++;
    const first = at;
    let mantissa = 0;
    let byte = batch[at]!;
    while (byte >= zero && byte <= nine) {
      mantissa = mantissa * 10 + (byte - zero);
      byte = batch[++at]!;
    }
    let digits = at - first;
    // JSON knows no number without a digit before the dot, and none with a zero before another digit.
    if (digits === 0 || (digits > 1 && batch[first] === zero)) continue;
    let fraction = 0;
    if (byte === dot) {
      const afterDot = ++at;
      byte = batch[at]!;
      while (byte >= zero && byte <= nine) {
        mantissa = mantissa * 10 + (byte - zero);
        byte = batch[++at]!;
      }
      fraction = at - afterDot;
      if (fraction === 0) continue;
      digits += fraction;
    }
    // Also refused: an exponent, and a number that goes on beyond the record.
    if (digits > digitsMax || byte === 0x65 || byte === 0x45 || at >= end) continue;
    const magnitude = fraction === 0 ? mantissa : mantissa / powersOfTen[fraction]!;
    value[index] = isNegative ? -magnitude : magnitude;
    suffixStart[index] = at;
    hash[index] = hashOf(words, hashOf(words, 0x811c9dc5, keyStart[index]!, keyEnd[index]!), at, end);
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Whether what follows the number says the tags and nothing that could take the number's place: a second "value" would, and so
 * might one that is written with escapes. Asked once per form, after the record was read with care.
 */
export function suffixSaysTheTags(batch: Uint8Array, columns: SampleColumns, index: number): boolean {
  const suffix = decoder.decode(batch.subarray(columns.suffixStart[index], columns.valueEnd[index]));
  const rest: unknown = JSON.parse(`{"":0${suffix}`);
  return typeof rest === 'object' && rest !== null && !Object.hasOwn(rest, 'value');
}

/** `{"value":`, as two words and a byte. */
function beginsAsExpected(words: DataView, at: number): boolean {
  return (
    words.getInt32(at, true) === 0x61_76_22_7b &&
    words.getInt32(at + 4, true) === 0x22_65_75_6c &&
    words.getUint8(at + 8) === colon
  );
}

/** Four bytes a step, multiplied and folded (as in MurmurHash3, Appleby 2011); the length is part of it. */
function hashOf(words: DataView, seed: number, start: number, end: number): number {
  let hash = seed ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ words.getInt32(at, true), 0x5bd1e995);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ words.getUint8(at), 0x01000193);
  return hash ^ (hash >>> 13);
}
