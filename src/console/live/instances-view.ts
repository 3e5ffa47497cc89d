import { refresher } from '../../base/refresher.ts';
import { parseInstanceRecord, type InstanceRecord } from '../../instance/instance-record.ts';
import { recordsOf } from '../../log/batch.ts';
import { OffsetGone, type Log } from '../../log/log.ts';
import type { RecordChunk } from '../../log/record.ts';
import { topics } from '../../topics.ts';

/** One process of SSRMS, as it was last heard of. */
export interface InstanceSeen {
  readonly record: InstanceRecord;
  /** `silent`: it should have spoken since, and has died or stands still. */
  readonly state: 'live' | 'silent' | 'ended';
  /** Of `metrics`, in the time between its last two records; undefined while there is but one. */
  readonly samplesPerSecond: number | undefined;
}

/** Whoever is not heard of for so many of its own intervals is silent, after so many more forgotten. */
const silentAfter = 4;
const forgottenAfter = 90;
/** So far back the first look goes: every instance that lives has spoken since. */
const firstBackMs = 30_000;
/** Rates are taken over so long at the least: two records in a row may be a fraction of a second apart. */
const rateOverMs = 1_500;

interface Heard {
  last: InstanceRecord;
  /** What a rate is measured from. */
  before: InstanceRecord | undefined;
}

/**
 * The processes of the whole system, wherever they run, from the topic `instances`. It reads on from where it was when somebody
 * asks, and nothing in between.
 */
export class InstancesView {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #heard = new Map<string, Heard>();
  /** Where partitions of `metrics` were last known to have come, also by instances that are gone. */
  readonly #positions = new Map<number, number>();
  #next: number | undefined;

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** Reads what has come. Resolves when all that was there at the call is known. */
  readonly refresh = refresher(() => this.#readOn());

  /** As of the last refresh, the oldest first. What ended in good order is shown for as long as what did not. */
  all(): InstanceSeen[] {
    const nowMs = this.#now();
    for (const [id, { last }] of this.#heard)
      if (nowMs - last.atMs > forgottenAfter * last.everyMs) this.#heard.delete(id);
    return [...this.#heard.values()]
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

  /** How far a partition of `metrics` is judged, as its last owner told; undefined when nobody has. */
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
      // Nobody asked for a day, or the topic was made anew.
      if (!(error instanceof OffsetGone)) throw error;
      this.#next = undefined;
    }
  }

  #apply(chunk: RecordChunk): void {
    for (const { value } of recordsOf(chunk)) {
      const record = value === null ? { problem: 'a tombstone' } : parseInstanceRecord(value);
      if ('problem' in record) continue;
      const known = this.#heard.get(record.id);
      if (known === undefined) this.#heard.set(record.id, { last: record, before: undefined });
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
