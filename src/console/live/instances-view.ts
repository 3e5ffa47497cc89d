import { refresher } from '../../base/refresher.ts';
import { parseInstanceRecord, type InstanceRecord } from '../../instance/instance-record.ts';
import { recordsOf } from '../../log/batch.ts';
import { OffsetGone, type Log } from '../../log/log.ts';
import type { RecordChunk } from '../../log/record.ts';
import { topics } from '../../topics.ts';

/** One process of SSRMS, as of its last record. */
export interface InstanceSeen {
  readonly record: InstanceRecord;
  /** `silent`: its next record is overdue; it has died or stands still. */
  readonly state: 'live' | 'silent' | 'ended';
  /** Records of `metrics` per second, between its last two records; undefined while there is only one. */
  readonly samplesPerSecond: number | undefined;
}

/** An instance without a record for this many of its intervals is silent; after this many it is forgotten. */
const silentAfter = 4;
const forgottenAfter = 90;
/** How far back the first read goes: every running instance has written a record since. */
const firstBackMs = 30_000;
/** Rates are measured over at least this long: two consecutive records may be a fraction of a second apart. */
const rateOverMs = 1_500;

interface Reports {
  last: InstanceRecord;
  /** The record that the rate is measured from. */
  before: InstanceRecord | undefined;
}

/**
 * The processes of the whole system, wherever they run, from the topic `instances`. It reads new records only when a client
 * asks.
 */
export class InstancesView {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #reports = new Map<string, Reports>();
  /** The last reported position of each partition of `metrics`, also by instances that are gone. */
  readonly #positions = new Map<number, number>();
  #next: number | undefined;

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** Reads new records. Resolves when all records of the time of the call have been read. */
  readonly refresh = refresher(() => this.#readOn());

  /** As of the last refresh, oldest first. An instance that stopped normally is listed as long as one that died. */
  all(): InstanceSeen[] {
    const nowMs = this.#now();
    for (const [id, { last }] of this.#reports)
      if (nowMs - last.atMs > forgottenAfter * last.everyMs) this.#reports.delete(id);
    return [...this.#reports.values()]
      .map(({ last, before }): InstanceSeen => {
        const isSilent = nowMs - last.atMs > silentAfter * last.everyMs;
        return {
          record: last,
          state: last.ended ? 'ended' : isSilent ? 'silent' : 'live',
          samplesPerSecond: last.ended || isSilent ? undefined : rateOf(before, last),
        };
      })
      .toSorted((a, b) => a.record.startedMs - b.record.startedMs);
  }

  /** How far a partition of `metrics` is evaluated, as its last owner reported; undefined when no instance has. */
  positionOf(partition: number): number | undefined {
    return this.#positions.get(partition);
  }

  async #readOn(): Promise<void> {
    const { name } = topics.instances;
    const from = this.#next === undefined ? { timestampMs: this.#now() - firstBackMs } : { offset: this.#next };
    try {
      for await (const chunk of this.#log.read(name, 0, { from })) {
        this.#apply(chunk);
        this.#next = chunk.nextOffset;
      }
    } catch (error) {
      // Not read for a day, or the topic was recreated.
      if (!(error instanceof OffsetGone)) throw error;
      this.#next = undefined;
    }
  }

  #apply(chunk: RecordChunk): void {
    for (const { value } of recordsOf(chunk)) {
      const record = value === null ? { problem: 'a tombstone' } : parseInstanceRecord(value);
      if ('problem' in record) continue;
      const known = this.#reports.get(record.id);
      if (known === undefined) this.#reports.set(record.id, { last: record, before: undefined });
      else {
        if (known.before === undefined || record.atMs - known.last.atMs >= rateOverMs) known.before = known.last;
        known.last = record;
      }
      for (const [partition, position] of record.evaluate?.partitions ?? []) this.#positions.set(partition, position);
    }
  }
}

function rateOf(before: InstanceRecord | undefined, last: InstanceRecord): number | undefined {
  const sinceMs = last.atMs - (before?.atMs ?? last.atMs);
  if (before === undefined || sinceMs <= 0 || last.evaluate === undefined) return undefined;
  const samples = totalOf(last.evaluate.samples) - totalOf(before.evaluate?.samples ?? {});
  return Math.max(0, (samples * 1_000) / sinceMs);
}

function totalOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
