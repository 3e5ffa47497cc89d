import type { Rule } from './rule.ts';
import type { Condition } from './condition.ts';
import type { Webhook } from '../receiver/discord/address.ts';

/** The version of a rule that is in force. */
export interface RuleEntry {
  readonly rule: Rule;
  readonly condition: Condition;
  /** A secret: what `discord_webhook_url` was taken apart into; undefined when the rule has none. */
  readonly webhook: Webhook | undefined;
  /** The place of this version in the `rules` log. */
  readonly partition: number;
  readonly offset: number;
}

/** Rules in the order of their ids. */
export interface RuleList extends Iterable<RuleEntry> {
  readonly size: number;
  /** The rules whose id is greater than this one, in order. The rule itself need not be there. */
  after(id: string): IterableIterator<RuleEntry>;
}

/** The list of one rule: most metrics have no more, and a million of them notice a few objects less each. */
export class OneRule implements RuleList {
  readonly size = 1;
  readonly entry: RuleEntry;

  constructor(entry: RuleEntry) {
    this.entry = entry;
  }

  *[Symbol.iterator](): IterableIterator<RuleEntry> {
    yield this.entry;
  }

  *after(id: string): IterableIterator<RuleEntry> {
    if (this.entry.rule.id > id) yield this.entry;
  }
}

const chunkLengthMax = 512;

/**
 * A sorted list cut into chunks: a change moves at most one chunk, so that a hundred thousand rules that arrive in any
 * order are in place within a moment. Chunks are never empty, and all ids of one are below all ids of the next.
 */
export class OrderedRules implements RuleList {
  #chunks: RuleEntry[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds the entry, or puts it in the place of the one with the same id. */
  set(entry: RuleEntry): void {
    if (this.#chunks.length === 0) {
      this.#chunks = [[entry]];
      this.#size = 1;
      return;
    }
    const chunkIndex = Math.min(this.#chunkOf(entry.rule.id), this.#chunks.length - 1);
    const chunk = this.#chunks[chunkIndex] as RuleEntry[];
    const index = firstAtLeast(chunk, entry.rule.id);
    if (chunk[index]?.rule.id === entry.rule.id) {
      chunk[index] = entry;
      return;
    }
    chunk.splice(index, 0, entry);
    this.#size += 1;
    if (chunk.length > chunkLengthMax) this.#chunks.splice(chunkIndex + 1, 0, chunk.splice(chunk.length >> 1));
  }

  delete(id: string): void {
    const chunkIndex = this.#chunkOf(id);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return;
    const index = firstAtLeast(chunk, id);
    if (chunk[index]?.rule.id !== id) return;
    chunk.splice(index, 1);
    this.#size -= 1;
    if (chunk.length === 0) this.#chunks.splice(chunkIndex, 1);
  }

  *[Symbol.iterator](): IterableIterator<RuleEntry> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  /** The entry that so many come before. */
  at(rank: number): RuleEntry | undefined {
    let before = 0;
    for (const chunk of this.#chunks) {
      if (rank < before + chunk.length) return chunk[rank - before];
      before += chunk.length;
    }
    return undefined;
  }

  *after(id: string): IterableIterator<RuleEntry> {
    for (let chunkIndex = this.#chunkOf(id); chunkIndex < this.#chunks.length; chunkIndex += 1) {
      for (const entry of this.#chunks[chunkIndex] as RuleEntry[]) if (entry.rule.id > id) yield entry;
    }
  }

  /** The first chunk whose last id is at least this one: where the id is, or belongs. */
  #chunkOf(id: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (((this.#chunks[middle] as RuleEntry[]).at(-1) as RuleEntry).rule.id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function firstAtLeast(entries: readonly RuleEntry[], id: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle] as RuleEntry).rule.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
