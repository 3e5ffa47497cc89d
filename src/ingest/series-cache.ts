// Senders name the same series again and again, in the same bytes. What those bytes come to, once checked and encoded, is
// remembered by them: one look-up instead of decoding, checking and encoding a name and its tags for each sample.
//
// Two tables, a young and an old one. What is found in the old one moves to the young one; when that is full it becomes
// the old one, so what nobody names is forgotten, and memory stays bounded whatever is sent.
import type { SeriesForm } from './series-form.ts';

const entriesMax = 32_768;
const slots = entriesMax * 2;
const keyBytesMax = 16 * 1024 * 1024;
/** What is longer is decoded each time: a few of them would fill the table. */
const oneKeyBytesMax = 4_096;

class Table {
  readonly hashes = new Int32Array(slots);
  readonly keys: (Uint8Array | undefined)[] = Array.from<Uint8Array | undefined>({ length: slots });
  readonly forms: (SeriesForm | undefined)[] = Array.from<SeriesForm | undefined>({ length: slots });
  entries = 0;
  keyBytes = 0;
}

export class SeriesCache {
  #young = new Table();
  #old: Table | undefined;

  /** What bytes[start, end) came to the last time, or undefined. */
  find(bytes: Uint8Array, start: number, end: number): SeriesForm | undefined {
    const hash = hashOf(bytes, start, end);
    const found = findIn(this.#young, hash, bytes, start, end);
    if (found !== undefined || this.#old === undefined) return found;
    const older = findIn(this.#old, hash, bytes, start, end);
    if (older !== undefined) this.#put(hash, bytes, start, end, older);
    return older;
  }

  /** Remembers what bytes[start, end) came to. They were looked for and not found. */
  put(bytes: Uint8Array, start: number, end: number, form: SeriesForm): void {
    if (end - start <= oneKeyBytesMax) this.#put(hashOf(bytes, start, end), bytes, start, end, form);
  }

  // oxlint-disable-next-line max-params -- A range of bytes is three, and an object for them would be one a sample.
  #put(hash: number, bytes: Uint8Array, start: number, end: number, form: SeriesForm): void {
    if (this.#young.entries >= entriesMax || this.#young.keyBytes >= keyBytesMax) {
      this.#old = this.#young;
      this.#young = new Table();
    }
    const table = this.#young;
    let slot = hash & (slots - 1);
    while (table.keys[slot] !== undefined) slot = (slot + 1) & (slots - 1);
    table.hashes[slot] = hash;
    table.keys[slot] = bytes.slice(start, end);
    table.forms[slot] = form;
    table.entries++;
    table.keyBytes += end - start + form.bytes;
  }
}

// oxlint-disable-next-line max-params -- As above.
function findIn(table: Table, hash: number, bytes: Uint8Array, start: number, end: number): SeriesForm | undefined {
  for (let slot = hash & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
    const key = table.keys[slot];
    if (key === undefined) return undefined;
    if (table.hashes[slot] === hash && sameBytes(key, bytes, start, end)) return table.forms[slot];
  }
}

function sameBytes(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let at = 0; at < key.length; at++) if (key[at] !== bytes[start + at]) return false;
  return true;
}

/** So that nobody can choose series that fall into one slot. */
const seed = Math.floor(Math.random() * 0x7fff_ffff);

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = seed ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
