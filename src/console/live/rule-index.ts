import { setImmediate as afterOthers } from 'node:timers/promises';
import type { RuleEntry } from '../../rule/rule-list.ts';
import { matcherTexts } from '../../rule/matcher.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import { countOf, setBit, SlotSet, slotsOf } from './slot-set.ts';
import { severitiesOf } from '../../rule/rule-level.ts';

/** What the texts of every rule that a search finds contain, in lower case; see `textsOf`. */
export interface IndexQuery {
  /** Each of these occurs in some text. Empty: nothing is known of the texts. */
  readonly parts: readonly string[];
  /** Alternatively, the rule's id starts with this. */
  readonly orIdStart?: string;
  /** Only these rules; undefined for all. */
  readonly ids?: Iterable<string>;
  readonly isDisabled?: true;
  readonly webhookId?: string;
}

/** Marks the start and the end of a text. Part of the query, so that a whole name differs from a part of one. */
export const textStart = '\u0002';
export const textEnd = '\u0003';
/** Does not occur in texts of users. */
export const severityText = (severity: string): string => `\u0004${severity}`;

/** Distinct trigrams in the index; a rule with further ones is a candidate of every search. */
const gramsMax = 131_072;
/** Length of one rule's texts; a rule with longer ones is a candidate of every search. */
const gramsOfRuleMax = 400;
/** Rules that are indexed before the event loop gets its turn. */
const builtAtOnce = 200;

/**
 * Finds the candidates of a search among a million rules: an inverted index of the trigrams of their texts.
 *
 *   rule ──> slot ──> for each trigram of its texts: a set of slots
 *
 * A rule that contains a word contains all trigrams of it, and few other rules do: intersecting the sets takes a few bitmaps.
 * Candidates may match; the search checks each. The index is built beside other work once the rules have been read, and
 * follows them from then on; until it is built, `candidates` returns undefined.
 */
export class RuleIndex {
  readonly #rules: RuleFeed;
  /** The slot of each rule by its id. Slots of deleted rules are reused. */
  readonly #slots = new Map<string, number>();
  readonly #entries: (RuleEntry | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #sets = new Map<number, SlotSet>();
  readonly #everywhere = new SlotSet();
  readonly #disabled = new SlotSet();
  /** Reused by each search: a new bitmap for each one would be garbage that is collected along with a million rules. */
  #lent: readonly [Uint32Array, Uint32Array] = [new Uint32Array(0), new Uint32Array(0)];
  /** All rules up to this id are indexed; undefined when all are. */
  #builtTo: string | undefined = '';

  constructor(rules: RuleFeed) {
    this.#rules = rules;
    rules.subscribe((change) => {
      if (change.kind !== 'set' && change.kind !== 'deleted') return;
      const { id } = (change.kind === 'set' ? change.entry : change.before).rule;
      // Later ids are indexed when the build reaches them.
      if (this.#builtTo !== undefined && id > this.#builtTo) return;
      if (change.kind === 'set') this.#set(change.entry);
      else this.#delete(id);
    });
  }

  /** Builds the index, then waits for the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([this.#rules.caughtUp.then(() => this.build(signal)).catch(() => {}), ended]);
    if (!signal.aborted) await ended;
  }

  async build(signal?: AbortSignal): Promise<void> {
    while (this.#builtTo !== undefined) {
      if (signal?.aborted === true) return;
      const part = this.#rules.book.page({ after: this.#builtTo, limit: builtAtOnce });
      for (const entry of part) this.#set(entry);
      this.#builtTo = part.length < builtAtOnce ? undefined : part.at(-1)!.rule.id;
      await afterOthers();
    }
  }

  get isBuilt(): boolean {
    return this.#builtTo === undefined;
  }

  /** The rules that may match all queries, in no order; undefined when there are more than `most`, or the index is not built. */
  candidates(queries: readonly IndexQuery[], most: number): RuleEntry[] | undefined {
    if (this.#builtTo !== undefined || queries.length === 0) return undefined;
    const [found, own] = this.#lend();
    this.#all(found);
    for (const query of queries) {
      if (this.#find(query, most, own)) for (let word = 0; word < found.length; word++) found[word]! &= own[word]!;
    }
    if (countOf(found) > most) return undefined;
    return Array.from(slotsOf(found), (slot) => this.#entries[slot]!);
  }

  #lend(): readonly [Uint32Array, Uint32Array] {
    const words = (this.#entries.length + 31) >>> 5;
    if (words > this.#lent[0].length) {
      const room = Math.ceil(words * 1.5);
      this.#lent = [new Uint32Array(room), new Uint32Array(room)];
    }
    return [this.#lent[0].subarray(0, words), this.#lent[1].subarray(0, words)];
  }

  #all(bits: Uint32Array): void {
    bits.fill(0xffffffff);
    for (const slot of this.#free) bits[slot >>> 5]! &= ~(1 << (slot & 31));
    if ((this.#entries.length & 31) !== 0) bits[bits.length - 1]! &= (1 << (this.#entries.length & 31)) - 1;
  }

  /** Sets the bits of the rules that may match the query; false when the query narrows nothing. */
  #find({ parts, orIdStart, ids, isDisabled, webhookId }: IndexQuery, most: number, bits: Uint32Array): boolean {
    bits.fill(0);
    if (ids !== undefined) for (const id of ids) this.#mark(id, bits);
    else if (isDisabled !== undefined) this.#disabled.widen(bits);
    else if (webhookId !== undefined) this.#sets.get(webhookGram(webhookId))?.widen(bits);
    else if (!this.#findParts(parts, bits)) return false;
    if (ids === undefined && isDisabled === undefined) this.#everywhere.widen(bits);
    if (orIdStart === undefined) return true;
    this.#mark(orIdStart, bits);
    let count = 0;
    for (const { rule } of this.#rules.book.after(orIdStart)) {
      if (!rule.id.startsWith(orIdStart)) break;
      if (++count > most) return false;
      this.#mark(rule.id, bits);
    }
    return true;
  }

  #mark(id: string, bits: Uint32Array): void {
    const slot = this.#slots.get(id);
    if (slot !== undefined) setBit(bits, slot);
  }

  #findParts(parts: readonly string[], bits: Uint32Array): boolean {
    const grams = parts.flatMap((part) => gramsIn(part));
    const longest = parts.toSorted((one, other) => other.length - one.length)[0] ?? '';
    if (grams.length > 0) {
      this.#all(bits);
      const sets = grams.map((gram) => this.#sets.get(gram));
      if (sets.includes(undefined)) bits.fill(0);
      else for (const set of sets) set!.narrow(bits);
    } else if (longest !== '') {
      // One letter or two: they are part of some trigram.
      const isIn = gramTest(longest);
      for (const [gram, set] of this.#sets) if (gram >= 0 && isIn(gram)) set.widen(bits);
    }
    return longest !== '';
  }

  #set(entry: RuleEntry): void {
    const { id } = entry.rule;
    const known = this.#slots.get(id);
    if (known !== undefined) {
      const before = this.#entries[known]!;
      if (hasSameWords(before, entry)) {
        this.#entries[known] = entry;
        return;
      }
      this.#delete(id);
    }
    const slot = this.#free.pop() ?? this.#entries.length;
    this.#slots.set(id, slot);
    this.#entries[slot] = entry;
    if (!entry.condition.enabled) this.#disabled.add(slot);
    const grams = gramsOf(entry);
    if (!this.#isIndexable(grams)) return this.#everywhere.add(slot);
    for (const gram of grams) {
      const set = this.#sets.get(gram);
      if (set === undefined) this.#sets.set(gram, new SlotSet([slot]));
      else set.add(slot);
    }
  }

  #isIndexable(grams: ReadonlySet<number>): boolean {
    if (grams.size > gramsOfRuleMax) return false;
    if (this.#sets.size + grams.size <= gramsMax) return true;
    let fresh = 0;
    for (const gram of grams) if (!this.#sets.has(gram)) fresh++;
    return this.#sets.size + fresh <= gramsMax;
  }

  #delete(id: string): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    const entry = this.#entries[slot]!;
    this.#slots.delete(id);
    this.#entries[slot] = undefined;
    this.#free.push(slot);
    if (!entry.condition.enabled) this.#disabled.delete(slot);
    if (this.#everywhere.has(slot)) return this.#everywhere.delete(slot);
    for (const gram of gramsOf(entry)) {
      const set = this.#sets.get(gram)!;
      set.delete(slot);
      if (set.size === 0) this.#sets.delete(gram);
    }
  }
}

/** The texts of a rule that are searched beside its id and its state, in lower case. */
function* textsOf({ rule }: RuleEntry): Generator<string> {
  yield rule.metric_name.toLowerCase();
  if (rule.name !== undefined) yield rule.name.toLowerCase();
  if (rule.description !== undefined) yield rule.description.toLowerCase();
  for (const severity of severitiesOf(rule)) yield severityText(severity);
  for (const [key, label] of Object.entries(rule.labels ?? {})) yield `${key}=${label}`.toLowerCase();
  for (const [key, matcher] of Object.entries(rule.tags ?? {}))
    for (const value of matcherTexts(matcher)) yield `${key}=${value}`.toLowerCase();
}

function hasSameWords(one: RuleEntry, other: RuleEntry): boolean {
  if (one.condition.enabled !== other.condition.enabled || one.webhook?.id !== other.webhook?.id) return false;
  const others = textsOf(other);
  for (const text of textsOf(one)) if (others.next().value !== text) return false;
  return others.next().done === true;
}

function gramsOf(entry: RuleEntry): Set<number> {
  const grams = entry.webhook === undefined ? [] : [webhookGram(entry.webhook.id)];
  for (const text of textsOf(entry)) addGrams(textStart + text + textEnd, grams);
  return new Set(grams);
}

/** A letter in ten bits. Letters outside ASCII share codes, so a search checks some rules in vain. */
function letterOf(code: number): number {
  return code < 128 ? code : 128 + ((code * 31) % 896);
}

/** A trigram in thirty bits, which is a small integer in V8. */
function addGrams(text: string, grams: number[]): void {
  let gram = 0;
  for (let index = 0; index < text.length; index++) {
    gram = ((gram << 10) | letterOf(text.charCodeAt(index))) & 0x3fffffff;
    if (index >= 2) grams.push(gram);
  }
}

function gramsIn(text: string): number[] {
  const grams: number[] = [];
  addGrams(text, grams);
  return grams;
}

/** Whether a trigram contains these one or two letters next to each other. */
function gramTest(text: string): (gram: number) => boolean {
  const first = letterOf(text.charCodeAt(0));
  if (text.length === 1)
    return (gram) => gram >>> 20 === first || ((gram >>> 10) & 1023) === first || (gram & 1023) === first;
  const both = (first << 10) | letterOf(text.charCodeAt(1));
  return (gram) => gram >>> 10 === both || (gram & 0xfffff) === both;
}

/** Negative, so that it differs from all trigrams. Two webhooks may share one. */
function webhookGram(webhookId: string): number {
  let hash = 0;
  for (let index = 0; index < webhookId.length; index++) hash = (Math.imul(hash, 31) + webhookId.charCodeAt(index)) | 0;
  return -1 - (hash & 0x3fffffff);
}
