import { parseAuditRecord, type AuditRecord } from '../../audit/audit-record.ts';
import type { Clock } from '../../base/clock.ts';
import { refresher } from '../../base/refresher.ts';
import { recordsOf } from '../../log/batch.ts';
import { OffsetGone, type Log } from '../../log/log.ts';
import { topics } from '../../topics.ts';
import type { RuleEdit } from './feed.ts';
import { differences } from './rule-edits.ts';

/** A receiver was created, changed or deleted. */
export interface ReceiverEdit extends Pick<RuleEdit, 'edit' | 'fields' | 'partition' | 'offset' | 'atMs'> {
  readonly kind: 'receiver';
  readonly topic: 'audit';
  readonly name: string;
  readonly author: string;
}

/** How many of the newest records are read at first: each contains a whole change, so a year of them may be large. */
const recordsMax = 10_000;
const refreshMsMax = 1_000;
/** Changes of receivers kept. */
const editsMax = 1_000;

/**
 * Who changed what, from the topic `audit`: the authors of rule versions, and changes of receivers, which `rules` does not
 * contain. It reads new records only when a client asks.
 */
export class AuditTrail {
  readonly #log: Log;
  readonly #clock: Clock;
  /** By rule and version, the oldest first. */
  readonly #authors = new Map<string, string>();
  /** The newest first. */
  #edits: readonly ReceiverEdit[] = [];
  #next: number | undefined;
  /** When the oldest kept record was written, once older ones were dropped. */
  #heldFromMs = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  readonly #refresh = refresher(() => this.#readOn());

  /**
   * Reads new records. Resolves when all records of the time of the call have been read, or after a second: a page must not wait
   * for a log that cannot be read. Never rejects.
   */
  async refresh(): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.#refresh().catch(() => {}), this.#clock.pause(refreshMsMax, over.signal)]);
    over.abort();
  }

  /** The author of this version of a rule, or of its deletion; undefined when unknown. */
  authorOf(ruleId: string, { partition, offset }: { readonly partition: number; readonly offset: number }) {
    return this.#authors.get(`${ruleId} "${partition}-${offset}"`);
  }

  /** Newest first. */
  get edits(): readonly ReceiverEdit[] {
    return this.#edits;
  }

  /** The time since which no change of a receiver is missing. */
  get completeSinceMs(): number {
    return Math.max(this.#heldFromMs, this.#clock.wallMs() - topics.audit.retentionMs);
  }

  async #readOn(): Promise<void> {
    const { name } = topics.audit;
    try {
      const { first, next } = await this.#log.bounds(name, 0);
      const from = Math.max(first, this.#next ?? 0, next - recordsMax);
      const isGap = from > (this.#next ?? first);
      const found: ReceiverEdit[] = [];
      for await (const chunk of this.#log.read(name, 0, { from: { offset: from }, to: next })) {
        for (const { offset, value } of recordsOf(chunk)) {
          const record = value === null ? undefined : parseAuditRecord(value);
          if (record === undefined || 'problem' in record || offset < (this.#next ?? 0)) continue;
          if (isGap && found.length === 0) this.#heldFromMs = Math.max(this.#heldFromMs, record.timeMs);
          this.#note(record);
          if (record.kind === 'receiver') found.unshift(receiverEditOf(record, offset));
        }
        this.#next = chunk.nextOffset;
      }
      if (found.length > 0) this.#keep([...found, ...this.#edits]);
    } catch (error) {
      // Not read for a year, or the topic was recreated.
      if (!(error instanceof OffsetGone)) throw error;
      this.#next = undefined;
    }
  }

  #note({ kind, id, version, author }: AuditRecord): void {
    if (kind !== 'rule') return;
    this.#authors.set(`${id} ${version}`, author);
    const [oldest] = this.#authors.keys();
    if (this.#authors.size > recordsMax && oldest !== undefined) this.#authors.delete(oldest);
  }

  #keep(edits: readonly ReceiverEdit[]): void {
    this.#edits = edits.slice(0, editsMax);
    if (edits.length > editsMax) this.#heldFromMs = Math.max(this.#heldFromMs, this.#edits.at(-1)!.atMs);
  }
}

function receiverEditOf({ id, author, timeMs, before, after }: AuditRecord, offset: number): ReceiverEdit {
  const edit = before === null ? 'made' : after === null ? 'deleted' : 'changed';
  const fields = before === null || after === null ? [] : differences(before, after);
  return { kind: 'receiver', topic: 'audit', partition: 0, offset, atMs: timeMs, name: id, author, edit, fields };
}
