/**
 * The receivers in force, as far as the topic `receivers` has been read: the view that a sender looks up address and secret in.
 * A record that cannot be read changes nothing: the last good version stays in force, and the problem is kept under the
 * receiver's name until a good version or a deletion takes its place.
 */
import { readRecord, RecordProblems, textOf } from '../base/record-problems.ts';
import { isReceiverName } from '../rule/receiver-name.ts';
import { parseReceiverConfig, type ReceiverConfig } from './receiver-config.ts';
import type { ReceiverOptions } from './receiver-kind.ts';

/** One record of the topic `receivers`. A null value deletes. */
export interface ReceiverRecord {
  readonly key: Uint8Array | string;
  readonly value: Uint8Array | string | null;
  readonly partition: number;
  readonly offset: number;
}

/** The version of a receiver that is in force. */
export interface ReceiverEntry {
  readonly config: ReceiverConfig;
  readonly partition: number;
  readonly offset: number;
}

/** A record that is no receiver. Holds no secret. */
export interface ReceiverProblem {
  readonly name: string;
  readonly message: string;
  readonly partition: number;
  readonly offset: number;
}

export type ReceiverChange =
  | { readonly kind: 'set'; readonly entry: ReceiverEntry; readonly before: ReceiverEntry | undefined }
  | { readonly kind: 'deleted'; readonly before: ReceiverEntry }
  | { readonly kind: 'problem'; readonly problem: ReceiverProblem; readonly inForce: ReceiverEntry | undefined }
  /** A deletion of what was not there, or a record that was applied before. */
  | { readonly kind: 'nothing' };

/** The receivers as one process follows them: read the book, and hear of each change after it was applied. */
export interface ReceiverFeed {
  readonly book: ReceiverBook;
  /** Resolves when all receivers that stood in the log at the start are in the book. */
  readonly caughtUp: Promise<void>;
  /** Calls the listener after each record that was applied, until the returned function is called. */
  subscribe(listener: (change: ReceiverChange) => void): () => void;
}

/** A record longer than this is no receiver. */
export const receiverRecordBytesMax = 65_536;
const keyCharactersShownMax = 64;

export class ReceiverBook {
  readonly #options: ReceiverOptions;
  readonly #byName = new Map<string, ReceiverEntry>();
  readonly #problems = new RecordProblems<ReceiverProblem>();

  constructor(options: ReceiverOptions = {}) {
    this.#options = options;
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): ReceiverEntry | undefined {
    return this.#byName.get(name);
  }

  /** All receivers in the order of their names. */
  [Symbol.iterator](): Iterator<ReceiverEntry> {
    const entries = [...this.#byName.values()];
    return entries.sort((one, other) => (one.config.name < other.config.name ? -1 : 1))[Symbol.iterator]();
  }

  problems(): ReceiverProblem[] {
    return this.#problems.all();
  }

  /** Never throws for what a record says. */
  apply(record: ReceiverRecord): ReceiverChange {
    const name = textOf(record.key);
    if (name === undefined || !isReceiverName(name)) {
      if (record.value === null) return { kind: 'nothing' };
      const shown = (name ?? 'not UTF-8').slice(0, keyCharactersShownMax);
      return this.#problem(record, shown, 'the key must be the name of a receiver');
    }
    const before = this.#byName.get(name);
    if (before && before.partition === record.partition && record.offset <= before.offset) return { kind: 'nothing' };
    if (record.value === null) return this.#delete(name, before);
    const config = this.#configOf(name, record.value);
    if (typeof config === 'string') return this.#problem(record, name, config);
    const entry: ReceiverEntry = { config, partition: record.partition, offset: record.offset };
    this.#problems.delete(name);
    this.#byName.set(name, entry);
    return { kind: 'set', entry, before };
  }

  #delete(name: string, before: ReceiverEntry | undefined): ReceiverChange {
    this.#problems.delete(name);
    if (before === undefined) return { kind: 'nothing' };
    this.#byName.delete(name);
    return { kind: 'deleted', before };
  }

  #problem({ partition, offset }: ReceiverRecord, name: string, message: string): ReceiverChange {
    const problem: ReceiverProblem = { name, message, partition, offset };
    this.#problems.add(name, problem);
    return { kind: 'problem', problem, inForce: this.#byName.get(name) };
  }

  /** The receiver, or why the value is none. */
  #configOf(name: string, value: Uint8Array | string): ReceiverConfig | string {
    return readRecord(value, receiverRecordBytesMax, (json) =>
      parseReceiverConfig(json, { ...this.#options, name, unknownFields: 'ignored' }),
    );
  }
}
