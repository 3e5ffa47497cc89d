// Senders name the same series again and again, in the same bytes. What those bytes come to, once checked and encoded, is
// remembered by them: one look-up instead of decoding, checking and encoding a name and its tags for each sample.
//
// All that is known of a series lies in one place, for a sample of a series drawn at random is mostly waiting for memory:
//
//   entry: │ hash │ bytes of name │ partition │ bytes of key │ bytes of ending │ name as sent │ key │ ending │
//
// Two tables, a young and an old one. What is found in the old one moves to the young one; when that is full it becomes
// the old one, so what nobody names is forgotten, and memory stays bounded whatever is sent.
import { copyBytes, viewOf } from '../base/byte-copy.ts';
import type { SeriesForm } from './series-form.ts';

const entriesMax = 32_768;
const slots = entriesMax * 2;
const bytesMin = 64 * 1024;
const bytesMax = 16 * 1024 * 1024;
/** Longer ones are decoded each time: a few of them would fill the table. */
const oneNameBytesMax = 4_096;
const headerWords = 5;
/** The bits of a slot that say a place: all places of bytesMax / 4 words. */
const placeMask = 0x3f_ffff;

/** A series of the table, valid until the next one is looked up. */
class Entry implements SeriesForm {
  partition = 0;
  view = viewOf(new Uint8Array(0));
  keyStart = 0;
  endingStart = 0;
  end = 0;
}

class Table {
  /** Where the entry begins, in words and from 1, and above it the hash's highest bits; 0 is an empty slot. */
  readonly slots = new Int32Array(slots);
  words = new Int32Array(bytesMin / 4);
  view = viewOf(this.words);
  wordsUsed = 0;
  entries = 0;

  hasRoomFor(words: number): boolean {
    return this.entries < entriesMax && (this.wordsUsed + words) * 4 <= bytesMax;
  }

  reserve(words: number): void {
    const needed = this.wordsUsed + words;
    if (needed <= this.words.length) return;
    const larger = new Int32Array(Math.max(needed, this.words.length * 2));
    larger.set(this.words);
    this.words = larger;
    this.view = viewOf(larger);
  }
}

export class SeriesCache {
  readonly #entry = new Entry();
  #young = new Table();
  #old: Table | undefined;

  /** What the bytes [start, end) came to the last time, or undefined. Valid until the next call. */
  find(name: DataView, start: number, end: number): SeriesForm | undefined {
    const hash = hashOf(name, start, end);
    let table = this.#young;
    let place = placeIn(table, hash, name, start, end);
    if (place < 0) {
      if (this.#old === undefined) return undefined;
      table = this.#old;
      place = placeIn(table, hash, name, start, end);
      if (place < 0) return undefined;
    }
    const entry = this.#entry;
    const { words } = table;
    entry.view = table.view;
    entry.partition = words[place + 2]!;
    entry.keyStart = (place + headerWords) * 4 + words[place + 1]!;
    entry.endingStart = entry.keyStart + words[place + 3]!;
    entry.end = entry.endingStart + words[place + 4]!;
    if (table !== this.#young) this.#put(hash, name, start, end, entry);
    return entry;
  }

  /** Remembers what the bytes [start, end) came to. They were looked for and not found. */
  put(name: DataView, start: number, end: number, form: SeriesForm): void {
    if (end - start <= oneNameBytesMax) this.#put(hashOf(name, start, end), name, start, end, form);
  }

  // oxlint-disable-next-line max-params -- A range of bytes is three, and an object for them would be one a sample.
  #put(hash: number, name: DataView, start: number, end: number, form: SeriesForm): void {
    const nameBytes = end - start;
    const words = headerWords + Math.ceil((nameBytes + form.end - form.keyStart) / 4);
    if (!this.#young.hasRoomFor(words)) {
      this.#old = this.#young;
      this.#young = new Table();
    }
    const table = this.#young;
    table.reserve(words);
    let slot = hash & (slots - 1);
    while (table.slots[slot] !== 0) slot = (slot + 1) & (slots - 1);
    const place = table.wordsUsed;
    table.slots[slot] = (hash & ~placeMask) | (place + 1);
    table.words[place] = hash;
    table.words[place + 1] = nameBytes;
    table.words[place + 2] = form.partition;
    table.words[place + 3] = form.endingStart - form.keyStart;
    table.words[place + 4] = form.end - form.endingStart;
    const at = copyBytes(name, start, end, table.view, (place + headerWords) * 4);
    copyBytes(form.view, form.keyStart, form.end, table.view, at);
    table.wordsUsed += words;
    table.entries++;
  }
}

/** Where the entry of this name begins in the table's words, or -1. */
// oxlint-disable-next-line max-params -- As above.
function placeIn(table: Table, hash: number, name: DataView, start: number, end: number): number {
  for (let slot = hash & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
    const word = table.slots[slot]!;
    if (word === 0) return -1;
    if (((word ^ hash) & ~placeMask) !== 0) continue;
    const place = (word & placeMask) - 1;
    if (table.words[place] !== hash || table.words[place + 1] !== end - start) continue;
    if (sameBytes(table.view, (place + headerWords) * 4, name, start, end)) return place;
  }
}

// oxlint-disable-next-line max-params -- As above.
function sameBytes(known: DataView, knownStart: number, name: DataView, start: number, end: number): boolean {
  let other = knownStart;
  let at = start;
  for (; at + 4 <= end; at += 4, other += 4) if (known.getInt32(other) !== name.getInt32(at)) return false;
  for (; at < end; at++, other++) if (known.getUint8(other) !== name.getUint8(at)) return false;
  return true;
}

/** A secret seed, so that a sender cannot choose series that fall into one slot. */
const seed = Math.floor(Math.random() * 0x7fff_ffff);

export function hashOf(name: DataView, start: number, end: number): number {
  let hash = seed ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ name.getInt32(at), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ name.getUint8(at), 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
