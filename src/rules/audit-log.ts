import { auditSubject, formatAuditRecord, parseAuditRecord, type AuditRecord } from '../audit/audit-record.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { recordsOf } from '../log/batch.ts';
import type { Log } from '../log/log.ts';
import { topics } from '../topics.ts';

export interface AuditLogOptions {
  readonly log: Log;
  readonly meter: Meter;
  readonly logger: Logger;
}

export interface AuditFilter {
  readonly subject?: string | undefined;
  readonly author?: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface AuditPage {
  readonly records: readonly AuditRecord[];
  /** Where the next, older page begins; undefined: there is none. */
  readonly before: number | undefined;
}

/** Records that are read at once, and by one request: what a filter leaves out is read all the same. */
const sliceRecords = 1_000;
const readRecordsMax = 100_000;

/** The topic `audit`: one partition, so that an offset says how far a reader has come. */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #lost;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#lost = options.meter.counter('audit_records_lost_total', 'Changes that could not be written to audit');
  }

  /**
   * Writes down a change that is durable already. Resolves when that is durable, too. Never rejects: the change is in force, and
   * its author is in the process's log.
   */
  async write(record: AuditRecord): Promise<void> {
    const { log, logger } = this.#options;
    const [key, value] = [Buffer.from(auditSubject(record)), Buffer.from(formatAuditRecord(record))];
    try {
      await log.append(topics.audit.name, [{ key, value, timestampMs: record.timeMs, partition: 0 }]);
    } catch (error) {
      this.#lost.inc();
      const { kind, id, author, action } = record;
      logger.error({ err: error, kind, id, author, action }, 'a change could not be written to the topic audit');
    }
  }

  /** The newest records that match, from before an offset on. */
  async read(filter: AuditFilter, limit: number, before = Infinity): Promise<AuditPage> {
    const { first, next } = await this.#options.log.bounds(topics.audit.name, 0);
    const begin = Math.min(before, next);
    const records: AuditRecord[] = [];
    let to = begin;
    while (to > first && begin - to < readRecordsMax) {
      const from = Math.max(first, to - sliceRecords);
      for (const { offset, record } of (await this.#slice(from, to)).reverse()) {
        if (!isWanted(record, filter)) continue;
        records.push(record);
        if (records.length === limit) return { records, before: offset > first ? offset : undefined };
      }
      to = from;
    }
    return { records, before: to > first ? to : undefined };
  }

  /** Oldest first, without what cannot be read. */
  async #slice(from: number, to: number): Promise<{ offset: number; record: AuditRecord }[]> {
    const found: { offset: number; record: AuditRecord }[] = [];
    for await (const chunk of this.#options.log.read(topics.audit.name, 0, { from: { offset: from }, to })) {
      for (const { offset, value } of recordsOf(chunk)) {
        if (value === null || offset < from || offset >= to) continue;
        const record = parseAuditRecord(value);
        if (!('problem' in record)) found.push({ offset, record });
      }
    }
    return found;
  }
}

function isWanted(record: AuditRecord, { subject, author, fromMs, toMs }: AuditFilter): boolean {
  return (
    record.timeMs >= fromMs &&
    record.timeMs <= toMs &&
    (subject === undefined || subject === auditSubject(record)) &&
    (author === undefined || author === record.author)
  );
}
