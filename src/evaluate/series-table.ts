/**
 * The series of a partition, found by the bytes that name them, and what every sample touches of them.
 *
 *   record   cpu-usage  {"value": 97.5, "tags": {"host": "web-1"}}
 *            ───key───                ────────────suffix─────────
 *
 * Key and suffix together are a form of the series' name: what follows the number says which tags it has. A form is learnt
 * once, by reading the record with care; afterwards the same bytes lead to the series' number in one look-up (open
 * addressing, linear probing). A series has several forms when its writers space their JSON in several ways.
 *
 * A slot and a row each lie in one cache line: with a million series in random order, what a sample costs is the lines it
 * has to wait for.
 */
import { assert } from '../base/assert.ts';
import type { SampleColumns } from './sample-columns.ts';

// A row of the table, in doubles.
/** T, the largest timestamp; -Infinity before the first sample. */
export const timeMsAt = 0;
/**
 * The closed interval [low, high] of values in which no rule of the series changes anything, as long as the series is not
 * silent for so long that it is forgotten. Empty (low > high) when each sample must be judged.
 */
export const lowAt = 1;
export const highAt = 2;
/** The newest sample's offset, or -1, and its own timestamp. */
export const lastOffsetAt = 3;
export const lastTimestampMsAt = 4;
/** From this T on each sample must be judged, whatever its value. */
export const judgeFromMsAt = 5;
/** When its newest sample was read, by the monotonic clock; -Infinity before the first. */
export const heardAtMsAt = 6;
/** The value of its newest sample; NaN before the first. */
export const lastValueAt = 7;
export const rowLength = 8;

// A slot, in 32-bit words: the series' number plus one (0: free), the hash, where the form's bytes begin in the arena (in words),
// and the two lengths.
const seriesAt = 0;
const hashAt = 1;
const startAt = 2;
const lengthsAt = 3;
const slotLength = 4;

const rowsMin = 64;
const slotsMin = 256;
const arenaWordsMin = 4_096;
/** Larger tables do not lie in the processor's caches (here 256 KiB). */
const slotsInCacheMax = 65_536;
/** Where the second half of a long form's bytes lies. */
const lineWords = 12;
/** A suffix longer than this is no form: its records take the careful way each time, and are as right. */
const suffixBytesMax = 32_767;
/** Forms a partition may have: beyond them, too, records take the careful way. */
const formsMax = 4_194_304;

export class SeriesTable {
  /** The partition that its samples stand in; -1 before the first. */
  partition = -1;
  rows = new Float64Array(rowsMin * rowLength);
  #used = 0;
  readonly #free: number[] = [];
  #slots = new Int32Array(slotsMin * slotLength);
  #forms = 0;
  #arena = new Int32Array(arenaWordsMin);
  #arenaEnd = 0;

  /** A new series' number, its row that of one that has seen nothing. */
  add(): number {
    const number = this.#free.pop() ?? this.#used++;
    if (number * rowLength === this.rows.length) {
      const larger = new Float64Array(this.rows.length * 2);
      larger.set(this.rows);
      this.rows = larger;
    }
    const row = number * rowLength;
    this.rows[row + timeMsAt] = -Infinity;
    this.rows[row + lowAt] = Infinity;
    this.rows[row + highAt] = -Infinity;
    this.rows[row + lastOffsetAt] = -1;
    this.rows[row + lastTimestampMsAt] = 0;
    this.rows[row + judgeFromMsAt] = Infinity;
    this.rows[row + heardAtMsAt] = -Infinity;
    this.rows[row + lastValueAt] = Number.NaN;
    return number;
  }

  /** Forgets some series and all their forms. */
  remove(numbers: ReadonlySet<number>): void {
    this.#rebuild(this.#slots.length, numbers);
    this.#free.push(...numbers);
  }

  /**
   * Looks up the samples [from, to) of a batch that are not odd: `columns.series` is their number, or -1. Among a million
   * series nearly each one's slot, bytes and row have to come from memory: two passes before ask for them, each for all
   * samples at once, so that one waits while the next is on its way (group prefetching, Chen et al. 2004).
   */
  find(batch: Uint8Array, columns: SampleColumns, from = 0, to = columns.count): void {
    const { hash, value, series } = columns;
    const words = columns.wordsOf(batch);
    const slots = this.#slots;
    const mask = slots.length - 1;
    if (slots.length > slotsInCacheMax) {
      const arena = this.#arena;
      const { rows } = this;
      for (let index = from; index < to; index++)
        series[index] = slots[((hash[index]! * slotLength) & mask) + seriesAt]!;
      for (let index = from; index < to; index++) {
        const number = series[index]!;
        const start = slots[((hash[index]! * slotLength) & mask) + startAt]!;
        // Stored, or nobody would ask for them.
        if (number > 0)
          series[index] =
            arena[start]! ^ arena[(start + lineWords) & (arena.length - 1)]! ^ rows[(number - 1) * rowLength]!;
      }
    }
    for (let index = from; index < to; index++) {
      // NaN alone differs from itself.
      series[index] = value[index] === value[index] ? this.#numberOf(words, columns, index) : -1;
    }
  }

  #numberOf(words: DataView, columns: SampleColumns, index: number): number {
    const slots = this.#slots;
    const arena = this.#arena;
    const mask = slots.length - 1;
    const wanted = columns.hash[index]!;
    const keyFrom = columns.keyStart[index]!;
    const keyTo = columns.keyEnd[index]!;
    const suffixFrom = columns.suffixStart[index]!;
    const suffixTo = columns.valueEnd[index]!;
    const lengths = ((keyTo - keyFrom) << 16) | (suffixTo - suffixFrom);
    for (let slot = (wanted * slotLength) & mask; slots[slot + seriesAt] !== 0; slot = (slot + slotLength) & mask) {
      if (slots[slot + hashAt] !== wanted || slots[slot + lengthsAt] !== lengths) continue;
      // The hash is a hint: equal bytes are what counts.
      let at = slots[slot + startAt]!;
      let read = keyFrom;
      for (; read + 4 <= keyTo && arena[at] === words.getInt32(read, true); read += 4) at++;
      if (read + 4 <= keyTo || (read < keyTo && arena[at++] !== tailWord(words, read, keyTo))) continue;
      read = suffixFrom;
      for (; read + 4 <= suffixTo && arena[at] === words.getInt32(read, true); read += 4) at++;
      if (read + 4 <= suffixTo || (read < suffixTo && arena[at] !== tailWord(words, read, suffixTo))) continue;
      return slots[slot + seriesAt]! - 1;
    }
    return -1;
  }

  /** Remembers that the bytes of this sample name a series. */
  learn(batch: Uint8Array, columns: SampleColumns, index: number, number: number): void {
    const keyStart = columns.keyStart[index]!;
    const keyEnd = columns.keyEnd[index]!;
    const suffixStart = columns.suffixStart[index]!;
    const suffixEnd = columns.valueEnd[index]!;
    const words = columns.wordsOf(batch);
    if (suffixEnd - suffixStart > suffixBytesMax || this.#forms >= formsMax) return;
    this.find(batch, columns, index, index + 1);
    if (columns.series[index]! >= 0) return;
    if (this.#forms * 2 * slotLength >= this.#slots.length) this.#rebuild(this.#slots.length * 2, new Set());
    const length = wordsFor(keyEnd - keyStart) + wordsFor(suffixEnd - suffixStart);
    while (this.#arenaEnd + length > this.#arena.length) {
      const larger = new Int32Array(this.#arena.length * 2);
      larger.set(this.#arena);
      this.#arena = larger;
    }
    const start = this.#arenaEnd;
    this.#arenaEnd = copyWords(words, suffixStart, suffixEnd, {
      arena: this.#arena,
      at: copyWords(words, keyStart, keyEnd, { arena: this.#arena, at: start }),
    });
    const hash = columns.hash[index]!;
    const slot = this.#freeSlot(hash);
    this.#slots[slot + seriesAt] = number + 1;
    this.#slots[slot + hashAt] = hash;
    this.#slots[slot + startAt] = start;
    this.#slots[slot + lengthsAt] = ((keyEnd - keyStart) << 16) | (suffixEnd - suffixStart);
    this.#forms++;
  }

  /** Where in the slots a form with this hash may be set. */
  #freeSlot(hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = (hash * slotLength) & mask;
    while (this.#slots[slot + seriesAt] !== 0) slot = (slot + slotLength) & mask;
    return slot;
  }

  /** Sets all slots and the arena anew, without those of some series. */
  #rebuild(length: number, without: ReadonlySet<number>): void {
    assert((length & (length - 1)) === 0, 'the number of slots is a power of two');
    const [slots, arena] = [this.#slots, this.#arena];
    this.#slots = new Int32Array(length);
    this.#arena = new Int32Array(arena.length);
    this.#arenaEnd = 0;
    this.#forms = 0;
    for (let from = 0; from < slots.length; from += slotLength) {
      const series = slots[from + seriesAt]!;
      if (series === 0 || without.has(series - 1)) continue;
      const lengths = slots[from + lengthsAt]!;
      const words = wordsFor(lengths >>> 16) + wordsFor(lengths & 0xffff);
      const start = slots[from + startAt]!;
      this.#arena.set(arena.subarray(start, start + words), this.#arenaEnd);
      const slot = this.#freeSlot(slots[from + hashAt]!);
      this.#slots.set(slots.subarray(from, from + slotLength), slot);
      this.#slots[slot + startAt] = this.#arenaEnd;
      this.#arenaEnd += words;
      this.#forms++;
    }
  }
}

function wordsFor(bytes: number): number {
  return (bytes + 3) >> 2;
}

/** The last one to three bytes, as a word filled up with zeros. */
function tailWord(bytes: DataView, start: number, end: number): number {
  let word = 0;
  for (let at = start; at < end; at++) word |= bytes.getUint8(at) << ((at - start) * 8);
  return word;
}

/** Copies bytes into words of their own, and returns where the next ones begin. */
function copyWords(bytes: DataView, start: number, end: number, to: { arena: Int32Array; at: number }): number {
  let { at } = to;
  for (let read = start; read < end; read += 4) to.arena[at++] = tailWord(bytes, read, Math.min(end, read + 4));
  return at;
}
